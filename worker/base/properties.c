#include "base/properties.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/utf8.h"

#include "base/bans.h"

/* All syntax is ASCII, so lines are put together as bytes; characters are looked at when escapes are taken out. */
struct parser {
    const char *at, *end;
    size_t line;               /* number of the natural line `at` is in */
    size_t first_line;         /* where the current logical line began */
    enum properties_charset charset;
    struct str_buffer logical; /* comments, continuations and leading blanks gone, escapes still in */
    struct str_buffer key, value;
    struct string_map *map;
    char *why;
    size_t why_size;
};

static bool refuse(struct parser *parser, size_t line, const char *what)
{
    snprintf(parser->why, parser->why_size, "line %zu: %s", line, what);
    return false;
}

static bool no_memory(struct parser *parser)
{
    snprintf(parser->why, parser->why_size, PROPERTIES_NO_MEMORY);
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

/* The next character; every kind of line end comes as \n. Not at the end. */
static char take(struct parser *parser)
{
    char c = *parser->at++;
    if (c == '\r') {
        if (parser->at < parser->end && *parser->at == '\n')
            parser->at++;
        c = '\n';
    }
    if (c == '\n')
        parser->line++;
    return c;
}

static void skip_comment(struct parser *parser)
{
    while (parser->at < parser->end && take(parser) != '\n')
        continue;
}

/* Blanks, blank lines, comments. `continued`: only the blanks at the start of a continuation line may be skipped there,
 * unless nothing has been collected yet: then a comment is a comment again, as in Java. */
static void skip_to_text(struct parser *parser, bool continued)
{
    while (parser->at < parser->end) {
        char c = *parser->at;
        if (is_blank(c) || (!continued && (c == '\n' || c == '\r'))) {
            take(parser);
        } else if (parser->logical.length == 0 && (c == '#' || c == '!')) {
            skip_comment(parser);
            continued = false;
        } else {
            return;
        }
    }
}

static bool after_crlf(const struct parser *parser)
{
    return parser->at[-1] == '\n' && parser->at[-2] == '\r';   /* never the first character: an escape is before it */
}

/* Collects the next logical line. A lone backslash as the last line is an empty key to Java (but not before \r\n). false: the end,
 * or no memory (logical has failed). */
static bool read_logical_line(struct parser *parser)
{
    struct str_buffer *logical = &parser->logical;
    bool escaped = false;
    str_buffer_clear(logical);
    skip_to_text(parser, false);
    parser->first_line = parser->line;
    while (parser->at < parser->end) {
        char c = take(parser);
        if (c != '\n') {
            escaped = c == '\\' && !escaped;
            if (!str_buffer_append_char(logical, c))
                return false;
        } else if (escaped) {
            str_buffer_truncate(logical, logical->length - 1);
            escaped = false;
            if (parser->at == parser->end && !after_crlf(parser))
                return true;
            skip_to_text(parser, true);
        } else if (logical->length > 0) {
            return true;
        } else {
            skip_to_text(parser, false);
        }
    }
    bool found = logical->length > 0;
    if (escaped)
        str_buffer_truncate(logical, logical->length - 1);
    return found;
}

/* Where the key ends and the value starts. */
struct split {
    size_t key_end, value_start;
};

static struct split split_line(const char *text, size_t length)
{
    struct split split = { 0, 0 };
    bool escaped = false;
    for (; split.key_end < length; split.key_end++) {
        char c = text[split.key_end];
        if (!escaped && (c == '=' || c == ':' || is_blank(c)))
            break;
        escaped = c == '\\' && !escaped;
    }
    bool separated = false;
    for (split.value_start = split.key_end; split.value_start < length; split.value_start++) {
        char c = text[split.value_start];
        bool separator = !separated && (c == '=' || c == ':');
        if (!separator && !is_blank(c))
            break;
        separated = separated || separator;
    }
    return split;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hex digits at `text`; -1: not there. */
static int32_t read_unit(const char *text, const char *end)
{
    int32_t unit = 0;
    if (end - text < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static void append_code_point(struct str_buffer *out, uint32_t code_point)
{
    char bytes[4];
    size_t length = utf8_encode(code_point, bytes);
    if (length == 0) {   /* half a surrogate pair */
        bytes[0] = '?';
        length = 1;
    }
    str_buffer_append(out, bytes, length);
}

/* `*at` stands behind "\u". Takes the second escape of a surrogate pair too. */
static bool append_unicode_escape(struct parser *parser, struct str_buffer *out, const char **at, const char *end)
{
    int32_t unit = read_unit(*at, end);
    if (unit < 0)
        return refuse(parser, parser->first_line, "malformed \\uxxxx escape");
    if (unit == 0)
        return refuse(parser, parser->first_line, "\\u0000 cannot be part of a key or value");
    *at += 4;
    uint32_t code_point = (uint32_t)unit;
    if (unit >= 0xD800 && unit <= 0xDBFF && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        int32_t low = read_unit(*at + 2, end);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            code_point = 0x10000 + ((code_point - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
            *at += 6;
        }
    }
    append_code_point(out, code_point);
    return true;
}

static char plain_escape(char c)
{
    switch (c) {
    case 't': return '\t';
    case 'n': return '\n';
    case 'r': return '\r';
    case 'f': return '\f';
    default: return c;
    }
}

static void append_byte(struct parser *parser, struct str_buffer *out, char c)
{
    if (parser->charset == PROPERTIES_LATIN1)
        append_code_point(out, (unsigned char)c);
    else
        str_buffer_append_char(out, c);
}

/* Takes the escapes out of [at, end). A trailing odd backslash cannot be: read_logical_line took it off. */
static bool unescape(struct parser *parser, struct str_buffer *out, const char *at, const char *end)
{
    str_buffer_clear(out);
    while (at < end) {
        char c = *at++;
        if (c != '\\' || at == end) {
            append_byte(parser, out, c);
            continue;
        }
        c = *at++;
        if (c != 'u')
            append_byte(parser, out, plain_escape(c));
        else if (!append_unicode_escape(parser, out, &at, end))
            return false;
    }
    return !str_buffer_failed(out) || no_memory(parser);
}

static bool parse_lines(struct parser *parser)
{
    while (read_logical_line(parser)) {
        const char *text = str_buffer_text(&parser->logical);
        const char *end = text + parser->logical.length;
        struct split split = split_line(text, parser->logical.length);
        if (!unescape(parser, &parser->key, text, text + split.key_end) ||
            !unescape(parser, &parser->value, text + split.value_start, end))
            return false;
        if (!string_map_put(parser->map, str_buffer_text(&parser->key), str_buffer_text(&parser->value)))
            return no_memory(parser);
    }
    return !str_buffer_failed(&parser->logical) || no_memory(parser);
}

static size_t line_at(const char *text, size_t offset)
{
    struct parser counter = { .at = text, .end = text + offset, .line = 1 };
    while (counter.at < counter.end)
        take(&counter);
    return counter.line;
}

static bool check_bytes(struct parser *parser, const char *text, size_t length)
{
    const char *nul = length == 0 ? NULL : memchr(text, '\0', length);
    if (nul != NULL)
        return refuse(parser, line_at(text, (size_t)(nul - text)), "a NUL byte: this is no text file");
    if (parser->charset == PROPERTIES_LATIN1 || utf8_valid(text, length))
        return true;
    return refuse(parser, line_at(text, utf8_valid_length(text, length)), "not valid UTF-8");
}

/* What was read may be secret. */
static void wipe(struct str_buffer *buffer)
{
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->capacity);
    str_buffer_release(buffer);
}

struct string_map *properties_parse(const char *text, size_t length, enum properties_charset charset, char *why,
                                    size_t why_size)
{
    struct parser parser = {
        .at = text, .end = text + length, .line = 1, .charset = charset, .why = why, .why_size = why_size,
    };
    if (!check_bytes(&parser, text, length))
        return NULL;
    /* A byte becomes at most two (Latin-1), an escape always fewer than it had. */
    str_buffer_init(&parser.logical, length);
    str_buffer_init(&parser.key, 2 * length);
    str_buffer_init(&parser.value, 2 * length);
    parser.map = string_map_create();
    bool done = parser.map == NULL ? no_memory(&parser) : parse_lines(&parser);
    wipe(&parser.value);
    wipe(&parser.key);
    wipe(&parser.logical);
    if (!done) {
        string_map_destroy(parser.map);
        return NULL;
    }
    return parser.map;
}

struct string_map *properties_load(const char *path, enum properties_charset charset, char *why, size_t why_size)
{
    size_t length;
    char *text = file_read(path, PROPERTIES_FILE_MAX, &length, why, why_size);
    if (text == NULL)
        return NULL;
    char reason[160];
    struct string_map *map = properties_parse(text, length, charset, reason, sizeof(reason));
    if (map == NULL)
        snprintf(why, why_size, "%s: %s", path, reason);
    explicit_bzero(text, length);
    mem_free(text);
    return map;
}
