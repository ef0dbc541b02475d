/* schema.h: the type of a key, a value, a header or a field.
 *
 * A schema is immutable, shared by reference count, and interned: equal schemas (parameters in the same order) are one
 * pointer, so that caches may be keyed by pointer. mr_schema_equals also treats parameters in another order as equal.
 * NULL in place of a schema means "schemaless" everywhere.
 *
 * Logical types are told by name alone (org.apache.kafka.connect.data.Decimal, Date, Time, Timestamp), as in Kafka
 * Connect; mr_schema_logical_type saves the comparison.
 *
 * Life: mr_schema_primitive and the constants made of it live for ever. What a builder or a converter returns is a
 * reference of yours: drop it, or give it to an arena (mr_arena_keep_schema) whose values use it. Setters of records,
 * structs and containers keep the schema in the arena by themselves.
 *
 * Thread: schemas may be used from any thread; a builder belongs to one.
 *
 * Reading functions do not take NULL: ask for schemaless first. Only _take, _drop and _equals do.
 */
#ifndef MILLRACE_SCHEMA_H
#define MILLRACE_SCHEMA_H

#include <millrace/arena.h>

MR_BEGIN_DECLS

struct mr_value;

enum mr_type {
    MR_TYPE_INT8 = 1,
    MR_TYPE_INT16,
    MR_TYPE_INT32,
    MR_TYPE_INT64,
    MR_TYPE_FLOAT32,
    MR_TYPE_FLOAT64,
    MR_TYPE_BOOLEAN,
    MR_TYPE_STRING,
    MR_TYPE_BYTES,
    MR_TYPE_ARRAY,
    MR_TYPE_MAP,
    MR_TYPE_STRUCT
};

enum mr_logical_type {
    MR_LOGICAL_NONE = 0,
    MR_LOGICAL_DECIMAL,  /* bytes; parameter "scale" */
    MR_LOGICAL_DATE,     /* int32, days since the epoch */
    MR_LOGICAL_TIME,     /* int32, milliseconds of the day */
    MR_LOGICAL_TIMESTAMP /* int64, milliseconds since the epoch */
};

#define MR_DECIMAL_NAME "org.apache.kafka.connect.data.Decimal"
#define MR_DATE_NAME "org.apache.kafka.connect.data.Date"
#define MR_TIME_NAME "org.apache.kafka.connect.data.Time"
#define MR_TIMESTAMP_NAME "org.apache.kafka.connect.data.Timestamp"

struct mr_schema;
struct mr_schema_builder;

MR_EXPORT const char *mr_type_name(enum mr_type type); /* "int8" … "float64" … "struct" */

/* A plain schema without name; never freed. Not for array, map and struct. */
MR_EXPORT const struct mr_schema *mr_schema_primitive(enum mr_type type, bool optional);
/* Date, Time or Timestamp, version 1; never freed. */
MR_EXPORT const struct mr_schema *mr_schema_logical(enum mr_logical_type type, bool optional);

MR_EXPORT const struct mr_schema *mr_schema_take(const struct mr_schema *schema);
MR_EXPORT void mr_schema_drop(const struct mr_schema *schema);
MR_EXPORT bool mr_schema_equals(const struct mr_schema *a, const struct mr_schema *b);

MR_EXPORT enum mr_type mr_schema_type(const struct mr_schema *schema);
MR_EXPORT enum mr_logical_type mr_schema_logical_type(const struct mr_schema *schema);
MR_EXPORT bool mr_schema_is_optional(const struct mr_schema *schema);
MR_EXPORT const char *mr_schema_name(const struct mr_schema *schema);               /* NULL: none */
MR_EXPORT const char *mr_schema_doc(const struct mr_schema *schema);                /* NULL: none */
MR_EXPORT bool mr_schema_version(const struct mr_schema *schema, int32_t *version); /* false: none */
MR_EXPORT bool mr_schema_has_parameters(const struct mr_schema *schema);            /* an empty set counts */
MR_EXPORT size_t mr_schema_parameter_count(const struct mr_schema *schema);
MR_EXPORT const char *mr_schema_parameter_key(const struct mr_schema *schema, size_t index);
MR_EXPORT const char *mr_schema_parameter_value(const struct mr_schema *schema, size_t index);
MR_EXPORT const char *mr_schema_parameter(const struct mr_schema *schema, const char *key); /* NULL: none */
MR_EXPORT const struct mr_value *mr_schema_default(const struct mr_schema *schema);         /* NULL: none */
MR_EXPORT const struct mr_schema *mr_schema_key(const struct mr_schema *schema);            /* map; may be NULL */
MR_EXPORT const struct mr_schema *mr_schema_element(const struct mr_schema *schema); /* map, array; may be NULL */
MR_EXPORT size_t mr_schema_field_count(const struct mr_schema *schema);              /* 0 for all but structs */
MR_EXPORT const char *mr_schema_field_name(const struct mr_schema *schema, size_t index);
MR_EXPORT const struct mr_schema *mr_schema_field(const struct mr_schema *schema, size_t index);
/* Index of the field, -1 when there is none. */
MR_EXPORT int32_t mr_schema_field_index(const struct mr_schema *schema, const char *name);

/* Builders. Setters may be called in any order and remember the first mistake (empty or duplicate field name, a default
 * of the wrong type, too many fields), which _build reports as MR_ERR_DATA (no memory as MR_ERR_NO_MEMORY). They return
 * nothing for that reason. A NULL builder (no memory at create) is accepted by all of them, and so is a NULL text, schema or
 * value that could not be made: _build fails. To leave something out, do not set it. At most 65,535 fields, 4,096 parameters, 500 levels.
 * Map and array may lack key or element schema: such a schema holds empty containers only. */
MR_EXPORT struct mr_schema_builder *mr_schema_builder_create(enum mr_type type);
/* A builder that starts with name, version, doc and parameters of `schema` (not optional, default, fields). */
MR_EXPORT struct mr_schema_builder *mr_schema_builder_from(const struct mr_schema *schema, enum mr_type type);
MR_EXPORT void mr_schema_builder_destroy(struct mr_schema_builder *builder);
MR_EXPORT void mr_schema_builder_set_optional(struct mr_schema_builder *builder, bool optional);
MR_EXPORT void mr_schema_builder_set_name(struct mr_schema_builder *builder, const char *name);
MR_EXPORT void mr_schema_builder_set_version(struct mr_schema_builder *builder, int32_t version);
MR_EXPORT void mr_schema_builder_set_doc(struct mr_schema_builder *builder, const char *doc);
MR_EXPORT void mr_schema_builder_set_parameter(struct mr_schema_builder *builder, const char *key, const char *value);
/* Makes the set of parameters present even when it stays empty. */
MR_EXPORT void mr_schema_builder_set_parameters_present(struct mr_schema_builder *builder);
MR_EXPORT void mr_schema_builder_set_default(struct mr_schema_builder *builder,
                                             const struct mr_value *value); /* copied; mr_null(): none */
MR_EXPORT void mr_schema_builder_set_key(struct mr_schema_builder *builder, const struct mr_schema *schema);
MR_EXPORT void mr_schema_builder_set_element(struct mr_schema_builder *builder, const struct mr_schema *schema);
MR_EXPORT void mr_schema_builder_add_field(struct mr_schema_builder *builder, const char *name,
                                           const struct mr_schema *schema);
/* Ends the builder, worked or not. The reference is yours. NULL: failed. */
MR_EXPORT const struct mr_schema *mr_schema_builder_build(struct mr_schema_builder *builder, struct mr_error **error);

MR_END_DECLS
#endif
