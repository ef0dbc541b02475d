#include "own/schema_infer.h"

#include <string.h>

#include "transform.h"

/* A set: an array of the values that are to have one schema: all that stand in one place, of all elements of an array. Nulls are left
 * out. */
static int infer(struct mr_arena *arena, const struct mr_value *set, const struct schema_work *work, const struct mr_schema **schema,
                 struct mr_error **error);

/* In steps of about 10 ns. */
enum { STEPS_EACH = 1, STEPS_MEMBER = 12, STEPS_FIELD = 2, STEPS_FIELD_OF_SCHEMA = 60 };

static int count(const struct schema_work *work, size_t steps, struct mr_error **error)
{
    return work == NULL ? 0 : work->count(work->argument, steps, error);
}

static int set_add(struct mr_arena *arena, struct mr_value *set, const struct mr_value *value)
{
    return mr_value_is_null(value) ? 0 : mr_array_append(arena, set, value);
}

static int finish(struct mr_arena *arena, struct mr_schema_builder *builder, const struct mr_schema **schema, struct mr_error **error)
{
    mr_schema_builder_set_optional(builder, true);
    *schema = mr_schema_builder_build(builder, error);
    bool is_kept = *schema != NULL && mr_arena_keep_schema(arena, *schema) == 0;
    mr_schema_drop(*schema);
    return is_kept ? 0 : failed(arena, error);
}

static int infer_arrays(struct mr_arena *arena, const struct mr_value *set, const struct schema_work *work, const struct mr_schema **schema,
                        struct mr_error **error)
{
    struct mr_value *items = mr_array_create(arena, 0);
    for (size_t i = 0; i < mr_array_count(set); i++) {
        const struct mr_value *array = mr_array_at(set, i);
        if (count(work, mr_array_count(array) * STEPS_EACH, error) < 0)
            return -1;
        for (size_t k = 0; k < mr_array_count(array); k++)
            if (items == NULL || set_add(arena, items, mr_array_at(array, k)) < 0)
                return failed(arena, error);
    }
    const struct mr_schema *element;
    if (items == NULL)
        return failed(arena, error);
    if (infer(arena, items, work, &element, error) < 0)
        return -1;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_ARRAY);
    mr_schema_builder_set_element(builder, element);
    return finish(arena, builder, schema, error);
}

/* Into the set of its name. */
static int group_member(struct mr_arena *arena, struct mr_value *groups, const struct mr_value *key, const struct mr_value *value,
                        struct mr_error **error)
{
    struct mr_bytes text = mr_value_bytes(key);
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
        return mr_error_set(error, MR_ERR_DATA, "a member whose name has a NUL in it cannot become a field of a schema");
    char *name = mr_arena_printf(arena, "%.*s", (int)text.size, (const char *)text.data);
    if (name == NULL)
        return failed(arena, error);
    struct mr_value *group = (struct mr_value *)mr_map_get(groups, name); /* one of ours, still being made */
    if (group == NULL) {
        if (mr_map_count(groups) == SCHEMA_INFER_FIELDS_MAX)
            return mr_error_set(error, MR_ERR_DATA, "more than %d different members stand in one place: too many for a schema",
                                SCHEMA_INFER_FIELDS_MAX);
        group = mr_array_create(arena, 1);
        if (group == NULL || mr_map_put(arena, groups, mr_string_ref(arena, name, strlen(name)), group) < 0)
            return failed(arena, error);
    }
    return set_add(arena, group, value) < 0 ? failed(arena, error) : 0;
}

/* The sets of all names, in the order in which they first appear. NULL: *error. */
static const struct mr_value *group_members(struct mr_arena *arena, const struct mr_value *set, const struct schema_work *work,
                                            struct mr_error **error)
{
    struct mr_value *groups = mr_map_create(arena, 4);
    for (size_t i = 0; groups != NULL && i < mr_array_count(set); i++) {
        const struct mr_value *object = mr_array_at(set, i);
        for (size_t k = 0; k < mr_map_count(object); k++)
            if (count(work, STEPS_MEMBER, error) < 0 ||
                group_member(arena, groups, mr_map_key_at(object, k), mr_map_value_at(object, k), error) < 0)
                return NULL;
    }
    if (groups == NULL)
        failed(arena, error);
    return groups;
}

static int infer_objects(struct mr_arena *arena, const struct mr_value *set, const struct schema_work *work,
                         const struct mr_schema **schema, struct mr_error **error)
{
    const struct mr_value *groups = group_members(arena, set, work, error);
    if (groups == NULL || count(work, mr_map_count(groups) * STEPS_FIELD_OF_SCHEMA, error) < 0)
        return -1;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    for (size_t i = 0; i < mr_map_count(groups); i++) {
        const struct mr_schema *member;
        if (infer(arena, mr_map_value_at(groups, i), work, &member, error) < 0) {
            mr_schema_builder_destroy(builder);
            return -1;
        }
        mr_schema_builder_add_field(builder, mr_value_bytes(mr_map_key_at(groups, i)).data, member); /* ends with NUL */
    }
    return finish(arena, builder, schema, error);
}

static int infer_simple(enum mr_kind kind, const struct mr_schema **schema, struct mr_error **error)
{
    switch (kind) {
    case MR_KIND_BOOLEAN: *schema = mr_schema_primitive(MR_TYPE_BOOLEAN, true); return 0;
    case MR_KIND_INT64: *schema = mr_schema_primitive(MR_TYPE_INT64, true); return 0;
    case MR_KIND_FLOAT64: *schema = mr_schema_primitive(MR_TYPE_FLOAT64, true); return 0;
    case MR_KIND_BYTES: *schema = mr_schema_primitive(MR_TYPE_BYTES, true); return 0;
    case MR_KIND_STRING: *schema = mr_schema_primitive(MR_TYPE_STRING, true); return 0;
    default: return mr_error_set(error, MR_ERR_DATA, "no schema for a value of kind %s", mr_kind_name(kind));
    }
}

static bool are_numbers(enum mr_kind one, enum mr_kind two)
{
    return (one == MR_KIND_INT64 || one == MR_KIND_FLOAT64) && (two == MR_KIND_INT64 || two == MR_KIND_FLOAT64);
}

static int infer(struct mr_arena *arena, const struct mr_value *set, const struct schema_work *work, const struct mr_schema **schema,
                 struct mr_error **error)
{
    if (count(work, (1 + mr_array_count(set)) * STEPS_EACH, error) < 0)
        return -1;
    enum mr_kind kind = mr_array_count(set) == 0 ? MR_KIND_STRING : mr_value_kind(mr_array_at(set, 0));
    for (size_t i = 1; i < mr_array_count(set); i++) {
        enum mr_kind other = mr_value_kind(mr_array_at(set, i));
        if (other == kind)
            continue;
        if (!are_numbers(kind, other))
            return mr_error_set(error, MR_ERR_DATA, "%s and %s stand in one place: no schema fits both", mr_kind_name(kind),
                                mr_kind_name(other));
        kind = MR_KIND_FLOAT64;
    }
    if (kind == MR_KIND_ARRAY)
        return infer_arrays(arena, set, work, schema, error);
    return kind == MR_KIND_MAP ? infer_objects(arena, set, work, schema, error) : infer_simple(kind, schema, error);
}

const struct mr_schema *schema_infer(struct mr_arena *arena, const struct mr_value *value, const struct schema_work *work,
                                     struct mr_error **error)
{
    struct mr_value *set = mr_array_create(arena, 1);
    const struct mr_schema *schema;
    if (set == NULL || set_add(arena, set, value) < 0) {
        failed(arena, error);
        return NULL;
    }
    return infer(arena, set, work, &schema, error) < 0 ? NULL : schema;
}

/* Again -------------------------------------------------------------------------------------------------------- */

static bool is_struct_of(const struct mr_schema *schema, const struct mr_value *object)
{
    size_t count = mr_map_count(object);
    if (count != mr_schema_field_count(schema))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct mr_bytes name = mr_value_bytes(mr_map_key_at(object, i));
        const char *field = mr_schema_field_name(schema, i);
        if (strlen(field) != name.size || memcmp(field, name.data, name.size) != 0 ||
            !schema_is_of(mr_schema_field(schema, i), mr_map_value_at(object, i)))
            return false;
    }
    return true;
}

/* Elements that are all alike: what one of them would give, all together give. */
static bool is_array_of(const struct mr_schema *schema, const struct mr_value *array)
{
    const struct mr_schema *element = mr_schema_element(schema);
    for (size_t i = 0; i < mr_array_count(array); i++)
        if (mr_value_is_null(mr_array_at(array, i)) || !schema_is_of(element, mr_array_at(array, i)))
            return false;
    return mr_array_count(array) > 0 || mr_schema_type(element) == MR_TYPE_STRING;
}

bool schema_is_of(const struct mr_schema *schema, const struct mr_value *value)
{
    enum mr_type type = mr_schema_type(schema);
    switch (mr_value_kind(value)) {
    case MR_KIND_NULL: return type == MR_TYPE_STRING;
    case MR_KIND_MAP: return type == MR_TYPE_STRUCT && is_struct_of(schema, value);
    case MR_KIND_ARRAY: return type == MR_TYPE_ARRAY && is_array_of(schema, value);
    default: return (int)type == (int)mr_value_kind(value);
    }
}

/* Under the schema --------------------------------------------------------------------------------------------- */

static const struct mr_value *apply_struct(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                           const struct schema_work *work, struct mr_error **error)
{
    if (count(work, (1 + mr_schema_field_count(schema)) * STEPS_FIELD, error) < 0)
        return NULL;
    struct mr_value *made = mr_struct_create(arena, schema);
    for (size_t i = 0; made != NULL && i < mr_schema_field_count(schema); i++) {
        const struct mr_value *member = mr_map_get(value, mr_schema_field_name(schema, i));
        const struct mr_value *field = member == NULL ? mr_null() : schema_apply(arena, mr_schema_field(schema, i), member, work, error);
        if (field == NULL)
            return NULL;
        if (mr_struct_put_unchecked(made, i, field) < 0) /* it fits: the schema was made for it */
            made = NULL;
    }
    if (made == NULL)
        failed(arena, error);
    return made;
}

static const struct mr_value *apply_array(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                          const struct schema_work *work, struct mr_error **error)
{
    if (count(work, (1 + mr_array_count(value)) * STEPS_EACH, error) < 0)
        return NULL;
    struct mr_value *made = mr_array_create(arena, mr_array_count(value));
    for (size_t i = 0; made != NULL && i < mr_array_count(value); i++) {
        const struct mr_value *item = schema_apply(arena, mr_schema_element(schema), mr_array_at(value, i), work, error);
        if (item == NULL)
            return NULL;
        if (mr_array_append(arena, made, item) < 0)
            made = NULL;
    }
    if (made == NULL)
        failed(arena, error);
    return made;
}

const struct mr_value *schema_apply(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                    const struct schema_work *work, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(value);
    if (kind == MR_KIND_MAP)
        return apply_struct(arena, schema, value, work, error);
    if (kind == MR_KIND_ARRAY)
        return apply_array(arena, schema, value, work, error);
    if (kind != MR_KIND_INT64 || mr_schema_type(schema) != MR_TYPE_FLOAT64)
        return value;
    const struct mr_value *number = mr_float64(arena, (double)mr_value_integer(value));
    if (number == NULL)
        failed(arena, error);
    return number;
}
