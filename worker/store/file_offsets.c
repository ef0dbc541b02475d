#include "store/file_offsets_internal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/str_buffer.h"
#include "store/offset_store_internal.h"
#include "base/bans.h"

static const char first_line[] = "#millrace-offsets 1\n";

/* What lies between here and the end. */
struct reading {
    const char *at, *end;
};

/* The next line without its LF. false: no more, or the last one has no LF. */
static bool line_next(struct reading *reading, struct mr_bytes *line)
{
    const char *end = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
    if (end == NULL)
        return false;
    *line = (struct mr_bytes){.data = reading->at, .size = (size_t)(end - reading->at)};
    reading->at = end + 1;
    return true;
}

static bool is_end_line(struct mr_bytes line, size_t count)
{
    char expected[40];
    int length = snprintf(expected, sizeof(expected), "#end %zu", count);
    return line.size == (size_t)length && memcmp(line.data, expected, line.size) == 0;
}

static int feed_line(struct offset_store *store, const char *path, struct mr_bytes line, size_t number,
                     struct mr_error **error)
{
    const char *tab = line.size > 0 ? memchr(line.data, '\t', line.size) : NULL;
    if (tab == NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "%s: line %zu is not an offset: restore the file from a backup, or move it away to begin "
                            "without offsets",
                            path, number);
    struct mr_bytes key = {.data = line.data, .size = (size_t)(tab - (const char *)line.data)};
    struct mr_bytes value = {.data = tab + 1, .size = line.size - key.size - 1};
    if (offset_store_feed(store, key, value, -1) != 0)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "%s: no memory for the offsets in it", path);
    return 0;
}

static int refuse_stranger(const char *path, const char *text, size_t length, struct mr_error **error)
{
    static const char java[] = {(char)0xAC, (char)0xED, 0x00, 0x05};
    if (length >= sizeof(java) && memcmp(text, java, sizeof(java)) == 0)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "%s: this is the offset file of a JVM standalone worker (a serialised Java map), which "
                            "cannot be read here: set offset.storage.file.filename to a new file; source connectors "
                            "then begin anew",
                            path);
    return mr_error_set(error, MR_ERR_CONFIG,
                        "%s: not an offset file of this worker: set offset.storage.file.filename to a new file, or "
                        "move this one away",
                        path);
}

int file_offsets_read(struct offset_store *store, const char *path, const char *text, size_t length,
                      struct mr_error **error)
{
    size_t head = strlen(first_line), count = 0;
    if (length == 0)
        return 0;
    if (length < head || memcmp(text, first_line, head) != 0)
        return refuse_stranger(path, text, length, error);
    struct reading reading = {.at = text + head, .end = text + length};
    for (struct mr_bytes line; line_next(&reading, &line); count++) {
        if (is_end_line(line, count) && reading.at == reading.end)
            return 0;
        if (feed_line(store, path, line, count + 2, error) != 0)
            return -1;
    }
    return mr_error_set(error, MR_ERR_CONFIG,
                        "%s: the file was cut after %zu offsets: restore it from a backup, or move it away to begin "
                        "without offsets",
                        path, count);
}

struct writing {
    struct str_buffer *out;
    size_t count;
};

static int write_line(void *argument, const struct store_record *record)
{
    struct writing *writing = argument;
    str_buffer_append(writing->out, record->key.data, record->key.size);
    str_buffer_append_char(writing->out, '\t');
    str_buffer_append(writing->out, record->value.data, record->value.size);
    str_buffer_append_char(writing->out, '\n');
    writing->count++;
    return 0;
}

void file_offsets_write(struct offset_store *store, struct str_buffer *out)
{
    struct writing writing = {.out = out};
    str_buffer_append_text(out, first_line);
    offset_store_each_record(store, write_line, &writing);
    str_buffer_printf(out, "#end %zu\n", writing.count);
}
