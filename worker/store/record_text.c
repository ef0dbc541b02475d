#include "store/record_text_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/json.h>
#include <millrace/number_text.h>

#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/utf8.h"
#include "base/bans.h"

struct mr_bytes bytes_of_text(const char *text)
{
    return (struct mr_bytes){.data = text, .size = text != NULL ? strlen(text) : 0};
}

/* ---- writing ---- */

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte < 0x80;
}

static void put_escaped(struct str_buffer *out, unsigned char byte)
{
    static const char short_form[128] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                         ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    if (short_form[byte] != '\0')
        str_buffer_printf(out, "\\%c", short_form[byte]);
    else
        str_buffer_printf(out, "\\u%04X", byte);
}

static size_t put_wide(struct str_buffer *out, const char *text, size_t length)
{
    uint32_t code_point;
    size_t taken = utf8_decode(text, length, &code_point);
    if (taken == 0) {
        str_buffer_append_text(out, "\xEF\xBF\xBD");
        return 1;
    }
    str_buffer_append(out, text, taken);
    return taken;
}

void record_text_string_n(struct str_buffer *out, const char *text, size_t length)
{
    str_buffer_append_char(out, '"');
    for (size_t i = 0; i < length;) {
        size_t plain = 0;
        while (i + plain < length && is_plain((unsigned char)text[i + plain]))
            plain++;
        str_buffer_append(out, text + i, plain);
        i += plain;
        if (i == length)
            break;
        if ((unsigned char)text[i] < 0x80)
            put_escaped(out, (unsigned char)text[i++]);
        else
            i += put_wide(out, text + i, length - i);
    }
    str_buffer_append_char(out, '"');
}

void record_text_string(struct str_buffer *out, const char *text)
{
    record_text_string_n(out, text, strlen(text));
}

void record_text_string_or_null(struct str_buffer *out, const char *text)
{
    if (text == NULL)
        str_buffer_append_text(out, "null");
    else
        record_text_string(out, text);
}

void record_text_map(struct str_buffer *out, const struct string_map *map)
{
    str_buffer_append_char(out, '{');
    for (size_t i = 0; i < string_map_count(map); i++) {
        if (i > 0)
            str_buffer_append_char(out, ',');
        record_text_string(out, string_map_key(map, i));
        str_buffer_append_char(out, ':');
        record_text_string_or_null(out, string_map_value(map, i));
    }
    str_buffer_append_char(out, '}');
}

/* ---- reading ---- */

enum record_read record_text_read(struct mr_arena *arena, struct mr_bytes text, const struct mr_value **value)
{
    struct mr_error *error = NULL;
    *value = text.data == NULL ? mr_null() : mr_json_read(arena, text, 0, &error);
    if (*value != NULL)
        return RECORD_READ;
    /* Too large for the arena would be no memory as well: the limit is far beyond any record. */
    enum record_read read = mr_error_code(error) == MR_ERR_DATA ? RECORD_MALFORMED : RECORD_NO_MEMORY;
    mr_error_drop(error);
    return read;
}

static const char *text_in(struct mr_arena *arena, const void *data, size_t size)
{
    char *text = mr_arena_alloc(arena, size + 1);
    if (text == NULL)
        return NULL;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

const char *record_text_of(struct mr_arena *arena, const struct mr_value *value)
{
    if (value == NULL || mr_value_kind(value) != MR_KIND_STRING)
        return NULL;
    struct mr_bytes bytes = mr_value_bytes(value);
    if (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) != NULL)
        return NULL;
    return text_in(arena, bytes.data, bytes.size);
}

bool record_integer_of(const struct mr_value *value, int64_t *number)
{
    if (value == NULL)
        return false;
    enum mr_kind kind = mr_value_kind(value);
    if (kind < MR_KIND_INT8 || kind > MR_KIND_INT64)
        return false;
    *number = mr_value_integer(value);
    return true;
}

/* NULL text with RECORD_READ: the null value. */
static enum record_read scalar_of(struct mr_arena *arena, const struct mr_value *value, const char **text)
{
    char number[MR_NUMBER_TEXT_MAX];
    *text = NULL;
    switch (mr_value_kind(value)) {
    case MR_KIND_NULL:
        return RECORD_READ;
    case MR_KIND_STRING: {
        struct mr_bytes bytes = mr_value_bytes(value);
        if (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) != NULL)
            return RECORD_MALFORMED;
        *text = record_text_of(arena, value);
        break;
    }
    case MR_KIND_BOOLEAN:
        *text = mr_value_boolean(value) ? "true" : "false";
        break;
    case MR_KIND_INT64:
        *text = text_in(arena, number, mr_int64_text(mr_value_integer(value), number));
        break;
    case MR_KIND_FLOAT64:
        *text = text_in(arena, number, mr_float64_text(mr_value_float64(value), number));
        break;
    default:
        return RECORD_MALFORMED;
    }
    return *text != NULL ? RECORD_READ : RECORD_NO_MEMORY;
}

static enum record_read put_member(struct mr_arena *arena, struct string_map *map, const struct mr_value *key,
                                   const struct mr_value *value)
{
    const char *name, *text;
    enum record_read read = scalar_of(arena, key, &name);
    if (read == RECORD_READ && name == NULL)
        return RECORD_MALFORMED;
    if (read == RECORD_READ)
        read = scalar_of(arena, value, &text);
    if (read != RECORD_READ)
        return read;
    return string_map_put(map, name, text) ? RECORD_READ : RECORD_NO_MEMORY;
}

enum record_read record_map_of(struct mr_arena *arena, const struct mr_value *value, struct string_map **map)
{
    *map = NULL;
    if (value == NULL || mr_value_kind(value) != MR_KIND_MAP)
        return RECORD_MALFORMED;
    struct string_map *made = string_map_create();
    enum record_read read = made != NULL ? RECORD_READ : RECORD_NO_MEMORY;
    for (size_t i = 0; read == RECORD_READ && i < mr_map_count(value); i++)
        read = put_member(arena, made, mr_map_key_at(value, i), mr_map_value_at(value, i));
    if (read == RECORD_READ)
        *map = made;
    else
        string_map_destroy(made);
    return read;
}

/* ---- keys ---- */

bool record_key_has(struct mr_bytes key, const char *prefix)
{
    size_t length = strlen(prefix);
    return key.data != NULL && key.size >= length && memcmp(key.data, prefix, length) == 0;
}

const char *record_key_rest(struct mr_arena *arena, struct mr_bytes key, const char *prefix)
{
    assert(record_key_has(key, prefix));
    const char *rest = (const char *)key.data + strlen(prefix);
    size_t length = key.size - strlen(prefix);
    if (length == 0 || !utf8_valid(rest, length) || memchr(rest, '\0', length) != NULL)
        return NULL;
    return text_in(arena, rest, length);
}

bool record_key_split_number(char *text, uint32_t *number)
{
    char *dash = strrchr(text, '-');
    if (dash == NULL || dash == text || dash[1] == '\0' || strspn(dash + 1, "0123456789") != strlen(dash + 1))
        return false;
    uint64_t value = 0;
    for (const char *digit = dash + 1; *digit != '\0'; digit++) {
        value = value * 10 + (uint64_t)(*digit - '0');
        if (value > INT32_MAX)
            return false;
    }
    *dash = '\0';
    *number = (uint32_t)value;
    return true;
}

const char *record_key_shown(struct mr_bytes key, char shown[RECORD_KEY_SHOWN_MAX])
{
    if (key.data == NULL)
        return "(null)";
    size_t length = key.size < RECORD_KEY_SHOWN_MAX - 1 ? key.size : RECORD_KEY_SHOWN_MAX - 1;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = ((const unsigned char *)key.data)[i];
        shown[i] = byte < 0x20 || byte == 0x7F ? '?' : (char)byte;
    }
    shown[utf8_valid_length(shown, length)] = '\0';
    return shown;
}
