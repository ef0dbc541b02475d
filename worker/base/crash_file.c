#include "base/crash_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/str_buffer.h"
#include "base/string_map.h"

#include "base/bans.h"

#define READ_MAX (2u * CRASH_FILE_MAX)

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\xHH" to bytes, in place. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0';) {
        bool is_escape = at[0] == '\\' && at[1] == 'x' && hex_digit(at[2]) >= 0 && hex_digit(at[3]) >= 0;
        *to++ = is_escape ? (char)(hex_digit(at[2]) * 16 + hex_digit(at[3])) : *at;
        at += is_escape ? 4 : 1;
    }
    *to = '\0';
}

static bool begin_report(struct ptr_array *reports, struct string_map **report)
{
    *report = string_map_create();
    if (*report != NULL && ptr_array_push(reports, *report))
        return true;
    string_map_destroy(*report);
    *report = NULL;
    return false;
}

/* `report`: the one that was begun; NULL: none. */
static bool take_line(char *line, struct ptr_array *reports, struct string_map **report)
{
    char *value = strstr(line, ": ");

    if (strcmp(line, "crash") == 0)
        return begin_report(reports, report);
    if (value == NULL || *report == NULL)
        return true;
    *value = '\0';
    value += 2;
    unescape(value);
    return string_map_put(*report, line, value);
}

bool crash_file_parse(char *text, struct ptr_array *reports)
{
    struct string_map *report = NULL;

    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (!take_line(line, reports, &report))
            return false;
    }
    return true;
}

bool crash_file_read(const char *path, struct ptr_array *reports, char *why, size_t why_size)
{
    char *text;
    bool is_read;

    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    text = file_read(path, READ_MAX, NULL, why, why_size);
    if (text == NULL)
        return false;
    is_read = crash_file_parse(text, reports);
    mem_free(text);
    if (!is_read)
        snprintf(why, why_size, "%s: no memory for the reports in it", path);
    return is_read;
}

static void append_escaped(struct str_buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7F || c == '\\')
            str_buffer_printf(out, "\\x%02x", c);
        else
            str_buffer_append_char(out, *text);
    }
}

static void append_report(struct str_buffer *out, const struct string_map *report)
{
    str_buffer_append_text(out, "crash\n");
    for (size_t i = 0; i < string_map_count(report); i++) {
        str_buffer_printf(out, "%s: ", string_map_key(report, i));
        append_escaped(out, string_map_value(report, i));
        str_buffer_append_char(out, '\n');
    }
    str_buffer_append_char(out, '\n');
}

char *crash_file_text(const struct ptr_array *reports, size_t *length)
{
    struct str_buffer out;

    str_buffer_init(&out, READ_MAX);
    for (size_t i = 0; i < reports->count; i++)
        append_report(&out, ptr_array_at(reports, i));
    return str_buffer_take(&out, length);
}

static bool replace(const char *path, const char *text, size_t length, char *why, size_t why_size)
{
    char words[128];

    if (length > 0)
        return file_replace(path, &(struct file_content){.bytes = text, .length = length, .mode = 0600}, why, why_size);
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return true;
    snprintf(why, why_size, "%s: cannot be removed: %s", path, strerror_r(errno, words, sizeof(words)));
    return false;
}

bool crash_file_write(const char *path, const char *text, size_t length, char *why, size_t why_size)
{
    bool is_written;

    if (!crash_replace_begin()) {
        snprintf(why, why_size, "%s: the process is ending by a crash, whose report is in it", path);
        return false;
    }
    is_written = replace(path, text, length, why, why_size);
    crash_replace_end();
    return is_written;
}
