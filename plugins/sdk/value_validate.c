/* Does a value fit a schema? The rules of ConnectSchema.validateValue and Struct.validate of Kafka Connect. */
#include "sdk/schema_internal.h"
#include "sdk/value_internal.h"

#include <stdio.h>

#include "base/bans.h"

/* Where the value stands, rendered only when something is wrong: "element of map value of field \"x\"". */
struct place {
    const struct place *within; /* NULL: `words` name a field, or are NULL */
    const char *words;
};

static void place_words(const struct place *place, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (; place != NULL && length < size; place = place->within) {
        const char *format = place->within != NULL ? "%s of " : place->words != NULL ? "field \"%s\"" : "%s";
        int written = snprintf(text + length, size - length, format, place->words != NULL ? place->words : "the value");
        length += written > 0 ? (size_t)written : 0;
    }
}

static int refuse_null(const struct mr_schema *schema, const struct place *place, struct mr_error **error)
{
    char words[256];
    place_words(place, words, sizeof(words));
    return mr_error_set(error, MR_ERR_DATA, "null for %s, which is required (%s)", words,
        mr_type_name((enum mr_type)schema->type));
}

static int refuse_kind(const struct mr_schema *schema, const struct mr_value *value, const struct place *place,
    struct mr_error **error)
{
    char words[256];
    place_words(place, words, sizeof(words));
    return mr_error_set(error, MR_ERR_DATA, "%s where a %s%s%s%s belongs, for %s", mr_kind_name(value_kind(value)),
        mr_type_name((enum mr_type)schema->type), schema->name == NULL ? "" : " (", schema->name == NULL ? "" : schema->name,
        schema->name == NULL ? "" : ")", words);
}

static int refuse_place(const struct place *place, const char *format, struct mr_error **error)
{
    char words[256];
    place_words(place, words, sizeof(words));
    return mr_error_set(error, MR_ERR_DATA, "%s %s", format, words);
}

static bool kind_fits(const struct mr_schema *schema, enum mr_kind kind)
{
    static const uint8_t kinds[] = {[MR_TYPE_INT8] = MR_KIND_INT8, [MR_TYPE_INT16] = MR_KIND_INT16,
        [MR_TYPE_INT32] = MR_KIND_INT32, [MR_TYPE_INT64] = MR_KIND_INT64, [MR_TYPE_FLOAT32] = MR_KIND_FLOAT32,
        [MR_TYPE_FLOAT64] = MR_KIND_FLOAT64, [MR_TYPE_BOOLEAN] = MR_KIND_BOOLEAN, [MR_TYPE_STRING] = MR_KIND_STRING,
        [MR_TYPE_BYTES] = MR_KIND_BYTES, [MR_TYPE_ARRAY] = MR_KIND_ARRAY, [MR_TYPE_MAP] = MR_KIND_MAP,
        [MR_TYPE_STRUCT] = MR_KIND_STRUCT};
    switch ((enum mr_logical_type)schema->logical) {
    case MR_LOGICAL_NONE: return kinds[schema->type] == kind;
    case MR_LOGICAL_DECIMAL: return kind == MR_KIND_DECIMAL;
    case MR_LOGICAL_DATE:
    case MR_LOGICAL_TIME:
    case MR_LOGICAL_TIMESTAMP: return kind == MR_KIND_INSTANT;
    }
    return false;
}

static int validate_at(const struct mr_schema *schema, const struct mr_value *value, const struct place *place,
    unsigned depth, struct mr_error **error);

static int validate_array(const struct mr_schema *schema, const struct mr_value *value, const struct place *place,
    unsigned depth, struct mr_error **error)
{
    struct place inner = {.within = place, .words = "element"};
    if (schema->element == NULL && value->array->count > 0)
        return refuse_place(&inner, "there is no schema for the", error);
    for (uint32_t i = 0; i < value->array->count; i++)
        if (validate_at(schema->element, &value->array->cells[i], &inner, depth, error) < 0)
            return -1;
    return 0;
}

static int validate_map(const struct mr_schema *schema, const struct mr_value *value, const struct place *place,
    unsigned depth, struct mr_error **error)
{
    struct place key = {.within = place, .words = "key"}, inner = {.within = place, .words = "map value"};
    if ((schema->key == NULL || schema->element == NULL) && value->map->count > 0)
        return refuse_place(schema->key == NULL ? &key : &inner, "there is no schema for the", error);
    for (uint32_t i = 0; i < value->map->count; i++) {
        const struct value_entry *entry = &value->map->entries[i];
        if (validate_at(schema->key, &entry->key, &key, depth, error) < 0
            || validate_at(schema->element, &entry->value, &inner, depth, error) < 0)
            return -1;
    }
    return 0;
}

static int validate_struct(const struct mr_schema *schema, const struct mr_value *value, const struct place *place,
    unsigned depth, struct mr_error **error)
{
    const struct value_struct *body = value->structure;
    if (!mr_schema_equals(body->schema, schema))
        return refuse_place(place, "a struct of another schema than declared, for", error);
    for (uint32_t i = 0; i < body->schema->field_count; i++) {
        const struct schema_field *field = &body->schema->fields[i];
        if (value_is_null(&body->cells[i]) && (field->schema->is_optional || field->schema->default_value != NULL))
            continue;
        struct place inner = {.within = NULL, .words = field->name};
        if (validate_at(field->schema, &body->cells[i], &inner, depth, error) < 0)
            return -1;
    }
    return 0;
}

static int validate_at(const struct mr_schema *schema, const struct mr_value *value, const struct place *place,
    unsigned depth, struct mr_error **error)
{
    if (value_is_null(value))
        return schema->is_optional ? 0 : refuse_null(schema, place, error);
    if (!kind_fits(schema, value_kind(value)))
        return refuse_kind(schema, value, place, error);
    if (depth >= VALUE_DEPTH_MAX)
        return mr_error_set(error, MR_ERR_DATA, "a value is nested more than %d levels deep", VALUE_DEPTH_MAX);
    switch (value_kind(value)) {
    case MR_KIND_ARRAY: return validate_array(schema, value, place, depth + 1, error);
    case MR_KIND_MAP: return validate_map(schema, value, place, depth + 1, error);
    case MR_KIND_STRUCT: return validate_struct(schema, value, place, depth + 1, error);
    default: return 0;
    }
}

int mr_value_validate(const struct mr_schema *schema, const struct mr_value *value, const char *where,
    struct mr_error **error)
{
    if (value == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory for a value");
    struct place place = {.within = NULL, .words = where};
    return schema == NULL ? 0 : validate_at(schema, value, &place, 0, error);
}
