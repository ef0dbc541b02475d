/*
 * source_letter: the bytes that stand for a source record in a dead letter. For the files of this room.
 *
 * Of a record that a transform or converter failed for: the record as it was polled, key, value and each header by the
 * connector's converters; where one of them will not, plain JSON without schema (mr_json_write); where that fails too, null.
 * Of a record that Kafka refused: the bytes that it refused.
 */
#ifndef PIPELINE_SOURCE_LETTER_INTERNAL_H
#define PIPELINE_SOURCE_LETTER_INTERNAL_H

struct converters;
struct mr_arena;
struct mr_error;
struct mr_record;
struct producer_record;
struct source_letter;

/* -1: no memory. */
int source_letter_of_polled(const struct converters *converters, const struct mr_record *record, struct mr_arena *arena,
                            struct source_letter *letter, struct mr_error **error);
int source_letter_of_refused(const struct producer_record *refused, const struct mr_record *record, struct mr_arena *arena,
                             struct source_letter *letter, struct mr_error **error);

#endif
