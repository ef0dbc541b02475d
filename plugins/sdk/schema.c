#include "sdk/schema_internal.h"

#include <assert.h>
#include <string.h>

#include "sdk/value_layout.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/bans.h"

const char *mr_type_name(enum mr_type type)
{
    static const char *const names[] = {"unknown", "int8", "int16", "int32", "int64", "float32", "float64", "boolean",
        "string", "bytes", "array", "map", "struct"};
    return names[type >= MR_TYPE_INT8 && type <= MR_TYPE_STRUCT ? type : 0];
}

enum mr_logical_type schema_logical_of(const char *name)
{
    static const char prefix[] = "org.apache.kafka.connect.data.";
    if (name == NULL || strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        return MR_LOGICAL_NONE;
    if (strcmp(name, MR_DECIMAL_NAME) == 0)
        return MR_LOGICAL_DECIMAL;
    if (strcmp(name, MR_DATE_NAME) == 0)
        return MR_LOGICAL_DATE;
    if (strcmp(name, MR_TIME_NAME) == 0)
        return MR_LOGICAL_TIME;
    return strcmp(name, MR_TIMESTAMP_NAME) == 0 ? MR_LOGICAL_TIMESTAMP : MR_LOGICAL_NONE;
}

bool schema_text_equals(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Life ------------------------------------------------------------------------------------------------------ */

void schema_free(struct mr_schema *schema)
{
    mr_schema_drop(schema->key);
    mr_schema_drop(schema->element);
    for (uint32_t i = 0; i < schema->field_count; i++)
        mr_schema_drop(schema->fields[i].schema);
    mr_arena_destroy(schema->default_arena);
    mem_free(schema);
}

const struct mr_schema *mr_schema_take(const struct mr_schema *schema)
{
    if (schema != NULL && !schema_is_immortal(schema)) {
        uint32_t before = atomic_fetch_add_explicit(&((struct mr_schema *)schema)->references, 1, memory_order_relaxed);
        assert(before > 0 && before < UINT32_MAX / 2);
        (void)before;
    }
    return schema;
}

/* Equality -------------------------------------------------------------------------------------------------- */

static bool heads_equal(const struct mr_schema *a, const struct mr_schema *b)
{
    return a->type == b->type && a->is_optional == b->is_optional && a->has_version == b->has_version
        && a->version == b->version && a->has_parameters == b->has_parameters && a->parameter_count == b->parameter_count
        && a->field_count == b->field_count && schema_text_equals(a->name, b->name) && schema_text_equals(a->doc, b->doc);
}

static bool parameters_equal(const struct mr_schema *a, const struct mr_schema *b)
{
    for (uint32_t i = 0; i < a->parameter_count; i++) {
        const char *other = mr_schema_parameter(b, a->parameters[i].key);
        if (other == NULL || strcmp(other, a->parameters[i].value) != 0)
            return false;
    }
    return true;
}

static bool fields_equal(const struct mr_schema *a, const struct mr_schema *b)
{
    for (uint32_t i = 0; i < a->field_count; i++) {
        const struct schema_field *left = &a->fields[i], *right = &b->fields[i];
        if (left->name_hash != right->name_hash || strcmp(left->name, right->name) != 0
            || !mr_schema_equals(left->schema, right->schema))
            return false;
    }
    return true;
}

static bool defaults_equal(const struct mr_schema *a, const struct mr_schema *b)
{
    if (a->default_value == NULL || b->default_value == NULL)
        return a->default_value == b->default_value;
    return mr_value_equals(a->default_value, b->default_value);
}

bool mr_schema_equals(const struct mr_schema *a, const struct mr_schema *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->hash != b->hash)
        return false;
    return heads_equal(a, b) && mr_schema_equals(a->key, b->key) && mr_schema_equals(a->element, b->element)
        && parameters_equal(a, b) && fields_equal(a, b) && defaults_equal(a, b);
}

bool schema_fields_equal(const struct mr_schema *a, const struct mr_schema *b)
{
    return a->field_count == b->field_count && fields_equal(a, b);
}

/* Hashing --------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t more)
{
    return hash_bytes(&more, sizeof(more), hash);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    return text == NULL ? mix(hash, 0) : hash_bytes(text, strlen(text), hash + 1);
}

uint32_t schema_name_hash(const char *name, size_t size)
{
    return (uint32_t)(hash_bytes(name, size, sdk_hash_seed()) >> 32);
}

uint64_t schema_hash(const struct mr_schema *schema)
{
    uint64_t parameters = 0;
    for (uint32_t i = 0; i < schema->parameter_count; i++) /* a sum: in any order */
        parameters += mix_text(mix_text(1, schema->parameters[i].key), schema->parameters[i].value);
    uint64_t hash = mix(sdk_hash_seed(), (uint64_t)schema->type << 3 | (uint64_t)schema->is_optional << 2
        | (uint64_t)schema->has_version << 1 | schema->has_parameters);
    hash = mix(hash, (uint64_t)(uint32_t)schema->version);
    hash = mix_text(mix_text(hash, schema->name), schema->doc);
    hash = mix(hash, parameters);
    hash = mix(hash, schema->key == NULL ? 0 : schema->key->hash);
    hash = mix(hash, schema->element == NULL ? 0 : schema->element->hash);
    for (uint32_t i = 0; i < schema->field_count; i++)
        hash = mix(mix(hash, schema->fields[i].name_hash), schema->fields[i].schema->hash);
    return mix(hash, schema->default_value == NULL ? 0 : value_hash(schema->default_value));
}

/* Fields by name -------------------------------------------------------------------------------------------- */

void schema_index_fields(struct mr_schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        uint32_t at = schema->fields[i].name_hash & schema->field_mask;
        while (schema->field_slots[at] != 0)
            at = (at + 1) & schema->field_mask;
        schema->field_slots[at] = i + 1;
    }
}

static bool field_is(const struct schema_field *field, const char *name, size_t size)
{
    return field->name_size == size && memcmp(field->name, name, size) == 0;
}

int32_t schema_field_find(const struct mr_schema *schema, const char *name, size_t size)
{
    if (schema->field_slots == NULL) {
        for (uint32_t i = 0; i < schema->field_count; i++)
            if (field_is(&schema->fields[i], name, size))
                return (int32_t)i;
        return -1;
    }
    for (uint32_t at = schema_name_hash(name, size);; at++) {
        uint32_t slot = schema->field_slots[at & schema->field_mask];
        if (slot == 0)
            return -1;
        if (field_is(&schema->fields[slot - 1], name, size))
            return (int32_t)slot - 1;
    }
}

int32_t mr_schema_field_index(const struct mr_schema *schema, const char *name)
{
    return schema_field_find(schema, name, strlen(name));
}

/* Looking --------------------------------------------------------------------------------------------------- */

enum mr_type mr_schema_type(const struct mr_schema *schema)
{
    return (enum mr_type)schema->type;
}

enum mr_logical_type mr_schema_logical_type(const struct mr_schema *schema)
{
    return (enum mr_logical_type)schema->logical;
}

bool mr_schema_is_optional(const struct mr_schema *schema)
{
    return schema->is_optional;
}

const char *mr_schema_name(const struct mr_schema *schema)
{
    return schema->name;
}

const char *mr_schema_doc(const struct mr_schema *schema)
{
    return schema->doc;
}

bool mr_schema_version(const struct mr_schema *schema, int32_t *version)
{
    if (schema->has_version)
        *version = schema->version;
    return schema->has_version;
}

bool mr_schema_has_parameters(const struct mr_schema *schema)
{
    return schema->has_parameters;
}

size_t mr_schema_parameter_count(const struct mr_schema *schema)
{
    return schema->parameter_count;
}

const char *mr_schema_parameter_key(const struct mr_schema *schema, size_t index)
{
    return index < schema->parameter_count ? schema->parameters[index].key : NULL;
}

const char *mr_schema_parameter_value(const struct mr_schema *schema, size_t index)
{
    return index < schema->parameter_count ? schema->parameters[index].value : NULL;
}

const char *mr_schema_parameter(const struct mr_schema *schema, const char *key)
{
    for (uint32_t i = 0; i < schema->parameter_count; i++)
        if (strcmp(schema->parameters[i].key, key) == 0)
            return schema->parameters[i].value;
    return NULL;
}

const struct mr_value *mr_schema_default(const struct mr_schema *schema)
{
    return schema->default_value;
}

const struct mr_schema *mr_schema_key(const struct mr_schema *schema)
{
    return schema->key;
}

const struct mr_schema *mr_schema_element(const struct mr_schema *schema)
{
    return schema->element;
}

size_t mr_schema_field_count(const struct mr_schema *schema)
{
    return schema->field_count;
}

const char *mr_schema_field_name(const struct mr_schema *schema, size_t index)
{
    return index < schema->field_count ? schema->fields[index].name : NULL;
}

const struct mr_schema *mr_schema_field(const struct mr_schema *schema, size_t index)
{
    return index < schema->field_count ? schema->fields[index].schema : NULL;
}
