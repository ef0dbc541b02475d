#include <stdlib.h>
#include <string.h>

#include "support/schema_plan.h"
#include "transform.h"

#define PURPOSE "field insertion"
#define OPTIONALITY " A trailing ! makes the field required, a trailing ? optional (as it is without either)."

static const struct mr_config_row rows[] = {
    {
        .name = "topic.field",
        .type = MR_CONFIG_STRING,
        .importance = MR_MEDIUM,
        .doc = "Field that gets the record's topic." OPTIONALITY,
    },
    {
        .name = "partition.field",
        .type = MR_CONFIG_STRING,
        .importance = MR_MEDIUM,
        .doc = "Field that gets the record's Kafka partition, if it has one." OPTIONALITY,
    },
    {
        .name = "offset.field",
        .type = MR_CONFIG_STRING,
        .importance = MR_MEDIUM,
        .doc = "Field that gets the record's Kafka offset; for sink connectors only." OPTIONALITY,
    },
    {
        .name = "timestamp.field",
        .type = MR_CONFIG_STRING,
        .importance = MR_MEDIUM,
        .doc = "Field that gets the record's timestamp, if it has one." OPTIONALITY,
    },
    {
        .name = "static.field",
        .type = MR_CONFIG_STRING,
        .importance = MR_MEDIUM,
        .doc = "Field that gets the text of static.value." OPTIONALITY,
    },
    {
        .name = "static.value",
        .type = MR_CONFIG_STRING,
        .importance = MR_MEDIUM,
        .doc = "What static.field gets.",
    },
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* In the order in which the fields are added; rows[] has the same. */
enum insertion { INSERT_TOPIC, INSERT_PARTITION, INSERT_OFFSET, INSERT_TIMESTAMP, INSERT_STATIC, INSERTIONS };

struct inserted {
    char *name; /* NULL: not wanted */
    size_t name_size;
    bool is_optional;
};

struct insert_field {
    enum side side;
    bool with_default;
    struct inserted fields[INSERTIONS];
    char *static_value;
    size_t static_size;
    struct schema_plans plans; /* count: the fields that were there before */
};

static void destroy(void *self)
{
    struct insert_field *insert = self;
    if (insert == NULL)
        return;
    for (size_t i = 0; i < INSERTIONS; i++)
        free(insert->fields[i].name);
    free(insert->static_value);
    schema_plans_release(&insert->plans);
    free(insert);
}

/* "name", "name?" or "name!". false: no memory. */
static bool parse_field(struct inserted *field, const char *text)
{
    if (text == NULL)
        return true;
    size_t size = strlen(text);
    char mark = size == 0 ? '\0' : text[size - 1];
    field->is_optional = mark != '!';
    field->name_size = mark == '!' || mark == '?' ? size - 1 : size;
    field->name = strndup(text, field->name_size);
    return field->name != NULL;
}

static int configure(struct insert_field *insert, const struct mr_config *config, struct mr_error **error)
{
    bool any = false;
    for (size_t i = 0; i < INSERTIONS; i++) {
        if (!parse_field(&insert->fields[i], mr_config_string(config, rows[i].name)))
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for InsertField");
        any |= insert->fields[i].name != NULL;
    }
    if (!any)
        return mr_error_set(error, MR_ERR_CONFIG, "No field insertion configured");
    const char *text = mr_config_string(config, "static.value");
    if (insert->fields[INSERT_STATIC].name == NULL)
        return 0;
    if (text == NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "Invalid value null for configuration static.value: No value specified for static field: %s",
                            insert->fields[INSERT_STATIC].name);
    insert->static_value = strdup(text);
    insert->static_size = strlen(text);
    return insert->static_value != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for InsertField");
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct insert_field *insert = calloc(1, sizeof(*insert));
    if (insert == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for InsertField");
        return NULL;
    }
    insert->side = side;
    insert->with_default = mr_config_boolean(config, REPLACE_NULL);
    if (configure(insert, config, error) < 0) {
        destroy(insert);
        return NULL;
    }
    return insert;
}

static const struct mr_schema *inserted_schema(enum insertion insertion, bool is_optional)
{
    switch (insertion) {
    case INSERT_PARTITION: return mr_schema_primitive(MR_TYPE_INT32, is_optional);
    case INSERT_OFFSET: return mr_schema_primitive(MR_TYPE_INT64, is_optional);
    case INSERT_TIMESTAMP: return mr_schema_logical(MR_LOGICAL_TIMESTAMP, is_optional);
    default: return mr_schema_primitive(MR_TYPE_STRING, is_optional);
    }
}

static struct schema_plan *build_plan(const void *self, const struct mr_schema *from, struct mr_error **error)
{
    const struct insert_field *insert = self;
    struct mr_schema_builder *builder = mr_schema_builder_from(from, MR_TYPE_STRUCT);
    size_t count = mr_schema_field_count(from);
    for (size_t i = 0; i < count; i++)
        mr_schema_builder_add_field(builder, mr_schema_field_name(from, i), mr_schema_field(from, i));
    for (int i = 0; i < INSERTIONS; i++) {
        const struct inserted *field = &insert->fields[i];
        if (field->name != NULL)
            mr_schema_builder_add_field(builder, field->name, inserted_schema((enum insertion)i, field->is_optional));
    }
    return schema_plan_create(from, mr_schema_builder_build(builder, error), count, error);
}

/* What goes in, mr_null() when the record has no such thing, NULL with an error or without memory. */
static const struct mr_value *inserted_value(const struct insert_field *insert, enum insertion insertion,
                                             const struct mr_record *record, bool has_schema, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    switch (insertion) {
    case INSERT_TOPIC: {
        const char *topic = mr_record_topic(record);
        return topic == NULL ? mr_null() : mr_string_ref(arena, topic, strlen(topic));
    }
    case INSERT_PARTITION: {
        int32_t partition = mr_record_partition(record);
        return partition == MR_PARTITION_NONE ? mr_null() : mr_int32(arena, partition);
    }
    case INSERT_OFFSET:
        if (!mr_record_is_sink(record)) {
            mr_error_set(error, MR_ERR_DATA, "Only SinkRecord supported for [" PURPOSE "]: a source record has no offset");
            return NULL;
        }
        return mr_int64(arena, mr_record_offset(record));
    case INSERT_TIMESTAMP: {
        int64_t ms = mr_record_timestamp_ms(record);
        if (!mr_record_has_timestamp(record))
            return mr_null();
        return has_schema ? mr_instant(arena, ms) : mr_int64(arena, ms);
    }
    default: return mr_string_copy(arena, insert->static_value, insert->static_size);
    }
}

static int apply_with_schema(struct insert_field *insert, struct mr_record *record, const struct mr_value *value,
                             struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_struct(value, PURPOSE, error) < 0)
        return -1;
    const struct schema_plan *plan =
        schema_plans_find(&insert->plans, mr_struct_schema(value), build_plan, insert, error);
    if (plan == NULL)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_value *updated = mr_struct_create(arena, plan->to);
    if (updated == NULL)
        return mr_arena_failed(arena, error);
    for (size_t i = 0; i < plan->count; i++) {
        if (struct_carry(updated, i, value, i, insert->with_default, error) < 0)
            return -1;
    }
    size_t at = plan->count;
    for (int i = 0; i < INSERTIONS; i++) {
        if (insert->fields[i].name == NULL)
            continue;
        const struct mr_value *field = inserted_value(insert, (enum insertion)i, record, true, error);
        if (field == NULL)
            return failed(arena, error);
        /* What the record does not have stays unset, even if required; but it always should have a topic. */
        bool is_unset = mr_value_is_null(field) && (i != INSERT_TOPIC || insert->fields[i].is_optional);
        if (!is_unset && mr_struct_put(updated, at, field, error) < 0)
            return -1;
        at++;
    }
    return operand_emit(record, insert->side, plan->to, updated, emitter, error);
}

static int apply_schemaless(struct insert_field *insert, struct mr_record *record, const struct mr_value *value,
                            struct mr_emitter *emitter, struct mr_error **error)
{
    if (require_map(value, PURPOSE, error) < 0)
        return -1;
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_value *updated = mr_map_copy(arena, value, INSERTIONS);
    if (updated == NULL)
        return mr_arena_failed(arena, error);
    for (int i = 0; i < INSERTIONS; i++) {
        const struct inserted *inserted = &insert->fields[i];
        if (inserted->name == NULL)
            continue;
        const struct mr_value *field = inserted_value(insert, (enum insertion)i, record, false, error);
        if (field == NULL)
            return failed(arena, error);
        if (mr_value_is_null(field) && i != INSERT_TOPIC)
            continue;
        const struct mr_value *name = mr_string_copy(arena, inserted->name, inserted->name_size);
        if (name == NULL || mr_map_put(arena, updated, name, field) < 0)
            return mr_arena_failed(arena, error);
    }
    return operand_emit(record, insert->side, NULL, updated, emitter, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct insert_field *insert = self;
    const struct mr_value *value = operand_value(record, insert->side);
    if (mr_value_is_null(value))
        return mr_emit(emitter, record);
    if (operand_schema(record, insert->side) == NULL)
        return apply_schemaless(insert, record, value, emitter, error);
    return apply_with_schema(insert, record, value, emitter, error);
}

TRANSFORM_PAIR(insert_field, "InsertField",
               "Adds fields with the topic, partition, offset or timestamp of the record, or with a fixed text.", options);
