/* converter.h: between bytes in Kafka and values. Serves keys, values and headers.
 *
 * Life: create (parsed configuration; the worker adds converter.type = key, value or header) → from_connect | to_connect*
 * → destroy. One instance serves one side of one task; its calls come one at a time, from changing threads: caches need no
 * locks. MR_ERR_RETRIABLE brings the same call again, as for a transform.
 *
 * Lifetimes: everything returned lives in `arena`, in memory that outlives it, or, for to_connect, in `bytes`, which
 * outlive the arena's content. A returned schema must be kept by the arena (mr_arena_keep_schema) or live for ever.
 */
#ifndef MILLRACE_CONVERTER_H
#define MILLRACE_CONVERTER_H

#include <millrace/config_def.h>
#include <millrace/record.h>

MR_BEGIN_DECLS

/* Where the datum stands. Grows at the end. */
struct mr_converter_place {
    uint32_t size;
    const char *topic;
    const char *header_key;         /* NULL for keys and values */
    const struct mr_record *record; /* the record it belongs to, for its headers; may be NULL */
};

struct mr_converter_ops {
    uint32_t size;
    void *(*create)(const struct mr_config *config, struct mr_error **error);
    /* Value (never a NULL pointer) to bytes; bytes->data NULL is a null. MR_ERR_DATA when it does not fit. */
    int (*from_connect)(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error);
    /* Bytes (data NULL: null) to schema (NULL: schemaless) and value (never a NULL pointer). */
    int (*to_connect)(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error);
    void (*destroy)(void *self);
    /* May be NULL; since 1.1. Where it is set, null bytes are null, always, with the schema it answers (NULL: none), which lives for
     * ever. It is asked once, after create, and to_connect may be left out for nulls: a topic without keys then costs no call each. */
    const struct mr_schema *(*null_schema)(void *self);
};

MR_END_DECLS
#endif
