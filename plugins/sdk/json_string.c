/*
 * Strings. One without escapes is referred to where it stands; one with escapes is decoded into the arena. Bytes beyond
 * ASCII are checked to be UTF-8. A surrogate escape without its partner becomes U+FFFD: text is UTF-8 here, which has no
 * place for it.
 */
#include "sdk/json_internal.h"

#include "base/utf8.h"
#include "base/bans.h"

/* The first special byte, or the end; bytes beyond ASCII are special as long as `is_ascii`. */
static const char *plain_pass(const char *at, const char *end, bool is_ascii)
{
    uint64_t beyond = is_ascii ? JSON_HIGHS : 0;
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        uint64_t special = json_special_bytes(word) | (word & beyond);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        if (special != 0)
            return at + (__builtin_ctzll(special) >> 3);
#else
        if (special != 0)
            break;
#endif
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ' &&
           ((unsigned char)*at < 0x80 || !is_ascii))
        at++;
    return at;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits; -1: they are none. */
static int32_t unit_read(const char *at, const char *end)
{
    int32_t unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int value = hex_value(at[i]);
        if (value < 0)
            return -1;
        unit = unit << 4 | value;
    }
    return unit;
}

static bool is_escape(char c)
{
    return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
}

/* Behind the opening quote: finds the closing one and checks what lies between. */
static enum json_outcome string_end_find(struct json_reader *reader, bool *has_escapes, bool *is_ascii)
{
    const char *at = reader->at, *end = reader->end;
    for (;;) {
        at = plain_pass(at, end, *is_ascii);
        reader->at = at;
        if (at == end)
            return json_broken(reader, "the end of a string");
        if (*at == '"')
            return JSON_FINE;
        if ((unsigned char)*at >= 0x80) {
            *is_ascii = false;
            at++;
        } else if (*at == '\\') {
            *has_escapes = true;
            char c = at + 1 < end ? at[1] : '\0';
            if (c == 'u' ? unit_read(at + 2, end) < 0 : !is_escape(c))
                return json_broken(reader, "a known escape");
            at += c == 'u' ? 6 : 2;
        } else {
            return json_broken(reader, "an escape for a control character");
        }
    }
}

/* `at` stands behind "\u". Returns where the escape, or the pair, ends. */
static const char *unicode_decode(const char *at, const char *end, char **out)
{
    int32_t unit = unit_read(at, end);
    uint32_t character = (uint32_t)unit;
    at += 4;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
        character = UTF8_REPLACEMENT;
        int32_t low = unit <= 0xDBFF && end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? unit_read(at + 2, end) : -1;
        if (low >= 0xDC00 && low <= 0xDFFF) {
            character = 0x10000u + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
            at += 6;
        }
    }
    *out += utf8_encode(character, *out);
    return at;
}

static char escape_value(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* Decodes a checked string; never longer than its source. */
static char *escapes_decode(const char *at, const char *end, char *out)
{
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape == NULL ? end : escape) - at);
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (escape == NULL)
            break;
        if (at[1] == 'u') {
            at = unicode_decode(at + 2, end, &out);
        } else {
            *out++ = escape_value(at[1]);
            at += 2;
        }
    }
    return out;
}

enum json_outcome json_string_read(struct json_reader *reader, struct mr_bytes *text)
{
    bool has_escapes = false, is_ascii = true;
    const char *start = ++reader->at;
    if (string_end_find(reader, &has_escapes, &is_ascii) != JSON_FINE)
        return JSON_BROKEN;
    size_t size = (size_t)(reader->at - start);
    if (!is_ascii && !utf8_valid(start, size)) {
        reader->at = start + utf8_valid_length(start, size);
        return json_broken(reader, "valid UTF-8");
    }
    if (size > VALUE_SIZE_MAX)
        return json_broken(reader, "a shorter string");
    *text = (struct mr_bytes){.data = start, .size = size};
    if (has_escapes) {
        char *decoded = arena_alloc(reader->arena, size);
        if (decoded == NULL)
            return json_no_memory(reader);
        *text = (struct mr_bytes){.data = decoded,
                                  .size = (size_t)(escapes_decode(start, start + size, decoded) - decoded)};
    }
    reader->at++;
    return JSON_FINE;
}
