#include <stdlib.h>
#include <string.h>

#include "support/schema_plan.h"
#include "transform.h"

#define PURPOSE "flattening"

static const struct mr_config_row rows[] = {
    {
        .name = "delimiter",
        .type = MR_CONFIG_STRING,
        .default_text = ".",
        .importance = MR_MEDIUM,
        .doc = "What stands between the names of the levels in a new name.",
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct flatten {
    enum side side;
    struct schema_plans plans;
    char delimiter[];
};

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    const char *delimiter = mr_config_string(config, "delimiter");
    struct flatten *flatten = calloc(1, sizeof(*flatten) + strlen(delimiter) + 1);
    if (flatten == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Flatten");
        return NULL;
    }
    flatten->side = side;
    memcpy(flatten->delimiter, delimiter, strlen(delimiter) + 1);
    return flatten;
}

static void destroy(void *self)
{
    struct flatten *flatten = self;
    if (flatten != NULL)
        schema_plans_release(&flatten->plans);
    free(flatten);
}

/* "parent.child", NUL-terminated, in the arena; `prefix` size 0: no parent. data NULL: no memory. */
static struct mr_bytes join(const struct flatten *flatten, struct mr_arena *arena, struct mr_bytes prefix,
                            struct mr_bytes name)
{
    size_t delimiter = prefix.size == 0 ? 0 : strlen(flatten->delimiter), size = prefix.size + delimiter + name.size;
    char *joined = mr_arena_alloc(arena, size + 1);
    if (joined == NULL)
        return (struct mr_bytes){ .data = NULL };
    if (prefix.size > 0)
        memcpy(joined, prefix.data, prefix.size);
    memcpy(joined + prefix.size, flatten->delimiter, delimiter);
    if (name.size > 0)
        memcpy(joined + prefix.size + delimiter, name.data, name.size);
    joined[size] = '\0';
    return (struct mr_bytes){ .data = joined, .size = size };
}

/* With a schema ---------------------------------------------------------------------------------------------- */

/* What the structs around a field say about it. */
struct surroundings {
    struct mr_bytes prefix;
    bool is_optional;
    const struct mr_value *standard; /* the default of the nearest struct that has one, or NULL */
};

struct flattening {
    const struct flatten *flatten;
    struct mr_arena *arena; /* of the names */
    struct mr_schema_builder *builder;
    struct mr_error **error;
};

static int add_leaf(struct flattening *flattening, const char *name, const struct mr_schema *schema, bool is_optional,
                    const struct mr_value *standard)
{
    struct mr_schema_builder *builder = mr_schema_builder_from(schema, mr_schema_type(schema));
    if (mr_schema_type(schema) == MR_TYPE_ARRAY && mr_schema_element(schema) != NULL)
        mr_schema_builder_set_element(builder, mr_schema_element(schema));
    mr_schema_builder_set_optional(builder, is_optional);
    if (standard != NULL)
        mr_schema_builder_set_default(builder, standard);
    const struct mr_schema *leaf = mr_schema_builder_build(builder, flattening->error);
    if (leaf == NULL)
        return -1;
    mr_schema_builder_add_field(flattening->builder, name, leaf);
    mr_schema_drop(leaf);
    return 0;
}

static int add_fields(struct flattening *flattening, const struct mr_schema *schema, const struct surroundings *around);

static int add_field(struct flattening *flattening, const struct mr_schema *schema, size_t i,
                     const struct surroundings *around)
{
    const struct mr_schema *field = mr_schema_field(schema, i);
    const char *name = mr_schema_field_name(schema, i);
    struct surroundings inner = {
        .prefix = join(flattening->flatten, flattening->arena, around->prefix, bytes_of(name)),
        .is_optional = around->is_optional || mr_schema_is_optional(field),
        .standard = mr_schema_default(field),
    };
    if (inner.prefix.data == NULL)
        return mr_arena_failed(flattening->arena, flattening->error);
    if (inner.standard == NULL && around->standard != NULL)
        inner.standard = mr_struct_at_or_default(around->standard, i);
    if (inner.standard != NULL && mr_value_is_null(inner.standard))
        inner.standard = NULL;
    switch (mr_schema_type(field)) {
    case MR_TYPE_STRUCT: return add_fields(flattening, field, &inner);
    case MR_TYPE_MAP:
        return mr_error_set(flattening->error, MR_ERR_DATA,
                            "Flatten transformation does not support MAP for record with schemas (for field %s).",
                            (const char *)inner.prefix.data);
    default: return add_leaf(flattening, inner.prefix.data, field, inner.is_optional, inner.standard);
    }
}

static int add_fields(struct flattening *flattening, const struct mr_schema *schema, const struct surroundings *around)
{
    for (size_t i = 0; i < mr_schema_field_count(schema); i++) {
        if (add_field(flattening, schema, i, around) < 0)
            return -1;
    }
    return 0;
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    struct flattening flattening = {
        .flatten = self,
        .arena = mr_arena_create(64u << 20),
        .builder = mr_schema_builder_from(from, MR_TYPE_STRUCT),
        .error = error,
    };
    struct surroundings around = { .is_optional = mr_schema_is_optional(from), .standard = mr_schema_default(from) };
    if (flattening.arena == NULL || add_fields(&flattening, from, &around) < 0) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for Flatten");
        mr_schema_builder_destroy(flattening.builder);
        mr_arena_destroy(flattening.arena);
        return NULL;
    }
    const struct mr_schema *to = mr_schema_builder_build(flattening.builder, error);
    mr_arena_destroy(flattening.arena);
    return schema_plan_create(from, to, 0, error);
}

static size_t leaf_count(const struct mr_schema *schema)
{
    size_t count = 0;
    for (size_t i = 0; i < mr_schema_field_count(schema); i++) {
        const struct mr_schema *field = mr_schema_field(schema, i);
        count += mr_schema_type(field) == MR_TYPE_STRUCT ? leaf_count(field) : 1;
    }
    return count;
}

/* The leaves of `value` into `flat` from field `*at` on; those of a null struct stay unset. */
static int carry_leaves(struct mr_value *flat, size_t *at, const struct mr_value *value, struct mr_error **error)
{
    const struct mr_schema *schema = mr_struct_schema(value);
    for (size_t i = 0; i < mr_schema_field_count(schema); i++) {
        const struct mr_schema *field = mr_schema_field(schema, i);
        bool is_struct = mr_schema_type(field) == MR_TYPE_STRUCT;
        const struct mr_value *nested = mr_struct_at(value, i);
        if (is_struct && mr_value_is_null(nested))
            *at += leaf_count(field);
        else if (is_struct ? carry_leaves(flat, at, nested, error) < 0
                           : mr_struct_put(flat, (*at)++, mr_struct_at_or_default(value, i), error) < 0)
            return -1;
    }
    return 0;
}

static int apply_with_schema(struct flatten *flatten, struct mr_record *record, const struct mr_value *value,
                             struct mr_emitter *emitter, struct mr_error **error)
{
    size_t at = 0;
    if (require_struct(value, PURPOSE, error) < 0)
        return -1;
    const struct schema_plan *plan =
        schema_plans_find(&flatten->plans, mr_struct_schema(value), build_plan, flatten, error);
    if (plan == NULL)
        return -1;
    struct mr_value *flat = mr_struct_create(mr_record_arena(record), plan->to);
    if (flat != NULL && carry_leaves(flat, &at, value, error) < 0)
        return -1;
    return operand_emit(record, flatten->side, plan->to, flat, emitter, error);
}

/* Without one ------------------------------------------------------------------------------------------------ */

static int add_entries(const struct flatten *flatten, struct mr_arena *arena, struct mr_value *flat, struct mr_bytes prefix,
                       const struct mr_value *map, struct mr_error **error);

/* `key` NULL: the name. A null key of the outermost map stays null; behind a prefix it is the text "null". */
static int add_entry(const struct flatten *flatten, struct mr_arena *arena, struct mr_value *flat, const struct mr_value *key,
                     struct mr_bytes name, const struct mr_value *value, struct mr_error **error)
{
    switch (mr_value_kind(value)) {
    case MR_KIND_MAP:
        if (key != NULL && mr_map_count(value) > 0)
            return data_error(error, NULL_POINTER, "Flatten: a map lies under a key that is null");
        return add_entries(flatten, arena, flat, name, value, error);
    case MR_KIND_STRUCT:
        return mr_error_set(error, MR_ERR_DATA,
                            "Flatten transformation does not support struct for record without schemas (for field %s).",
                            (const char *)name.data);
    case MR_KIND_DECIMAL:
    case MR_KIND_BIGINT:
    case MR_KIND_INSTANT: return not_supported(error, "Flatten", value);
    default: break;
    }
    if (key == NULL)
        key = mr_string_ref(arena, name.data, name.size);
    return key != NULL && mr_map_put(arena, flat, key, value) == 0 ? 0 : mr_arena_failed(arena, error);
}

static int add_entries(const struct flatten *flatten, struct mr_arena *arena, struct mr_value *flat, struct mr_bytes prefix,
                       const struct mr_value *map, struct mr_error **error)
{
    for (size_t i = 0; i < mr_map_count(map); i++) {
        const struct mr_value *key = mr_map_key_at(map, i);
        bool is_null = mr_value_is_null(key);
        if (!is_null && mr_value_kind(key) != MR_KIND_STRING)
            return data_error(error, CLASS_CAST, "Flatten: a key of a map is no text but %s",
                              mr_kind_name(mr_value_kind(key)));
        struct mr_bytes name = join(flatten, arena, prefix, is_null ? bytes_of("null") : mr_value_bytes(key));
        if (name.data == NULL)
            return mr_arena_failed(arena, error);
        if (add_entry(flatten, arena, flat, is_null && prefix.size == 0 ? key : NULL, name, mr_map_value_at(map, i), error) < 0)
            return -1;
    }
    return 0;
}

static int apply_schemaless(struct flatten *flatten, struct mr_record *record, const struct mr_value *value,
                            struct mr_emitter *emitter, struct mr_error **error)
{
    struct mr_bytes none = { .data = "", .size = 0 };
    struct mr_arena *arena = mr_record_arena(record);
    if (require_map(value, PURPOSE, error) < 0)
        return -1;
    struct mr_value *flat = mr_map_create(arena, mr_map_count(value));
    if (flat != NULL && add_entries(flatten, arena, flat, none, value, error) < 0)
        return -1;
    return operand_emit(record, flatten->side, NULL, flat, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct flatten *flatten = self;
    const struct mr_value *value = operand_value(record, flatten->side);
    if (mr_value_is_null(value))
        return mr_emit(emitter, record);
    if (operand_schema(record, flatten->side) == NULL)
        return apply_schemaless(flatten, record, value, emitter, error);
    return apply_with_schema(flatten, record, value, emitter, error);
}

TRANSFORM_PAIR(flatten, "Flatten", "Brings the fields of nested structs and maps to the top.", options);
