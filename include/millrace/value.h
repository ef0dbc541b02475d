/* value.h: one datum, with its run-time kind.
 *
 * A value is a small tagged cell; text, bytes, elements and fields are references into an arena, into the Kafka message
 * or into something immutable that outlives both. Copying a cell into a struct, array or map copies references only.
 * A value is built by its maker and constant from the moment it is set into a record, a struct or a container.
 *
 * A pointer to a value is never NULL unless a constructor ran out of memory (arena.h): null itself is a value of kind
 * MR_KIND_NULL (mr_null()). Passing a constructor's NULL on is fine: a constructor that gets it returns NULL as well
 * (mr_string(arena, mr_arena_printf(…))), a setter returns -1, so that one check at the end is enough. Reading functions
 * do not take NULL. What is meant to be absent is said as mr_null(), never as NULL.
 *
 * The run-time kind may disagree with a schema; mr_value_validate compares, and mr_struct_put, mr_record setters do not
 * (converters check when they serialize; mr_struct_put does check, as Kafka Connect's Struct#put).
 *
 * Thread: a value under construction belongs to one thread; a constant one may be read from any.
 */
#ifndef MILLRACE_VALUE_H
#define MILLRACE_VALUE_H

#include <millrace/schema.h>

MR_BEGIN_DECLS

enum mr_kind {
    MR_KIND_NULL = 0,
    MR_KIND_INT8 = 1,
    MR_KIND_INT16,
    MR_KIND_INT32,
    MR_KIND_INT64,
    MR_KIND_FLOAT32,
    MR_KIND_FLOAT64,
    MR_KIND_BOOLEAN,
    MR_KIND_STRING,
    MR_KIND_BYTES,
    MR_KIND_ARRAY,
    MR_KIND_MAP,
    MR_KIND_STRUCT,
    MR_KIND_DECIMAL, /* an arbitrary integer and a scale: unscaled × 10^-scale */
    MR_KIND_INSTANT, /* milliseconds since the epoch: the run-time value of Date, Time and Timestamp */
    MR_KIND_BIGINT   /* an arbitrary integer: rare; only what a foreign source may bring */
};

struct mr_value;

MR_EXPORT enum mr_kind mr_value_kind(const struct mr_value *value);
MR_EXPORT const char *mr_kind_name(enum mr_kind kind);
MR_EXPORT bool mr_value_is_null(const struct mr_value *value);
/* Deep comparison of kinds and contents; floats by their bits (any NaN equals any NaN), maps in any order, structs with
 * their schemas. Nesting beyond 1,100 levels is equal to nothing. */
MR_EXPORT bool mr_value_equals(const struct mr_value *a, const struct mr_value *b);
/* Is the value acceptable to the schema (null only if optional, kinds, elements, nested structs of an equal schema)?
 * MR_ERR_DATA otherwise. Inside a nested struct a null is fine where the field has a default. `where` names the field
 * in the message; may be NULL. Schema NULL accepts everything. */
MR_EXPORT int mr_value_validate(const struct mr_schema *schema, const struct mr_value *value, const char *where,
                                struct mr_error **error);
/* A copy that uses nothing but `arena` (and schemas it keeps). */
MR_EXPORT const struct mr_value *mr_value_copy(struct mr_arena *arena, const struct mr_value *value);

/* Reading. Asking a value for what it is not is a bug of the caller: the answer is 0, NULL or an empty text; so it is past
 * the end of a container. What is returned lives as long as the value. */
MR_EXPORT int64_t mr_value_integer(const struct mr_value *value); /* int8 … int64, instant */
MR_EXPORT float mr_value_float32(const struct mr_value *value);
MR_EXPORT double mr_value_float64(const struct mr_value *value); /* float32 too */
MR_EXPORT bool mr_value_boolean(const struct mr_value *value);
MR_EXPORT struct mr_bytes mr_value_bytes(const struct mr_value *value); /* string or bytes */
MR_EXPORT int32_t mr_value_decimal_scale(const struct mr_value *value);
/* decimal, bigint: two's complement, big-endian, shortest form (at least one byte) */
MR_EXPORT struct mr_bytes mr_value_unscaled(const struct mr_value *value);

MR_EXPORT size_t mr_array_count(const struct mr_value *array);
MR_EXPORT const struct mr_value *mr_array_at(const struct mr_value *array, size_t index);

MR_EXPORT size_t mr_map_count(const struct mr_value *map);
MR_EXPORT const struct mr_value *mr_map_key_at(const struct mr_value *map, size_t index);
MR_EXPORT const struct mr_value *mr_map_value_at(const struct mr_value *map, size_t index);
/* By string key; NULL (no value at all) when the key is absent. */
MR_EXPORT const struct mr_value *mr_map_get(const struct mr_value *map, const char *key);

MR_EXPORT const struct mr_schema *mr_struct_schema(const struct mr_value *value);
/* Raw: null is null. */
MR_EXPORT const struct mr_value *mr_struct_at(const struct mr_value *value, size_t index);
/* Null yields the default of the field's schema, if it has one. */
MR_EXPORT const struct mr_value *mr_struct_at_or_default(const struct mr_value *value, size_t index);
/* By name; NULL when the schema has no such field. */
MR_EXPORT const struct mr_value *mr_struct_get(const struct mr_value *value, const char *field);

/* Making. All memory comes from the arena; NULL when it has none left. */
MR_EXPORT const struct mr_value *mr_null(void);
MR_EXPORT const struct mr_value *mr_boolean(bool value); /* static, as mr_null */
MR_EXPORT const struct mr_value *mr_int8(struct mr_arena *arena, int8_t value);
MR_EXPORT const struct mr_value *mr_int16(struct mr_arena *arena, int16_t value);
MR_EXPORT const struct mr_value *mr_int32(struct mr_arena *arena, int32_t value);
MR_EXPORT const struct mr_value *mr_int64(struct mr_arena *arena, int64_t value);
MR_EXPORT const struct mr_value *mr_float32(struct mr_arena *arena, float value);
MR_EXPORT const struct mr_value *mr_float64(struct mr_arena *arena, double value);
MR_EXPORT const struct mr_value *mr_instant(struct mr_arena *arena, int64_t ms);
MR_EXPORT const struct mr_value *mr_string(struct mr_arena *arena, const char *text); /* copies */
MR_EXPORT const struct mr_value *mr_string_copy(struct mr_arena *arena, const char *text, size_t size);
MR_EXPORT const struct mr_value *mr_bytes_copy(struct mr_arena *arena, const void *data, size_t size);
/* Refer to memory of yours that outlives the arena's content (a literal, the arena itself, the input of a converter). */
MR_EXPORT const struct mr_value *mr_string_ref(struct mr_arena *arena, const char *text, size_t size);
MR_EXPORT const struct mr_value *mr_bytes_ref(struct mr_arena *arena, const void *data, size_t size);
/* From two's complement, big-endian (copied, shortened). size 0 counts as 0. */
MR_EXPORT const struct mr_value *mr_decimal(struct mr_arena *arena, const void *unscaled, size_t size, int32_t scale);
MR_EXPORT const struct mr_value *mr_bigint(struct mr_arena *arena, const void *unscaled, size_t size);

/* Containers under construction are not const. `capacity` is a hint: they grow. What is appended or put may stand in several
 * containers, never in itself. */
MR_EXPORT struct mr_value *mr_array_create(struct mr_arena *arena, size_t capacity);
MR_EXPORT int mr_array_append(struct mr_arena *arena, struct mr_value *array, const struct mr_value *value) MR_MUST_USE;
MR_EXPORT struct mr_value *mr_map_create(struct mr_arena *arena, size_t capacity);
/* Replaces the value of an equal key in place, else appends: iteration order is that of insertion. */
MR_EXPORT int mr_map_put(struct mr_arena *arena, struct mr_value *map, const struct mr_value *key,
                         const struct mr_value *value) MR_MUST_USE;
MR_EXPORT int mr_map_put_text(struct mr_arena *arena, struct mr_value *map, const char *key,
                              const struct mr_value *value) MR_MUST_USE;
/* A new map with the same entries (references), to be changed. */
MR_EXPORT struct mr_value *mr_map_copy(struct mr_arena *arena, const struct mr_value *map, size_t extra_capacity);
MR_EXPORT void mr_map_remove(struct mr_value *map, const char *key);
/* All fields null; the arena keeps the schema. */
MR_EXPORT struct mr_value *mr_struct_create(struct mr_arena *arena, const struct mr_schema *schema);
/* Validates as Struct#put: MR_ERR_DATA for a null in a required field and for a wrong kind. */
MR_EXPORT int mr_struct_put(struct mr_value *value, size_t index, const struct mr_value *field,
                            struct mr_error **error);
/* Without looking, for a value that was in an equal field schema before. */
MR_EXPORT int mr_struct_put_unchecked(struct mr_value *value, size_t index, const struct mr_value *field) MR_MUST_USE;

MR_END_DECLS
#endif
