#include <stdlib.h>
#include <string.h>

#include "support/names.h"
#include "support/schema_plan.h"
#include "transform.h"

static const char *const operations[] = { "move", "copy", NULL };

static const struct mr_config_row rows[] = {
    {
        .name = "fields",
        .type = MR_CONFIG_LIST,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "The fields that become headers.",
        .validator = mr_check_list_not_empty,
    },
    {
        .name = "headers",
        .type = MR_CONFIG_LIST,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "The names of the headers, in the order of the fields.",
        .validator = mr_check_list_not_empty,
    },
    {
        .name = "operation",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "Whether the fields go (move) or stay (copy).",
        .validator = mr_check_one_of,
        .validator_argument = operations,
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct header_from {
    enum side side;
    bool with_default, is_move;
    struct names fields, headers;
    struct schema_plans plans; /* of a move; fields[i]: where field i of the rest stood before */
};

static void destroy(void *self)
{
    struct header_from *from = self;
    if (from == NULL)
        return;
    names_release(&from->fields);
    names_release(&from->headers);
    schema_plans_release(&from->plans);
    free(from);
}

static int configure(struct header_from *from, const struct mr_config *config, struct mr_error **error)
{
    if (mr_config_list_count(config, "fields") != mr_config_list_count(config, "headers"))
        return mr_error_set(error, MR_ERR_CONFIG,
                            "'fields' config must have the same number of elements as 'headers' config.");
    from->is_move = strcmp(mr_config_string(config, "operation"), "move") == 0;
    from->with_default = mr_config_boolean(config, REPLACE_NULL);
    if (names_add_list(&from->fields, config, "fields") && names_add_list(&from->headers, config, "headers"))
        return 0;
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for HeaderFrom");
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct header_from *from = calloc(1, sizeof(*from));
    if (from == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for HeaderFrom");
        return NULL;
    }
    from->side = side;
    if (configure(from, config, error) == 0)
        return from;
    destroy(from);
    return NULL;
}

static const char *purpose(const struct header_from *from)
{
    return from->is_move ? "header move" : "header copy";
}

static bool is_moved(const struct header_from *from, const char *name)
{
    return names_find(&from->fields, bytes_of(name)) >= 0;
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *schema, struct mr_error **error)
{
    const struct header_from *from = self;
    struct mr_schema_builder *builder = mr_schema_builder_from(schema, MR_TYPE_STRUCT);
    for (size_t i = 0; i < mr_schema_field_count(schema); i++) {
        const char *name = mr_schema_field_name(schema, i);
        if (!is_moved(from, name))
            mr_schema_builder_add_field(builder, name, mr_schema_field(schema, i));
    }
    const struct mr_schema *to = mr_schema_builder_build(builder, error);
    struct schema_plan *plan = schema_plan_create(schema, to, to == NULL ? 0 : mr_schema_field_count(to), error);
    for (size_t i = 0; plan != NULL && i < plan->count; i++)
        plan->fields[i] = mr_schema_field_index(schema, mr_schema_field_name(to, i));
    return plan;
}

static const struct mr_value *struct_field(const struct header_from *from, const struct mr_value *value, size_t field)
{
    return from->with_default ? mr_struct_at_or_default(value, field) : mr_struct_at(value, field);
}

/* What a struct holds fits its schema, but for a null; a header is not looked into, as in Kafka Connect.
 * All headers are looked at before the first is added: a record that fails stays as it was. */
static int check_headers(const struct header_from *from, const struct mr_value *value, struct mr_error **error)
{
    const struct mr_schema *schema = mr_struct_schema(value);
    for (size_t i = 0; i < from->fields.count; i++) {
        const char *name = from->fields.items[i].text;
        int32_t field = mr_schema_field_index(schema, name);
        if (field < 0)
            return data_error(error, NULL_POINTER, "HeaderFrom: there is no field %s", name);
        const struct mr_value *header = struct_field(from, value, (size_t)field);
        if (mr_value_is_null(header) && !mr_schema_is_optional(mr_schema_field(schema, (size_t)field)))
            return mr_error_set(error, MR_ERR_DATA, "HeaderFrom: field %s is required and null", name);
    }
    return 0;
}

static int add_header(const struct header_from *from, struct mr_record *record, size_t i, const struct mr_schema *schema,
                      const struct mr_value *value, struct mr_error **error)
{
    if (mr_record_add_header(record, from->headers.items[i].text, schema, value) < 0)
        return mr_arena_failed(mr_record_arena(record), error);
    return 0;
}

/* The struct without the moved fields. */
static struct mr_value *rest_of(struct header_from *from, struct mr_arena *arena, const struct mr_value *value,
                                const struct schema_plan *plan, struct mr_error **error)
{
    struct mr_value *rest = mr_struct_create(arena, plan->to);
    for (size_t i = 0; rest != NULL && i < plan->count; i++) {
        if (struct_carry(rest, i, value, (size_t)plan->fields[i], from->with_default, error) < 0)
            return NULL;
    }
    return rest;
}

static int apply_with_schema(struct header_from *from, struct mr_record *record, const struct mr_value *value,
                             struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_struct(value, purpose(from), error) < 0)
        return -1;
    const struct mr_schema *schema = mr_struct_schema(value), *rest_schema = operand_schema(record, from->side);
    const struct mr_value *rest = value;
    if (from->is_move) {
        const struct schema_plan *plan = schema_plans_find(&from->plans, schema, build_plan, from, error);
        rest = plan == NULL ? NULL : rest_of(from, mr_record_arena(record), value, plan, error);
        if (rest == NULL)
            return failed(mr_record_arena(record), error);
        rest_schema = plan->to;
    }
    if (check_headers(from, value, error) < 0)
        return -1;
    for (size_t i = 0; i < from->fields.count; i++) {
        size_t field = (size_t)mr_schema_field_index(schema, from->fields.items[i].text);
        if (add_header(from, record, i, mr_schema_field(schema, field), struct_field(from, value, field), error) < 0)
            return -1;
    }
    return operand_emit(record, from->side, rest_schema, rest, emitter, error);
}

static int apply_schemaless(struct header_from *from, struct mr_record *record, const struct mr_value *value,
                            struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_map(value, purpose(from), error) < 0)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_value *rest = from->is_move ? mr_map_copy(arena, value, 0) : NULL;
    if (from->is_move && rest == NULL)
        return mr_arena_failed(arena, error);
    for (size_t i = 0; i < from->fields.count; i++) {
        const char *name = from->fields.items[i].text;
        const struct mr_value *field = mr_map_get(value, name);
        if (add_header(from, record, i, NULL, field == NULL ? mr_null() : field, error) < 0)
            return -1;
        if (from->is_move)
            mr_map_remove(rest, name);
    }
    return operand_emit(record, from->side, NULL, from->is_move ? rest : value, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct header_from *from = self;
    const struct mr_value *value = operand_value(record, from->side);
    if (operand_schema(record, from->side) == NULL)
        return apply_schemaless(from, record, value, emitter, error);
    return apply_with_schema(from, record, value, emitter, error);
}

TRANSFORM_PAIR(header_from, "HeaderFrom", "Moves or copies fields to headers.", options);
