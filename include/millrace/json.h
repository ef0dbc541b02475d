/* json.h: values to and from JSON text, by the rules of Kafka Connect's JsonConverter.
 *
 * One implementation serves the JSON converter, the offset store and the REST API. Grammar, coercions and rendering are
 * those of org.apache.kafka.connect.json.JsonConverter 4.3 (text after the first value is ignored where it ignores it,
 * duplicate members: the last wins, nesting up to MR_JSON_DEPTH_MAX, numbers up to 1000 characters).
 *
 * Text comes as UTF-8, or as UTF-16 or UTF-32, told from its first bytes. Text without escapes is not copied: values refer
 * to it where it stands, so it has to outlive the arena's content, as the input of a converter does. Where it does not,
 * MR_JSON_COPY_TEXT copies it into the arena first. Everything else lives in the arena. A value written is nested at most
 * MR_JSON_DEPTH_MAX levels deep as well.
 *
 * Errors are MR_ERR_DATA. Thread: any, one arena at a time.
 */
#ifndef MILLRACE_JSON_H
#define MILLRACE_JSON_H

#include <millrace/value.h>

MR_BEGIN_DECLS

#define MR_JSON_DEPTH_MAX 1000

enum mr_json_flag {
    MR_JSON_DECIMAL_NUMERIC = 1u << 0, /* decimal.format=NUMERIC */
    MR_JSON_KEEP_NULLS = 1u << 1,      /* replace.null.with.default=false */
    MR_JSON_WHOLE_TEXT = 1u << 2,      /* reading: anything but blanks after the value is an error */
    MR_JSON_COPY_TEXT = 1u << 3        /* reading: the text need not outlive the call */
};

/* Schemaless reading: objects become maps, arrays arrays, integers int64, other numbers float64. Empty or blank text
 * is null. */
MR_EXPORT const struct mr_value *mr_json_read(struct mr_arena *arena, struct mr_bytes text, uint32_t flags,
                                              struct mr_error **error);
/* Reading under a schema (NULL: as mr_json_read). */
MR_EXPORT const struct mr_value *mr_json_read_as(struct mr_arena *arena, struct mr_bytes text,
                                                 const struct mr_schema *schema, uint32_t flags,
                                                 struct mr_error **error);
/* Compact text of a value under a schema (NULL: by its kinds). */
MR_EXPORT int mr_json_write(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                            uint32_t flags, struct mr_bytes *text, struct mr_error **error);

/* {"schema":…,"payload":…}: both directions. The codec caches schemas by pointer and by the bytes seen before, at most
 * cache_entries each way; one instance belongs to one thread. `schema` returned by _read is kept by the arena. */
struct mr_json_envelope;
MR_EXPORT struct mr_json_envelope *mr_json_envelope_create(uint32_t flags, size_t cache_entries);
MR_EXPORT void mr_json_envelope_destroy(struct mr_json_envelope *envelope);
MR_EXPORT int mr_json_envelope_read(struct mr_json_envelope *envelope, struct mr_arena *arena, struct mr_bytes text,
                                    const struct mr_schema **schema, const struct mr_value **value,
                                    struct mr_error **error);
MR_EXPORT int mr_json_envelope_write(struct mr_json_envelope *envelope, struct mr_arena *arena,
                                     const struct mr_schema *schema, const struct mr_value *value,
                                     struct mr_bytes *text, struct mr_error **error);
/* A schema from its JSON form; a reference of yours. `_with` takes MR_JSON_KEEP_NULLS: nulls in a default that is a list or
 * a map stay nulls. */
MR_EXPORT const struct mr_schema *mr_json_schema_read(struct mr_bytes text, struct mr_error **error);
MR_EXPORT const struct mr_schema *mr_json_schema_read_with(struct mr_bytes text, uint32_t flags,
                                                           struct mr_error **error);

MR_END_DECLS
#endif
