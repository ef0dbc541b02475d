#include "dry_run/weigh.h"

#include <millrace/schema.h>
#include <millrace/value.h>
#include <string.h>

#include "base/utf8.h"

#include "base/bans.h"

#define NULL_BYTES 32     /* a place in a list */
#define TEXT_BYTES 96     /* beside its own */
#define SCHEMA_BYTES 2048 /* an object of eight members */
#define PAIR_BYTES 192    /* a list of two */

struct scale {
    size_t left;
    size_t depth;
};

static bool take(struct scale *scale, size_t bytes)
{
    if (bytes > scale->left)
        return false;
    scale->left -= bytes;
    return true;
}

/* Times `factor` in JSON. */
static bool take_size(struct scale *scale, size_t size, size_t factor)
{
    return size <= scale->left / factor && take(scale, TEXT_BYTES + factor * size);
}

/* A byte that is no UTF-8 becomes three. */
static bool take_text(struct scale *scale, struct mr_bytes text)
{
    return take_size(scale, text.size, 1) && (utf8_valid(text.data, text.size) || take_size(scale, text.size, 2));
}

static bool take_words(struct scale *scale, const char *words)
{
    return words == NULL || take_text(scale, (struct mr_bytes){.data = words, .size = strlen(words)});
}

static bool take_value(struct scale *scale, const struct mr_value *value, const struct mr_schema *place);

static bool take_schema(struct scale *scale, const struct mr_schema *schema);

/* Schemas --------------------------------------------------------------------------------------------------- */

static bool take_parameters(struct scale *scale, const struct mr_schema *schema)
{
    for (size_t i = 0; i < mr_schema_parameter_count(schema); i++)
        if (!take(scale, PAIR_BYTES) || !take_words(scale, mr_schema_parameter_key(schema, i)) ||
            !take_words(scale, mr_schema_parameter_value(schema, i)))
            return false;
    return true;
}

static bool take_fields(struct scale *scale, const struct mr_schema *schema)
{
    for (size_t i = 0; i < mr_schema_field_count(schema); i++)
        if (!take(scale, WEIGH_OBJECT_BYTES) || !take_words(scale, mr_schema_field_name(schema, i)) ||
            !take_schema(scale, mr_schema_field(schema, i)))
            return false;
    return true;
}

static bool take_children(struct scale *scale, const struct mr_schema *schema)
{
    enum mr_type type = mr_schema_type(schema);
    if (type == MR_TYPE_STRUCT)
        return take_fields(scale, schema);
    if (type == MR_TYPE_MAP && !take_schema(scale, mr_schema_key(schema)))
        return false;
    return (type != MR_TYPE_MAP && type != MR_TYPE_ARRAY) || take_schema(scale, mr_schema_element(schema));
}

static bool take_schema(struct scale *scale, const struct mr_schema *schema)
{
    if (schema == NULL)
        return take(scale, NULL_BYTES);
    if (scale->depth >= WEIGH_DEPTH_MAX)
        return false;
    scale->depth++;
    const struct mr_value *standard = mr_schema_default(schema);
    bool fits = take(scale, SCHEMA_BYTES) && take_words(scale, mr_schema_name(schema)) &&
                take_words(scale, mr_schema_doc(schema)) && take_parameters(scale, schema) && take_children(scale, schema) &&
                (standard == NULL || take_value(scale, standard, schema));
    scale->depth--;
    return fits;
}

/* Values ---------------------------------------------------------------------------------------------------- */

static bool take_elements(struct scale *scale, const struct mr_value *array, const struct mr_schema *place)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_ARRAY;
    for (size_t i = 0; i < mr_array_count(array); i++)
        if (!take_value(scale, mr_array_at(array, i), has_schema ? mr_schema_element(place) : NULL))
            return false;
    return true;
}

static bool take_entries(struct scale *scale, const struct mr_value *map, const struct mr_schema *place)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_MAP;
    for (size_t i = 0; i < mr_map_count(map); i++)
        if (!take(scale, PAIR_BYTES) || !take_value(scale, mr_map_key_at(map, i), has_schema ? mr_schema_key(place) : NULL) ||
            !take_value(scale, mr_map_value_at(map, i), has_schema ? mr_schema_element(place) : NULL))
            return false;
    return true;
}

static bool take_struct(struct scale *scale, const struct mr_value *value, const struct mr_schema *place)
{
    const struct mr_schema *schema = mr_struct_schema(value);
    bool is_default = place != NULL && mr_schema_default(place) == value;
    for (size_t i = 0; i < mr_schema_field_count(schema); i++)
        if (!take(scale, PAIR_BYTES) || !take_words(scale, mr_schema_field_name(schema, i)) ||
            !take_value(scale, mr_struct_at(value, i), mr_schema_field(schema, i)))
            return false;
    return is_default || (place != NULL && mr_schema_equals(place, schema)) || take_schema(scale, schema);
}

static bool take_content(struct scale *scale, const struct mr_value *value, const struct mr_schema *place)
{
    switch (mr_value_kind(value)) {
    case MR_KIND_STRING:
        return take_text(scale, mr_value_bytes(value));
    case MR_KIND_BYTES:
        return take_size(scale, mr_value_bytes(value).size, 2);
    case MR_KIND_DECIMAL:
    case MR_KIND_BIGINT:
        return take_size(scale, mr_value_unscaled(value).size, 3); /* its digits */
    case MR_KIND_ARRAY:
        return take_elements(scale, value, place);
    case MR_KIND_MAP:
        return take_entries(scale, value, place);
    case MR_KIND_STRUCT:
        return take_struct(scale, value, place);
    default:
        return true;
    }
}

static bool take_value(struct scale *scale, const struct mr_value *value, const struct mr_schema *place)
{
    if (mr_value_kind(value) == MR_KIND_NULL)
        return take(scale, NULL_BYTES);
    if (scale->depth >= WEIGH_DEPTH_MAX || !take(scale, WEIGH_OBJECT_BYTES))
        return false;
    scale->depth++;
    bool fits = take_content(scale, value, place);
    scale->depth--;
    return fits;
}

static bool take_datum(struct scale *scale, const struct mr_schema *schema, const struct mr_value *value)
{
    return take(scale, WEIGH_OBJECT_BYTES) && take_schema(scale, schema) && (value == NULL || take_value(scale, value, schema));
}

/* ----------------------------------------------------------------------------------------------------------- */

static bool tell(const struct scale *scale, bool fits, size_t *left)
{
    *left = scale->left;
    return fits;
}

bool weigh_bytes(struct mr_bytes bytes, size_t *left)
{
    struct scale scale = {.left = *left};
    return tell(&scale, take(&scale, WEIGH_OBJECT_BYTES) && take_size(&scale, bytes.size, 3), left);
}

bool weigh_datum(const struct mr_schema *schema, const struct mr_value *value, size_t *left)
{
    struct scale scale = {.left = *left};
    return tell(&scale, take_datum(&scale, schema, value), left);
}

bool weigh_record(const struct mr_record *record, size_t *left)
{
    struct scale scale = {.left = *left};
    bool fits = take(&scale, SCHEMA_BYTES) && take_words(&scale, mr_record_topic(record)) &&
                take_datum(&scale, mr_record_key_schema(record), mr_record_key(record)) &&
                take_datum(&scale, mr_record_value_schema(record), mr_record_value(record));
    for (size_t i = 0; fits && i < mr_record_header_count(record); i++)
        fits = take_words(&scale, mr_record_header_key(record, i)) &&
               take_datum(&scale, mr_record_header_schema(record, i), mr_record_header_value(record, i));
    return tell(&scale, fits, left);
}
