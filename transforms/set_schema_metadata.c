#include <stdlib.h>
#include <string.h>

#include "support/schema_plan.h"
#include "transform.h"

static const struct mr_config_row rows[] = {
    {
        .name = "schema.name",
        .type = MR_CONFIG_STRING,
        .importance = MR_HIGH,
        .doc = "The new name of the schema.",
    },
    {
        .name = "schema.version",
        .type = MR_CONFIG_INT,
        .importance = MR_HIGH,
        .doc = "The new version of the schema.",
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct set_schema_metadata {
    enum side side;
    bool with_default;
    char *name; /* NULL: stays */
    bool has_version;
    int32_t version;
    struct schema_plans plans;
};

static void destroy(void *self)
{
    struct set_schema_metadata *set = self;
    if (set == NULL)
        return;
    free(set->name);
    schema_plans_release(&set->plans);
    free(set);
}

static int configure(struct set_schema_metadata *set, const struct mr_config *config, struct mr_error **error)
{
    const char *name = mr_config_string(config, "schema.name");
    set->with_default = mr_config_boolean(config, REPLACE_NULL);
    set->has_version = mr_config_has_value(config, "schema.version");
    if (set->has_version)
        set->version = (int32_t)mr_config_integer(config, "schema.version");
    if (name == NULL && !set->has_version)
        return mr_error_set(error, MR_ERR_CONFIG, "Neither schema name nor version configured");
    set->name = name == NULL ? NULL : strdup(name);
    if (name != NULL && set->name == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for SetSchemaMetadata");
    return 0;
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct set_schema_metadata *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for SetSchemaMetadata");
        return NULL;
    }
    set->side = side;
    if (configure(set, config, error) == 0)
        return set;
    destroy(set);
    return NULL;
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct set_schema_metadata *set = self;
    if (mr_schema_type(from) != MR_TYPE_STRUCT) {
        not_a_struct(error);
        return NULL;
    }
    struct mr_schema_builder *builder = mr_schema_builder_from(from, MR_TYPE_STRUCT);
    if (set->name != NULL)
        mr_schema_builder_set_name(builder, set->name);
    if (set->has_version)
        mr_schema_builder_set_version(builder, set->version);
    if (mr_schema_has_parameters(from))
        mr_schema_builder_set_parameters_present(builder);
    mr_schema_builder_set_optional(builder, mr_schema_is_optional(from));
    for (size_t i = 0; i < mr_schema_field_count(from); i++)
        mr_schema_builder_add_field(builder, mr_schema_field_name(from, i), mr_schema_field(from, i));
    if (mr_schema_default(from) != NULL)
        mr_schema_builder_set_default(builder, mr_schema_default(from));
    return schema_plan_create(from, mr_schema_builder_build(builder, error), 0, error);
}

/* A struct knows its schema: it is made anew. NULL: an error is set, or memory is short. */
static const struct mr_value *with_schema(const struct set_schema_metadata *set, struct mr_arena *arena,
                                          const struct schema_plan *plan, const struct mr_value *value,
                                          struct mr_error **error)
{
    if (mr_value_kind(value) != MR_KIND_STRUCT)
        return value;
    struct mr_value *updated = mr_struct_create(arena, plan->to);
    size_t count = mr_schema_field_count(plan->to);
    if (!mr_schema_equals(mr_struct_schema(value), plan->from)) {
        mr_error_set(error, MR_ERR_DATA, "SetSchemaMetadata: the struct has another schema than the record says");
        return NULL;
    }
    for (size_t i = 0; updated != NULL && i < count; i++) {
        if (struct_carry(updated, i, value, i, set->with_default, error) < 0)
            return NULL;
    }
    return updated;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct set_schema_metadata *set = self;
    const struct mr_schema *schema = operand_schema(record, set->side);
    const struct mr_value *value = operand_value(record, set->side);
    if (schema == NULL && mr_value_is_null(value))
        return mr_emit(emitter, record);
    if (schema == NULL)
        return mr_error_set(error, MR_ERR_DATA, "Schema required for [updating schema metadata]");
    const struct schema_plan *plan = schema_plans_find(&set->plans, schema, build_plan, set, error);
    if (plan == NULL)
        return -1;
    value = with_schema(set, mr_record_arena(record), plan, value, error);
    if (value == NULL)
        return failed(mr_record_arena(record), error);
    return operand_emit(record, set->side, plan->to, value, emitter, error);
}

TRANSFORM_PAIR(set_schema_metadata, "SetSchemaMetadata", "Sets the name, the version or both of a struct's schema.", options);
