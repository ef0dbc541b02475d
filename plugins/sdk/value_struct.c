#include "sdk/schema_internal.h"
#include "sdk/value_layout.h"

#include "base/bans.h"

static const struct mr_value *field_cell(const struct mr_value *value, size_t index)
{
    if (value->kind != MR_KIND_STRUCT || index >= value->structure->schema->field_count)
        return NULL;
    return &value->structure->cells[index];
}

const struct mr_schema *mr_struct_schema(const struct mr_value *value)
{
    return value->kind == MR_KIND_STRUCT ? value->structure->schema : NULL;
}

const struct mr_value *mr_struct_at(const struct mr_value *value, size_t index)
{
    return field_cell(value, index);
}

const struct mr_value *mr_struct_at_or_default(const struct mr_value *value, size_t index)
{
    const struct mr_value *cell = field_cell(value, index);
    if (cell == NULL || !value_is_null(cell))
        return cell;
    const struct mr_value *standard = value->structure->schema->fields[index].schema->default_value;
    return standard != NULL ? standard : cell;
}

const struct mr_value *mr_struct_get(const struct mr_value *value, const char *field)
{
    if (value->kind != MR_KIND_STRUCT)
        return NULL;
    int32_t index = mr_schema_field_index(value->structure->schema, field);
    return index < 0 ? NULL : &value->structure->cells[index];
}

struct mr_value *mr_struct_create(struct mr_arena *arena, const struct mr_schema *schema)
{
    if (schema == NULL || schema->type != MR_TYPE_STRUCT || mr_arena_keep_schema(arena, schema) < 0)
        return NULL;
    size_t cells_bytes = schema->field_count * sizeof(struct mr_value);
    struct mr_value *value = arena_alloc(arena, sizeof(*value) + sizeof(struct value_struct) + cells_bytes);
    if (value == NULL)
        return NULL;
    struct value_struct *body = (struct value_struct *)(value + 1);
    body->schema = schema;
    memset(body->cells, 0, cells_bytes); /* a null is all zeros */
    *value = (struct mr_value){.kind = MR_KIND_STRUCT, .structure = body};
    return value;
}

/* Without a look inside: kinds and types have the same numbers. */
static bool fits_plainly(const struct mr_schema *schema, const struct mr_value *value)
{
    _Static_assert((int)MR_KIND_INT8 == (int)MR_TYPE_INT8 && (int)MR_KIND_BYTES == (int)MR_TYPE_BYTES, "in the same order");
    return value->kind == schema->type && value->kind <= MR_KIND_BYTES && schema->logical == MR_LOGICAL_NONE;
}

int mr_struct_put(struct mr_value *value, size_t index, const struct mr_value *field, struct mr_error **error)
{
    if (value == NULL || field == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory for a struct");
    if (field_cell(value, index) == NULL)
        return mr_error_set(error, MR_ERR_DATA, "there is no field %zu in a %s", index, mr_kind_name(value_kind(value)));
    const struct schema_field *declared = &value->structure->schema->fields[index];
    if (!fits_plainly(declared->schema, field) && mr_value_validate(declared->schema, field, declared->name, error) < 0)
        return -1;
    value->structure->cells[index] = *field;
    return 0;
}

int mr_struct_put_unchecked(struct mr_value *value, size_t index, const struct mr_value *field)
{
    if (value == NULL || field == NULL || field_cell(value, index) == NULL)
        return -1;
    value->structure->cells[index] = *field;
    return 0;
}
