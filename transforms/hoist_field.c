#include <stdlib.h>
#include <string.h>

#include "support/schema_plan.h"
#include "transform.h"

static const struct mr_config_row rows[] = {
    {
        .name = "field",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_MEDIUM,
        .doc = "The name of the one field of the new struct or map.",
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct hoist_field {
    enum side side;
    struct schema_plans plans;
    size_t field_size;
    char field[];
};

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    const char *field = mr_config_string(config, "field");
    size_t size = strlen(field);
    struct hoist_field *hoist = calloc(1, sizeof(*hoist) + size + 1);
    if (hoist == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for HoistField");
        return NULL;
    }
    hoist->side = side;
    hoist->field_size = size;
    memcpy(hoist->field, field, size + 1);
    return hoist;
}

static void destroy(void *self)
{
    struct hoist_field *hoist = self;
    if (hoist != NULL)
        schema_plans_release(&hoist->plans);
    free(hoist);
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct hoist_field *hoist = self;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_add_field(builder, hoist->field, from);
    return schema_plan_create(from, mr_schema_builder_build(builder, error), 0, error);
}

static int apply_with_schema(struct hoist_field *hoist, struct mr_record *record, const struct mr_schema *schema,
                             struct mr_emitter *emitter, struct mr_error **error)
{
    const struct schema_plan *plan = schema_plans_find(&hoist->plans, schema, build_plan, hoist, error);
    if (plan == NULL)
        return -1;
    struct mr_value *hoisted = mr_struct_create(mr_record_arena(record), plan->to);
    if (hoisted != NULL && mr_struct_put(hoisted, 0, operand_value(record, hoist->side), error) < 0)
        return -1;
    return operand_emit(record, hoist->side, plan->to, hoisted, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct hoist_field *hoist = self;
    const struct mr_schema *schema = operand_schema(record, hoist->side);
    if (schema != NULL)
        return apply_with_schema(hoist, record, schema, emitter, error);

    struct mr_arena *arena = mr_record_arena(record);
    struct mr_value *map = mr_map_create(arena, 1);
    const struct mr_value *name = mr_string_copy(arena, hoist->field, hoist->field_size);
    if (map == NULL || name == NULL || mr_map_put(arena, map, name, operand_value(record, hoist->side)) < 0)
        return mr_arena_failed(arena, error);
    return operand_emit(record, hoist->side, NULL, map, emitter, error);
}

TRANSFORM_PAIR(hoist_field, "HoistField",
               "Wraps data in a struct with one field; data without a schema in a map with one entry.", options);
