#include "store/offset_codec_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/json.h>
#include <millrace/number_text.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/bans.h"

static bool is_storable(enum mr_kind kind)
{
    return kind == MR_KIND_NULL || (kind >= MR_KIND_INT8 && kind <= MR_KIND_BYTES);
}

int offset_check(const struct mr_value *map, const char *what, const char *connector, struct mr_error **error)
{
    if (mr_value_kind(map) != MR_KIND_MAP)
        return mr_error_set(error, MR_ERR_DATA, "connector %s: a source %s must be a map, not %s", connector, what,
                            mr_kind_name(mr_value_kind(map)));
    for (size_t i = 0; i < mr_map_count(map); i++) {
        enum mr_kind key = mr_value_kind(mr_map_key_at(map, i)), value = mr_value_kind(mr_map_value_at(map, i));
        if (key != MR_KIND_STRING)
            return mr_error_set(error, MR_ERR_DATA, "connector %s: keys of a source %s must be texts, not %s",
                                connector, what, mr_kind_name(key));
        if (!is_storable(value))
            return mr_error_set(error, MR_ERR_DATA,
                                "connector %s: a source %s may hold null, booleans, numbers, texts and bytes, not %s",
                                connector, what, mr_kind_name(value));
    }
    return 0;
}

int offset_key_write(struct mr_arena *arena, const char *connector, const struct mr_value *partition,
                     struct mr_bytes *key, struct mr_error **error)
{
    struct mr_value *array = mr_array_create(arena, 2);
    if (array == NULL || mr_array_append(arena, array, mr_string(arena, connector)) != 0 ||
        mr_array_append(arena, array, partition) != 0)
        return mr_arena_failed(arena, error);
    return mr_json_write(arena, NULL, array, 0, key, error);
}

int offset_value_write(struct mr_arena *arena, const struct mr_value *offset, struct mr_bytes *value,
                       struct mr_error **error)
{
    *value = (struct mr_bytes){0};
    if (mr_value_is_null(offset))
        return 0;
    return mr_json_write(arena, NULL, offset, 0, value, error);
}

/* ---- meaning ---- */

struct member {
    struct mr_bytes key;
    size_t place;
};

static int member_compare(const void *one, const void *other)
{
    const struct member *a = one, *b = other;
    size_t shorter = a->key.size < b->key.size ? a->key.size : b->key.size;
    int order = shorter > 0 ? memcmp(a->key.data, b->key.data, shorter) : 0;
    if (order != 0)
        return order;
    return (a->key.size > b->key.size) - (a->key.size < b->key.size);
}

static void put_value(struct str_buffer *out, struct mr_arena *arena, const struct mr_value *value);

static void put_text(struct str_buffer *out, struct mr_bytes text)
{
    record_text_string_n(out, text.data, text.size);
}

static void put_map(struct str_buffer *out, struct mr_arena *arena, const struct mr_value *map)
{
    size_t count = mr_map_count(map);
    struct member *members = mr_arena_alloc(arena, (count + 1) * sizeof(*members));
    if (members == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        members[i] = (struct member){.key = mr_value_bytes(mr_map_key_at(map, i)), .place = i};
    if (count > 1)
        qsort(members, count, sizeof(*members), member_compare);
    str_buffer_append_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            str_buffer_append_char(out, ',');
        put_text(out, members[i].key);
        str_buffer_append_char(out, ':');
        put_value(out, arena, mr_map_value_at(map, members[i].place));
    }
    str_buffer_append_char(out, '}');
}

static void put_array(struct str_buffer *out, struct mr_arena *arena, const struct mr_value *array)
{
    str_buffer_append_char(out, '[');
    for (size_t i = 0; i < mr_array_count(array); i++) {
        if (i > 0)
            str_buffer_append_char(out, ',');
        put_value(out, arena, mr_array_at(array, i));
    }
    str_buffer_append_char(out, ']');
}

/* Bytes are texts once they were in JSON. */
static void put_bytes(struct str_buffer *out, struct mr_arena *arena, struct mr_bytes bytes)
{
    size_t length = base64_encoded_length(bytes.size);
    char *text = mr_arena_alloc(arena, length + 1);
    if (text == NULL)
        out->failed = true;
    else
        record_text_string_n(out, text, base64_encode(bytes.data, bytes.size, text));
}

/* A float means what its text reads back as: 0.1f is written 0.1 and comes back as the double 0.1, -0.0 comes back as
 * 0.0, what is no number in JSON as a text. */
static void put_number(struct str_buffer *out, const char *text, size_t length, bool is_finite)
{
    if (is_finite)
        str_buffer_append(out, text, length);
    else
        record_text_string_n(out, text, length);
}

static void put_value(struct str_buffer *out, struct mr_arena *arena, const struct mr_value *value)
{
    char text[MR_NUMBER_TEXT_MAX];
    switch (mr_value_kind(value)) {
    case MR_KIND_NULL:
        str_buffer_append_text(out, "null");
        break;
    case MR_KIND_BOOLEAN:
        str_buffer_append_text(out, mr_value_boolean(value) ? "true" : "false");
        break;
    case MR_KIND_INT8:
    case MR_KIND_INT16:
    case MR_KIND_INT32:
    case MR_KIND_INT64:
        str_buffer_append(out, text, mr_int64_text(mr_value_integer(value), text));
        break;
    case MR_KIND_FLOAT32: {
        float number = mr_value_float32(value) + 0.0f;   /* no -0.0 */
        put_number(out, text, mr_float32_text(number, text), isfinite(number));
        break;
    }
    case MR_KIND_FLOAT64: {
        double number = mr_value_float64(value) + 0.0;
        put_number(out, text, mr_float64_text(number, text), isfinite(number));
        break;
    }
    case MR_KIND_STRING:
        put_text(out, mr_value_bytes(value));
        break;
    case MR_KIND_BYTES:
        put_bytes(out, arena, mr_value_bytes(value));
        break;
    case MR_KIND_MAP:
        put_map(out, arena, value);
        break;
    case MR_KIND_ARRAY:
        put_array(out, arena, value);
        break;
    default:   /* never written, never read from JSON */
        str_buffer_append_text(out, "?");
        break;
    }
}

void offset_meaning_write(struct str_buffer *out, struct mr_arena *arena, const char *connector,
                          const struct mr_value *partition)
{
    str_buffer_append_char(out, '[');
    record_text_string(out, connector);
    str_buffer_append_char(out, ',');
    put_value(out, arena, partition);
    str_buffer_append_char(out, ']');
}

enum record_read offset_key_read(struct mr_arena *arena, struct mr_bytes key, const char **connector,
                                 const struct mr_value **partition)
{
    const struct mr_value *array;
    if (key.data == NULL)
        return RECORD_MALFORMED;
    enum record_read read = record_text_read(arena, key, &array);
    if (read != RECORD_READ)
        return read;
    if (mr_value_kind(array) != MR_KIND_ARRAY || mr_array_count(array) != 2)
        return RECORD_MALFORMED;
    *connector = record_text_of(arena, mr_array_at(array, 0));
    *partition = mr_array_at(array, 1);
    return *connector != NULL && mr_value_kind(*partition) == MR_KIND_MAP ? RECORD_READ : RECORD_MALFORMED;
}
