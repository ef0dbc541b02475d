#include <stdlib.h>

#include "support/names.h"
#include "support/schema_plan.h"
#include "transform.h"

#define PURPOSE "copying fields from value to key"

static const struct mr_config_row rows[] = {
    {
        .name = "fields",
        .type = MR_CONFIG_LIST,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "The fields of the value that the key is made of.",
        .validator = mr_check_valid_list,
        .validator_argument = "not empty",
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct value_to_key {
    bool with_default;
    struct names fields;
    struct schema_plans plans; /* fields[i]: where field i of the key stands in the value */
};

static void destroy(void *self)
{
    struct value_to_key *to_key = self;
    if (to_key == NULL)
        return;
    names_release(&to_key->fields);
    schema_plans_release(&to_key->plans);
    free(to_key);
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct value_to_key *to_key = calloc(1, sizeof(*to_key));
    if (to_key != NULL && names_add_list(&to_key->fields, config, "fields")) {
        to_key->with_default = mr_config_boolean(config, REPLACE_NULL);
        return to_key;
    }
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for ValueToKey");
    destroy(to_key);
    return NULL;
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct value_to_key *to_key = self;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    for (size_t i = 0; i < to_key->fields.count; i++) {
        const char *name = to_key->fields.items[i].text;
        int32_t field = mr_schema_field_index(from, name);
        if (field < 0) {
            mr_schema_builder_destroy(builder);
            mr_error_set(error, MR_ERR_DATA, "Field does not exist: %s", name);
            return NULL;
        }
        mr_schema_builder_add_field(builder, name, mr_schema_field(from, (size_t)field));
    }
    const struct mr_schema *to = mr_schema_builder_build(builder, error);
    struct schema_plan *plan = schema_plan_create(from, to, to_key->fields.count, error);
    for (size_t i = 0; plan != NULL && i < plan->count; i++)
        plan->fields[i] = mr_schema_field_index(from, to_key->fields.items[i].text);
    return plan;
}

static int apply_with_schema(struct value_to_key *to_key, struct mr_record *record, const struct mr_value *value,
                             struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_struct(value, PURPOSE, error) < 0)
        return -1;
    const struct schema_plan *plan = schema_plans_find(&to_key->plans, mr_struct_schema(value), build_plan, to_key, error);
    if (plan == NULL)
        return -1;
    struct mr_value *key = mr_struct_create(mr_record_arena(record), plan->to);
    for (size_t i = 0; key != NULL && i < plan->count; i++) {
        if (struct_carry(key, i, value, (size_t)plan->fields[i], to_key->with_default, error) < 0)
            return -1;
    }
    return operand_emit(record, SIDE_KEY, plan->to, key, emitter, error);
}

static int apply_schemaless(struct value_to_key *to_key, struct mr_record *record, const struct mr_value *value,
                            struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_map(value, PURPOSE, error) < 0)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_value *key = mr_map_create(arena, to_key->fields.count);
    for (size_t i = 0; key != NULL && i < to_key->fields.count; i++) {
        const char *name = to_key->fields.items[i].text;
        const struct mr_value *field = mr_map_get(value, name);
        if (mr_map_put_text(arena, key, name, field == NULL ? mr_null() : field) < 0)
            return mr_arena_failed(arena, error);
    }
    return operand_emit(record, SIDE_KEY, NULL, key, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct value_to_key *to_key = self;
    const struct mr_value *value = mr_record_value(record);
    if (mr_record_value_schema(record) == NULL)
        return apply_schemaless(to_key, record, value, emitter, error);
    return apply_with_schema(to_key, record, value, emitter, error);
}

TRANSFORM_SINGLE(value_to_key, "ValueToKey", "Makes the key of fields of the value.", options);
