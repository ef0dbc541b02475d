/*
 * decode: schemas, values and records from JSON: the form of the corpus (tests/corpus/README.md).
 *
 * The JSON may be anything: what is not of the form is refused in words. The work is linear in its size. All results live in the arena (schemas: kept by it) or in
 * the batch. NULL or -1: MR_ERR_DATA says what cannot be understood, or no memory.
 */
#ifndef DRY_RUN_DECODE_H
#define DRY_RUN_DECODE_H

#include <jansson.h>
#include <millrace/record.h>

#define DECODE_DEPTH_MAX 1800     /* levels of JSON in a record; a schema of 500 levels has three for each */
#define DECODE_NODES_MAX 4000000  /* objects, lists, texts, numbers in it */

/* `*schema` NULL for null. */
int decode_schema(struct mr_arena *arena, const json_t *json, const struct mr_schema **schema, struct mr_error **error);
/* `place`: the schema of where it stands; may be NULL. */
const struct mr_value *decode_value(struct mr_arena *arena, const json_t *json, const struct mr_schema *place,
                                    struct mr_error **error);
/* Appended to the batch. */
struct mr_record *decode_record(struct mr_batch *batch, const json_t *json, struct mr_error **error);
/* A base64 text; null: data NULL. */
int decode_bytes(struct mr_arena *arena, const json_t *json, struct mr_bytes *bytes, struct mr_error **error);
/* A whole number, as a number or as text. */
int decode_integer(const json_t *json, int64_t least, int64_t most, int64_t *number, struct mr_error **error);

#endif
