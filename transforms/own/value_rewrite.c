#include "own/value_rewrite.h"

#include "transform.h"

static int rewrite_from(struct value_rewrite *rewrite, size_t step, struct mr_arena *arena, struct typed_value *at,
                        struct mr_error **error);

static int out_of_memory(struct mr_arena *arena, struct mr_error **error)
{
    return failed(arena, error);
}

/* All is well, but the path leads no further here. */
static int nowhere(struct value_rewrite *rewrite)
{
    rewrite->leads_nowhere = true;
    return 0;
}

/* Schemas ---------------------------------------------------------------------------------------------------- */

/* Takes the reference. NULL: no memory, or *error. */
static const struct mr_schema *keep(struct mr_arena *arena, const struct mr_schema *schema)
{
    bool kept = schema != NULL && mr_arena_keep_schema(arena, schema) == 0;
    mr_schema_drop(schema);
    return kept ? schema : NULL;
}

/* The struct's schema with another one for field `index`. A default of the whole would not fit it any more. */
static const struct mr_schema *with_field(struct mr_arena *arena, const struct mr_schema *schema, size_t index,
                                          const struct mr_schema *field, struct mr_error **error)
{
    struct mr_schema_builder *builder = mr_schema_builder_from(schema, MR_TYPE_STRUCT);
    mr_schema_builder_set_optional(builder, mr_schema_is_optional(schema));
    for (size_t i = 0; i < mr_schema_field_count(schema); i++)
        mr_schema_builder_add_field(builder, mr_schema_field_name(schema, i), i == index ? field : mr_schema_field(schema, i));
    return keep(arena, mr_schema_builder_build(builder, error));
}

static const struct mr_schema *with_element(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_schema *element,
                                            struct mr_error **error)
{
    struct mr_schema_builder *builder = mr_schema_builder_from(schema, MR_TYPE_ARRAY);
    mr_schema_builder_set_optional(builder, mr_schema_is_optional(schema));
    mr_schema_builder_set_element(builder, element);
    return keep(arena, mr_schema_builder_build(builder, error));
}

/* Of an array (ELEMENT) or a struct's field, from the memo where it was made before. */
#define ELEMENT (-1)
static const struct mr_schema *schema_with(const struct value_rewrite *rewrite, struct mr_arena *arena, struct schema_memo_key key,
                                           struct mr_error **error)
{
    const struct mr_schema *made = rewrite->memo == NULL || key.other == NULL ? NULL : schema_memo_find(rewrite->memo, arena, key);
    if (made != NULL)
        return made;
    made = key.number == ELEMENT ? with_element(arena, key.one, key.other, error)
                                 : with_field(arena, key.one, (size_t)key.number, key.other, error);
    if (made != NULL && rewrite->memo != NULL && key.other != NULL)
        schema_memo_keep(rewrite->memo, key, made);
    return made;
}

static int schema_is_fixed(const struct value_rewrite *rewrite, const char *what, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_DATA, "%s leads to one element of %s with a schema, whose elements are all of one type",
                        rewrite->path->text, what);
}

/* Structs ---------------------------------------------------------------------------------------------------- */

static int rewrite_field(struct value_rewrite *rewrite, size_t step, struct mr_arena *arena, struct typed_value *at,
                         struct mr_error **error)
{
    const struct mr_value *value = at->value;
    const struct mr_schema *schema = mr_struct_schema(value);
    int32_t index = mr_schema_field_index(schema, rewrite->path->steps[step].name);
    if (index < 0)
        return nowhere(rewrite);
    size_t changed = (size_t)index;
    struct typed_value field = { mr_schema_field(schema, changed), mr_struct_at(value, changed) }, was = field;
    if (rewrite_from(rewrite, step + 1, arena, &field, error) < 0)
        return -1;
    if (field.value == was.value && field.schema == was.schema)
        return 0;
    const struct schema_memo_key key = { schema, field.schema, index };
    if (field.schema != was.schema && (schema = schema_with(rewrite, arena, key, error)) == NULL)
        return out_of_memory(arena, error);
    struct mr_value *updated = mr_struct_create(arena, schema);
    if (updated == NULL)
        return out_of_memory(arena, error);
    for (size_t i = 0; i < mr_schema_field_count(schema); i++)
        if (i != changed && mr_struct_put_unchecked(updated, i, mr_struct_at(value, i)) < 0)
            return out_of_memory(arena, error);
    if (mr_struct_put(updated, changed, field.value, error) < 0)
        return -1;
    *at = (struct typed_value){ at->schema == NULL ? NULL : schema, updated };
    return 0;
}

/* Maps ------------------------------------------------------------------------------------------------------- */

static int rewrite_entry(struct value_rewrite *rewrite, size_t step, struct mr_arena *arena, struct typed_value *at,
                         struct mr_error **error)
{
    const char *name = rewrite->path->steps[step].name;
    const struct mr_value *found = mr_map_get(at->value, name);
    if (found == NULL)
        return nowhere(rewrite);
    struct typed_value entry = { at->schema == NULL ? NULL : mr_schema_element(at->schema), found }, was = entry;
    if (rewrite_from(rewrite, step + 1, arena, &entry, error) < 0)
        return -1;
    if (entry.value == was.value && entry.schema == was.schema)
        return 0;
    if (entry.schema != was.schema)
        return schema_is_fixed(rewrite, "a map", error);
    struct mr_value *updated = mr_map_copy(arena, at->value, 0);
    if (updated == NULL || mr_map_put_text(arena, updated, name, entry.value) < 0)
        return out_of_memory(arena, error);
    at->value = updated;
    return 0;
}

/* Arrays ----------------------------------------------------------------------------------------------------- */

/* With a schema all elements have to get the same new one. */
static int rewrite_elements(struct value_rewrite *rewrite, size_t step, struct mr_arena *arena, struct typed_value *at,
                            struct mr_error **error)
{
    const struct mr_schema *was = at->schema == NULL ? NULL : mr_schema_element(at->schema), *element = was;
    size_t count = mr_array_count(at->value);
    const struct value_step *meant = &rewrite->path->steps[step];
    int64_t position = meant->kind == STEP_EACH ? 0 : value_step_position(meant, count);
    if (meant->kind != STEP_EACH && (position < 0 || (uint64_t)position >= count))
        return nowhere(rewrite);
    struct mr_value *updated = mr_array_create(arena, count);
    bool is_changed = false, has_any = false;
    for (size_t i = 0; updated != NULL && i < count; i++) {
        struct typed_value item = { was, mr_array_at(at->value, i) };
        const struct mr_value *old = item.value;
        if ((meant->kind == STEP_EACH || position == (int64_t)i) && rewrite_from(rewrite, step + 1, arena, &item, error) < 0)
            return -1;
        bool is_null = mr_value_is_null(item.value);
        if (!is_null && has_any && item.schema != element)
            return schema_is_fixed(rewrite, "an array", error);
        if (!is_null)
            element = item.schema;
        has_any = has_any || !is_null;
        is_changed = is_changed || item.value != old || item.schema != was;
        if (mr_array_append(arena, updated, item.value) < 0)
            return out_of_memory(arena, error);
    }
    if (updated == NULL)
        return out_of_memory(arena, error);
    const struct schema_memo_key key = { at->schema, element, ELEMENT };
    if (element != was && (at->schema = schema_with(rewrite, arena, key, error)) == NULL)
        return out_of_memory(arena, error);
    if (is_changed)
        at->value = updated;
    return 0;
}

/* The way ---------------------------------------------------------------------------------------------------- */

static int rewrite_from(struct value_rewrite *rewrite, size_t step, struct mr_arena *arena, struct typed_value *at,
                        struct mr_error **error)
{
    if (mr_value_is_null(at->value))
        return 0;
    if (step == rewrite->path->count) {
        rewrite->places++;
        return rewrite->rewrite(rewrite->argument, arena, at, error);
    }
    enum mr_kind kind = mr_value_kind(at->value);
    if (rewrite->path->steps[step].kind != STEP_NAME)
        return kind == MR_KIND_ARRAY ? rewrite_elements(rewrite, step, arena, at, error) : nowhere(rewrite);
    if (kind == MR_KIND_STRUCT)
        return rewrite_field(rewrite, step, arena, at, error);
    return kind == MR_KIND_MAP ? rewrite_entry(rewrite, step, arena, at, error) : nowhere(rewrite);
}

int value_rewrite_run(struct value_rewrite *rewrite, struct mr_arena *arena, struct typed_value *top, struct mr_error **error)
{
    return rewrite_from(rewrite, 0, arena, top, error);
}
