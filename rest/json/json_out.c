#include "json/json_out.h"

#include <string.h>

#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/utf8.h"

#include "base/bans.h"

void json_out_init(struct json_out *out, struct str_buffer *text)
{
    *out = (struct json_out){.text = text};
}

static void begin_value(struct json_out *out)
{
    if (out->needs_comma)
        str_buffer_append_char(out->text, ',');
    out->needs_comma = true;
}

void json_out_open(struct json_out *out, char bracket)
{
    begin_value(out);
    str_buffer_append_char(out->text, bracket);
    out->needs_comma = false;
}

void json_out_close(struct json_out *out, char bracket)
{
    str_buffer_append_char(out->text, bracket);
    out->needs_comma = true;
}

static void append_control(struct str_buffer *text, char c)
{
    static const char CODES[] = "\b\f\n\r\t", LETTERS[] = "bfnrt";
    const char *found = memchr(CODES, c, sizeof(CODES) - 1);
    if (found != NULL)
        str_buffer_printf(text, "\\%c", LETTERS[found - CODES]);
    else
        str_buffer_printf(text, "\\u%04X", (unsigned)(unsigned char)c);
}

static void append_beyond_bmp(struct str_buffer *text, uint32_t code_point)
{
    code_point -= 0x10000;
    str_buffer_printf(text, "\\u%04X\\u%04X", (unsigned)(0xD800 + (code_point >> 10)),
                      (unsigned)(0xDC00 + (code_point & 0x3FF)));
}

/* Is the byte written as it stands? */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void append_quoted(struct str_buffer *text, const char *from)
{
    const char *end = from + strlen(from);
    str_buffer_append_char(text, '"');
    while (from < end) {
        const char *plain = from;
        while (from < end && is_plain((unsigned char)*from))
            from++;
        str_buffer_append(text, plain, (size_t)(from - plain));
        if (from == end)
            break;
        uint32_t code_point = 0;
        size_t length = utf8_decode(from, (size_t)(end - from), &code_point);
        if (length == 0)
            str_buffer_append_text(text, "\xEF\xBF\xBD");
        else if (code_point < 0x20)
            append_control(text, *from);
        else if (code_point < 0x80)
            str_buffer_printf(text, "\\%c", *from);
        else if (code_point > 0xFFFF)
            append_beyond_bmp(text, code_point);
        else
            str_buffer_append(text, from, length);
        from += length == 0 ? 1 : length;
    }
    str_buffer_append_char(text, '"');
}

void json_out_name(struct json_out *out, const char *name)
{
    begin_value(out);
    append_quoted(out->text, name);
    str_buffer_append_char(out->text, ':');
    out->needs_comma = false;
}

void json_out_text(struct json_out *out, const char *text)
{
    begin_value(out);
    if (text == NULL)
        str_buffer_append_text(out->text, "null");
    else
        append_quoted(out->text, text);
}

void json_out_int(struct json_out *out, int64_t number)
{
    begin_value(out);
    str_buffer_printf(out->text, "%lld", (long long)number);
}

void json_out_raw(struct json_out *out, const char *json, size_t length)
{
    begin_value(out);
    str_buffer_append(out->text, json, length);
}

void json_out_pair(struct json_out *out, const char *name, const char *text)
{
    json_out_name(out, name);
    json_out_text(out, text);
}

void json_out_map(struct json_out *out, const struct string_map *map)
{
    json_out_open(out, '{');
    for (size_t i = 0; i < string_map_count(map); i++)
        json_out_pair(out, string_map_key(map, i), string_map_value(map, i));
    json_out_close(out, '}');
}
