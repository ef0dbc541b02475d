/*
 * decode: schemas, values and records from the JSON of the golden corpus (tests/corpus/README.md).
 *
 * All results live in the arena (schemas: kept by it) or in the batch. NULL or -1 means that the case cannot be built;
 * `error` says why.
 */
#ifndef GOLDEN_DECODE_H
#define GOLDEN_DECODE_H

#include <millrace/record.h>
#include <jansson.h>

/* -1 with an error; `*schema` NULL for null. */
int decode_schema(struct mr_arena *arena, const json_t *json, const struct mr_schema **schema, struct mr_error **error);
/* `place`: the schema of where it stands; may be NULL. */
const struct mr_value *decode_value(struct mr_arena *arena, const json_t *json, const struct mr_schema *place,
                                    struct mr_error **error);
/* Appended to the batch. */
struct mr_record *decode_record(struct mr_batch *batch, const json_t *json, struct mr_error **error);
/* A base64 text; null: data NULL. */
int decode_bytes(struct mr_arena *arena, const json_t *json, struct mr_bytes *bytes, struct mr_error **error);

#endif
