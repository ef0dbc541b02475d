#include "own/schema_infer.h"

#include "transform.h"

/* Values that are to have one schema: all that stand in one place, of all elements of an array. Nulls are left out. */
struct value_set {
    const struct mr_value **items;
    size_t count;
};

static int infer(struct mr_arena *arena, struct value_set set, const struct mr_schema **schema, struct mr_error **error);

static void set_add(struct value_set *set, const struct mr_value *value)
{
    if (value != NULL && !mr_value_is_null(value))
        set->items[set->count++] = value;
}

/* Room for `capacity`; items NULL: no memory. */
static struct value_set set_create(struct mr_arena *arena, size_t capacity)
{
    return (struct value_set){ .items = mr_arena_alloc(arena, (capacity + 1) * sizeof(const struct mr_value *)) };
}

static int finish(struct mr_arena *arena, struct mr_schema_builder *builder, const struct mr_schema **schema, struct mr_error **error)
{
    mr_schema_builder_set_optional(builder, true);
    *schema = mr_schema_builder_build(builder, error);
    bool is_kept = *schema != NULL && mr_arena_keep_schema(arena, *schema) == 0;
    mr_schema_drop(*schema);
    return is_kept ? 0 : failed(arena, error);
}

static int infer_arrays(struct mr_arena *arena, struct value_set set, const struct mr_schema **schema, struct mr_error **error)
{
    size_t total = 0;
    for (size_t i = 0; i < set.count; i++)
        total += mr_array_count(set.items[i]);
    struct value_set items = set_create(arena, total);
    if (items.items == NULL)
        return failed(arena, error);
    for (size_t i = 0; i < set.count; i++)
        for (size_t k = 0; k < mr_array_count(set.items[i]); k++)
            set_add(&items, mr_array_at(set.items[i], k));
    const struct mr_schema *element;
    if (infer(arena, items, &element, error) < 0)
        return -1;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_ARRAY);
    mr_schema_builder_set_element(builder, element);
    return finish(arena, builder, schema, error);
}

/* What all objects have under one name; those before `from` are known not to have it. */
static int add_member(struct mr_arena *arena, struct mr_schema_builder *builder, struct value_set set, size_t from,
                      const struct mr_value *key, struct mr_error **error)
{
    struct mr_bytes text = mr_value_bytes(key);
    char *name = mr_arena_printf(arena, "%.*s", (int)text.size, (const char *)text.data);
    struct value_set members = set_create(arena, set.count - from);
    const struct mr_schema *member;
    if (name == NULL || members.items == NULL)
        return failed(arena, error);
    for (size_t i = from; i < set.count; i++)
        set_add(&members, mr_map_get(set.items[i], name));
    if (infer(arena, members, &member, error) < 0)
        return -1;
    mr_schema_builder_add_field(builder, name, member);
    return 0;
}

static bool has_before(struct value_set set, size_t count, const struct mr_value *key)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < mr_map_count(set.items[i]); k++)
            if (mr_value_equals(mr_map_key_at(set.items[i], k), key))
                return true;
    return false;
}

static int infer_objects(struct mr_arena *arena, struct value_set set, const struct mr_schema **schema, struct mr_error **error)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    for (size_t i = 0; i < set.count; i++) {
        for (size_t k = 0; k < mr_map_count(set.items[i]); k++) {
            const struct mr_value *key = mr_map_key_at(set.items[i], k);
            if (has_before(set, i, key) || add_member(arena, builder, set, i, key, error) == 0)
                continue;
            mr_schema_builder_destroy(builder);
            return -1;
        }
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

static int infer(struct mr_arena *arena, struct value_set set, const struct mr_schema **schema, struct mr_error **error)
{
    enum mr_kind kind = set.count == 0 ? MR_KIND_STRING : mr_value_kind(set.items[0]);
    for (size_t i = 1; i < set.count; i++) {
        enum mr_kind other = mr_value_kind(set.items[i]);
        if (other == kind)
            continue;
        if (!are_numbers(kind, other))
            return mr_error_set(error, MR_ERR_DATA, "%s and %s stand in one place: no schema fits both", mr_kind_name(kind),
                                mr_kind_name(other));
        kind = MR_KIND_FLOAT64;
    }
    if (kind == MR_KIND_ARRAY)
        return infer_arrays(arena, set, schema, error);
    return kind == MR_KIND_MAP ? infer_objects(arena, set, schema, error) : infer_simple(kind, schema, error);
}

const struct mr_schema *schema_infer(struct mr_arena *arena, const struct mr_value *value, struct mr_error **error)
{
    struct value_set set = set_create(arena, 1);
    const struct mr_schema *schema;
    if (set.items == NULL) {
        failed(arena, error);
        return NULL;
    }
    set_add(&set, value);
    return infer(arena, set, &schema, error) < 0 ? NULL : schema;
}

/* Under the schema --------------------------------------------------------------------------------------------- */

static const struct mr_value *apply_struct(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                           struct mr_error **error)
{
    struct mr_value *made = mr_struct_create(arena, schema);
    for (size_t i = 0; made != NULL && i < mr_schema_field_count(schema); i++) {
        const struct mr_value *member = mr_map_get(value, mr_schema_field_name(schema, i));
        const struct mr_value *field = member == NULL ? mr_null() : schema_apply(arena, mr_schema_field(schema, i), member, error);
        if (field == NULL || mr_struct_put(made, i, field, error) < 0)
            return NULL;
    }
    if (made == NULL)
        failed(arena, error);
    return made;
}

static const struct mr_value *apply_array(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                          struct mr_error **error)
{
    struct mr_value *made = mr_array_create(arena, mr_array_count(value));
    for (size_t i = 0; made != NULL && i < mr_array_count(value); i++) {
        const struct mr_value *item = schema_apply(arena, mr_schema_element(schema), mr_array_at(value, i), error);
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
                                    struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(value);
    if (kind == MR_KIND_MAP)
        return apply_struct(arena, schema, value, error);
    if (kind == MR_KIND_ARRAY)
        return apply_array(arena, schema, value, error);
    if (kind != MR_KIND_INT64 || mr_schema_type(schema) != MR_TYPE_FLOAT64)
        return value;
    const struct mr_value *number = mr_float64(arena, (double)mr_value_integer(value));
    if (number == NULL)
        failed(arena, error);
    return number;
}
