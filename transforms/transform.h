/* transform.h: what the transforms of this module share: their names, their two sides, their errors. */
#ifndef TRANSFORMS_TRANSFORM_H
#define TRANSFORMS_TRANSFORM_H

#include <millrace/millrace.h>

#include <string.h>

#define TRANSFORM_CLASS(name) "org.apache.kafka.connect.transforms." name
#define PREDICATE_CLASS(name) "org.apache.kafka.connect.transforms.predicates." name

/* Most transforms come as …$Key and …$Value: the operand is one side of the record. */
enum side { SIDE_KEY, SIDE_VALUE };

static inline const struct mr_schema *operand_schema(const struct mr_record *record, enum side side)
{
    return side == SIDE_KEY ? mr_record_key_schema(record) : mr_record_value_schema(record);
}

static inline const struct mr_value *operand_value(const struct mr_record *record, enum side side)
{
    return side == SIDE_KEY ? mr_record_key(record) : mr_record_value(record);
}

/* Sets the operand and emits the record: the end of most transforms. `value` NULL (a constructor without memory) fails. */
int operand_emit(struct mr_record *record, enum side side, const struct mr_schema *schema, const struct mr_value *value,
                 struct mr_emitter *emitter, struct mr_error **error);

/* MR_ERR_DATA unless the value is a map (a struct); `purpose` stands in the words. Return 0 or -1. */
int require_map(const struct mr_value *value, const char *purpose, struct mr_error **error);
int require_struct(const struct mr_value *value, const char *purpose, struct mr_error **error);

/* MR_ERR_DATA that monitoring sees as `class_name`. */
int data_error(struct mr_error **error, const char *class_name, const char *format, ...) MR_PRINTF(3, 4);
#define ILLEGAL_ARGUMENT "java.lang.IllegalArgumentException"
#define NULL_POINTER "java.lang.NullPointerException"
#define CONNECT_EXCEPTION "org.apache.kafka.connect.errors.ConnectException"
#define CLASS_CAST "java.lang.ClassCastException"
#define SCHEMA_BUILDER_ERROR "org.apache.kafka.connect.errors.SchemaBuilderException"

/* The end of a function that got NULL: the error that is set already, or why the arena had no memory. Returns -1. */
int failed(const struct mr_arena *arena, struct mr_error **error);
/* A schema was asked for fields that has none. Returns -1. */
int not_a_struct(struct mr_error **error);
/* A schemaless value whose type cannot be told from it. Returns -1. */
int not_supported(struct mr_error **error, const char *transform, const struct mr_value *value);

static inline struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){ .data = text, .size = strlen(text) };
}

/* The option that decides whether a null is read as the field's default. */
#define REPLACE_NULL "replace.null.with.default"
#define REPLACE_NULL_ROW                                                                                               \
    {                                                                                                                  \
        .name = REPLACE_NULL, .type = MR_CONFIG_BOOLEAN, .default_text = "true", .importance = MR_MEDIUM,             \
        .doc = "Whether a null in a field with a default is read as that default (true) or stays null (false)."        \
    }

/* Defines the plugins `name`_key and `name`_value of a file that has create(side, config, error), apply and destroy. */
#define TRANSFORM_SIDES(name, class_text, version_text, text, options)                                                 \
    static void *create_key(const struct mr_config *config, struct mr_error **error)                                   \
    {                                                                                                                  \
        return create(SIDE_KEY, config, error);                                                                        \
    }                                                                                                                  \
    static void *create_value(const struct mr_config *config, struct mr_error **error)                                 \
    {                                                                                                                  \
        return create(SIDE_VALUE, config, error);                                                                      \
    }                                                                                                                  \
    static const struct mr_transform_ops key_ops = {                                                                   \
        .size = sizeof(key_ops), .create = create_key, .apply = apply, .destroy = destroy                              \
    };                                                                                                                 \
    static const struct mr_transform_ops value_ops = {                                                                 \
        .size = sizeof(value_ops), .create = create_value, .apply = apply, .destroy = destroy                          \
    };                                                                                                                 \
    const struct mr_plugin name##_key = {                                                                              \
        .size = sizeof(name##_key), .kind = MR_PLUGIN_TRANSFORM, .class_name = class_text "$Key",                      \
        .version = version_text, .doc = text " Works on the key.", .config_def = &options, .ops = &key_ops             \
    };                                                                                                                 \
    const struct mr_plugin name##_value = {                                                                            \
        .size = sizeof(name##_value), .kind = MR_PLUGIN_TRANSFORM,                                                     \
        .class_name = class_text "$Value", .version = version_text,                                                    \
        .doc = text " Works on the value.", .config_def = &options, .ops = &value_ops                                  \
    }
#define TRANSFORM_PAIR(name, simple_name, text, options)                                                               \
    TRANSFORM_SIDES(name, TRANSFORM_CLASS(simple_name), KAFKA_VERSION, text, options)

/* Defines the plugin `name` of a file that has create(config, error), apply and destroy: a transform without sides. */
#define TRANSFORM_SINGLE(name, simple_name, text, options)                                                             \
    static const struct mr_transform_ops ops = {                                                                       \
        .size = sizeof(ops), .create = create, .apply = apply, .destroy = destroy                                      \
    };                                                                                                                 \
    const struct mr_plugin name = {                                                                                    \
        .size = sizeof(name), .kind = MR_PLUGIN_TRANSFORM, .class_name = TRANSFORM_CLASS(simple_name),                 \
        .version = KAFKA_VERSION, .doc = text, .config_def = &options, .ops = &ops                                     \
    }

extern const struct mr_plugin drop_headers, filter, insert_header, regex_router, timestamp_router, value_to_key;
extern const struct mr_plugin cast_key, cast_value;
extern const struct mr_plugin extract_field_key, extract_field_value;
extern const struct mr_plugin flatten_key, flatten_value;
extern const struct mr_plugin header_from_key, header_from_value;
extern const struct mr_plugin hoist_field_key, hoist_field_value;
extern const struct mr_plugin insert_field_key, insert_field_value;
extern const struct mr_plugin mask_field_key, mask_field_value;
extern const struct mr_plugin replace_field_key, replace_field_value;
extern const struct mr_plugin set_schema_metadata_key, set_schema_metadata_value;
extern const struct mr_plugin timestamp_converter_key, timestamp_converter_value;
extern const struct mr_plugin has_header_key, record_is_tombstone, topic_name_matches;

#endif
