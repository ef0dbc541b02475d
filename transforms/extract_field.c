#include <stdlib.h>
#include <string.h>

#include "support/field_path.h"
#include "support/schema_plan.h"
#include "transform.h"

#define PURPOSE "field extraction"
#define NESTED_PURPOSE "nested field access"

static const struct mr_config_row rows[] = {
    {
        .name = "field",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_MEDIUM,
        .doc = "The field to extract.",
    },
    REPLACE_NULL_ROW,
    FIELD_SYNTAX_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct extract_field {
    enum side side;
    bool with_default;
    struct field_path path;
    struct schema_plans plans; /* fields[i]: the number of step i in its struct; to: the schema of the last */
    char text[];               /* the path as configured */
};

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    const char *text = mr_config_string(config, "field");
    struct extract_field *extract = calloc(1, sizeof(*extract) + strlen(text) + 1);
    if (extract == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for ExtractField");
        return NULL;
    }
    extract->side = side;
    extract->with_default = mr_config_boolean(config, REPLACE_NULL);
    memcpy(extract->text, text, strlen(text) + 1);
    if (field_path_init(&extract->path, field_syntax_of(config), text, error) < 0) {
        free(extract);
        return NULL;
    }
    return extract;
}

static void destroy(void *self)
{
    struct extract_field *extract = self;
    if (extract == NULL)
        return;
    schema_plans_release(&extract->plans);
    field_path_release(&extract->path);
    free(extract);
}

static int empty_path(struct mr_error **error)
{
    return data_error(error, ILLEGAL_ARGUMENT, "the path of the field to extract is empty");
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct extract_field *extract = self;
    const struct field_path *path = &extract->path;
    struct schema_plan *plan = schema_plan_create(from, mr_schema_take(from), path->count, error);
    for (size_t i = 0; plan != NULL && i < path->count; i++) {
        const struct mr_schema *at = plan->to;
        bool is_struct = mr_schema_type(at) == MR_TYPE_STRUCT;
        plan->fields[i] = is_struct ? mr_schema_field_index(at, path->steps[i]) : -1;
        if (plan->fields[i] < 0) {
            if (is_struct)
                data_error(error, ILLEGAL_ARGUMENT, "Unknown field: %s", extract->text);
            else
                mr_error_set(error, MR_ERR_DATA, "Cannot look up fields on non-struct type");
            schema_plan_destroy(plan);
            return NULL;
        }
        plan->to = mr_schema_take(mr_schema_field(at, (size_t)plan->fields[i]));
        mr_schema_drop(at);
    }
    return plan;
}

/* Field number of the step, also where a struct's schema is not the one that its place prescribes. -1: none. */
static int32_t step_field(const struct extract_field *extract, const struct schema_plan *plan, size_t step,
                          const struct mr_schema *expected, const struct mr_value *structure)
{
    const struct mr_schema *schema = mr_struct_schema(structure);
    return schema == expected ? plan->fields[step] : mr_schema_field_index(schema, extract->path.steps[step]);
}

/* NULL: an error. Structs on the way are always read with default. */
static const struct mr_value *walk_structs(const struct extract_field *extract, const struct schema_plan *plan,
                                           const struct mr_value *value, struct mr_error **error)
{
    const struct mr_schema *expected = plan->from;
    for (size_t i = 0; i < plan->count; i++) {
        if (mr_value_is_null(value))
            return value;
        if (require_struct(value, i == 0 ? PURPOSE : NESTED_PURPOSE, error) < 0)
            return NULL;
        int32_t field = step_field(extract, plan, i, expected, value);
        if (field < 0)
            return mr_null();
        bool with_default = extract->with_default || i + 1 < plan->count;
        value = with_default ? mr_struct_at_or_default(value, (size_t)field) : mr_struct_at(value, (size_t)field);
        expected = mr_schema_field(expected, (size_t)plan->fields[i]);
    }
    return value;
}

/* NULL: an error. */
static const struct mr_value *walk_maps(const struct extract_field *extract, const struct mr_value *value,
                                        struct mr_error **error)
{
    for (size_t i = 0; i < extract->path.count; i++) {
        if (mr_value_is_null(value))
            return value;
        if (require_map(value, i == 0 ? PURPOSE : NESTED_PURPOSE, error) < 0)
            return NULL;
        value = mr_map_get(value, extract->path.steps[i]);
        if (value == NULL)
            return mr_null();
    }
    return value;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct extract_field *extract = self;
    const struct mr_schema *schema = operand_schema(record, extract->side);
    const struct mr_value *value = operand_value(record, extract->side);
    if (extract->path.count == 0 && (schema != NULL || !mr_value_is_null(value)))
        return empty_path(error);
    if (schema == NULL) {
        const struct mr_value *found = walk_maps(extract, value, error);
        return found == NULL ? -1 : operand_emit(record, extract->side, NULL, found, emitter, error);
    }
    const struct schema_plan *plan = schema_plans_find(&extract->plans, schema, build_plan, extract, error);
    const struct mr_value *found = plan == NULL ? NULL : walk_structs(extract, plan, value, error);
    return found == NULL ? -1 : operand_emit(record, extract->side, plan->to, found, emitter, error);
}

TRANSFORM_PAIR(extract_field, "ExtractField", "Puts one field of a struct or map in place of the whole.", options);
