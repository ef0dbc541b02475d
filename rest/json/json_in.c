#include "json/json_in.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str_buffer.h"
#include "base/utf8.h"

#include "base/bans.h"

/* ---- mistakes ---- */

/* Always false. The column counts characters. */
static bool break_off(struct json_in *in, const char *words)
{
    if (in->broken)
        return false;
    unsigned line = 1, column = 1;
    for (const char *c = in->start; c < in->at; c++) {
        line += *c == '\n';
        column = *c == '\n' ? 1 : column + ((unsigned char)*c >> 6 != 2);
    }
    in->broken = true;
    snprintf(in->why, sizeof(in->why), "%s at line %u, column %u", words, line, column);
    return false;
}

bool json_in_broken(const struct json_in *in)
{
    return in->broken;
}

const char *json_in_why(const struct json_in *in)
{
    return in->why;
}

/* ---- moving ---- */

void json_in_init(struct json_in *in, const char *text, size_t length)
{
    *in = (struct json_in){.start = text, .at = text, .end = text + length};
    size_t valid = utf8_valid_length(text, length);
    if (valid < length) {
        in->at += valid;
        break_off(in, "Bytes that are not UTF-8");
    } else if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        in->at += 3;
    }
}

/* The next character that is not blank; '\0' at the end and when broken (a NUL in the text is no JSON either way). */
static char peek(struct json_in *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
    return in->at < in->end && !in->broken ? *in->at : '\0';
}

enum json_in_kind json_in_kind(struct json_in *in)
{
    switch (peek(in)) {
    case '{':
        return JSON_IN_OBJECT;
    case '[':
        return JSON_IN_ARRAY;
    case '"':
        return JSON_IN_STRING;
    case 't':
        return JSON_IN_TRUE;
    case 'f':
        return JSON_IN_FALSE;
    case 'n':
        return JSON_IN_NULL;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return JSON_IN_NUMBER;
    default:
        return JSON_IN_NOTHING;
    }
}

bool json_in_enter(struct json_in *in, enum json_in_kind kind)
{
    if (peek(in) != (kind == JSON_IN_OBJECT ? '{' : '['))
        return break_off(in, kind == JSON_IN_OBJECT ? "Expected an object" : "Expected an array");
    if (in->depth == JSON_IN_DEPTH_MAX)
        return break_off(in, "Nested too deeply");
    in->at++;
    in->depth++;
    in->is_first = true;
    return true;
}

static bool leave(struct json_in *in)
{
    in->at++;
    in->depth--;
    in->is_first = false;
    return false;
}

/* Before a member or item: passes the comma, or leaves at the closing bracket. */
static bool step(struct json_in *in, char closing, const char *expected)
{
    char next = peek(in);
    if (next == closing)
        return leave(in);
    if (in->is_first)
        return true;
    if (next != ',')
        return break_off(in, expected);
    in->at++;
    return true;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The XXXX of \uXXXX at in->at; -1: broken. */
static int32_t read_unit(struct json_in *in)
{
    int32_t unit = 0;
    if (in->end - in->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(in->at[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    in->at += 4;
    return unit;
}

/* What follows "\u", both halves of a pair; 0: broken. */
static uint32_t read_code_point(struct json_in *in)
{
    int32_t unit = read_unit(in);
    if (unit <= 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
        return 0;
    if (unit < 0xD800 || unit > 0xDBFF)
        return (uint32_t)unit;
    if (in->end - in->at < 2 || in->at[0] != '\\' || in->at[1] != 'u')
        return 0;
    in->at += 2;
    int32_t low = read_unit(in);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    return 0x10000 + (((uint32_t)unit - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
}

static bool append_escape(struct json_in *in, struct str_buffer *out)
{
    static const char LETTERS[] = "\"\\/bfnrt", MEANINGS[] = "\"\\/\b\f\n\r\t";
    const char *start = in->at++;
    char letter = in->at < in->end ? *in->at++ : '\0';
    const char *found = letter == '\0' ? NULL : strchr(LETTERS, letter);
    char bytes[4];
    size_t length = 0;
    if (found != NULL) {
        bytes[0] = MEANINGS[found - LETTERS];
        length = 1;
    } else if (letter == 'u') {
        uint32_t code_point = read_code_point(in);
        length = code_point == 0 ? 0 : utf8_encode(code_point, bytes);
    }
    if (length == 0) {
        in->at = start;
        return break_off(in, "Escape that stands for no character");
    }
    return out == NULL || str_buffer_append(out, bytes, length) || break_off(in, "Text that is too long");
}

/* At the opening quote; `out` may be NULL. */
static bool read_string(struct json_in *in, struct str_buffer *out)
{
    for (in->at++;;) {
        const char *from = in->at;
        while (in->at < in->end && *in->at != '"' && *in->at != '\\' && (unsigned char)*in->at >= 0x20)
            in->at++;
        if (out != NULL && !str_buffer_append(out, from, (size_t)(in->at - from)))
            return break_off(in, "Text that is too long");
        if (in->at == in->end)
            return break_off(in, "Text that does not end");
        if (*in->at == '"')
            break;
        if (*in->at != '\\')
            return break_off(in, "Control character in a text");
        if (!append_escape(in, out))
            return false;
    }
    in->at++;
    return true;
}

/* ---- numbers and words ---- */

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* The end of the number at `at`; NULL: it is none. */
static const char *number_end(const char *at, const char *end)
{
    at += *at == '-';
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return NULL;
    if (at < end && *at == '.') {
        digits = at + 1;
        at = skip_digits(digits, end);
        if (at == digits)
            return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        digits = at;
        at = skip_digits(digits, end);
        if (at == digits)
            return NULL;
    }
    return at;
}

static const char *word_end(const struct json_in *in, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(in->end - in->at) >= length && memcmp(in->at, word, length) == 0 ? in->at + length : NULL;
}

static bool is_delimiter(char c)
{
    return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool read_literal(struct json_in *in, enum json_in_kind kind, struct str_buffer *out)
{
    const char *from = in->at, *end;
    if (kind == JSON_IN_NUMBER)
        end = number_end(in->at, in->end);
    else
        end = word_end(in, kind == JSON_IN_TRUE ? "true" : kind == JSON_IN_FALSE ? "false" : "null");
    if (end == NULL || (end < in->end && !is_delimiter(*end)))
        return break_off(in, "Expected a value");
    in->at = end;
    return out == NULL || str_buffer_append(out, from, (size_t)(end - from)) || break_off(in, "Text that is too long");
}

/* ---- values ---- */

static bool read_scalar(struct json_in *in, struct str_buffer *out)
{
    enum json_in_kind kind = json_in_kind(in);
    if (kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY || kind == JSON_IN_NOTHING)
        return break_off(in, kind == JSON_IN_NOTHING ? "Expected a value" : "Expected a text, number or boolean");
    if (!(kind == JSON_IN_STRING ? read_string(in, out) : read_literal(in, kind, out)))
        return false;
    in->is_first = false;
    return true;
}

bool json_in_scalar(struct json_in *in, struct str_buffer *out)
{
    str_buffer_clear(out);
    return read_scalar(in, out);
}

/* `name` may be NULL. */
static bool next_member(struct json_in *in, struct str_buffer *name)
{
    if (!step(in, '}', "Expected ',' or '}'"))
        return false;
    if (peek(in) != '"')
        return break_off(in, "Expected a name in double quotes");
    if (name != NULL)
        str_buffer_clear(name);
    if (!read_string(in, name))
        return false;
    if (peek(in) != ':')
        return break_off(in, "Expected ':'");
    in->at++;
    return true;
}

bool json_in_next_member(struct json_in *in, struct str_buffer *name)
{
    return next_member(in, name);
}

bool json_in_next_item(struct json_in *in)
{
    return step(in, ']', "Expected ',' or ']'");
}

/* Recursion ends at JSON_IN_DEPTH_MAX. */
bool json_in_skip(struct json_in *in)
{
    enum json_in_kind kind = json_in_kind(in);
    if (kind != JSON_IN_OBJECT && kind != JSON_IN_ARRAY)
        return read_scalar(in, NULL);
    if (!json_in_enter(in, kind))
        return false;
    while (kind == JSON_IN_OBJECT ? next_member(in, NULL) : json_in_next_item(in))
        if (!json_in_skip(in))
            return false;
    return !in->broken;
}

bool json_in_end(struct json_in *in)
{
    peek(in);
    if (in->at < in->end)
        break_off(in, "Unexpected text behind the value");
    return !in->broken;
}
