/*
 * pipeline_subject: one plugin under measurement: a transform or a predicate in a chain, or a converter, called as the worker calls it.
 *
 * A case is an object {"kind", "class", "config", and what goes in}:
 *   kind      transform, predicate; from_connect, to_connect, header_from_connect, header_to_connect
 *   typed     are `key` and `value` JSON with a schema? (else: without)
 *   key, value, headers   what the record holds: JSON as the JsonConverter reads it; texts by name
 *   value     of from_connect: the same
 *   bytes     of to_connect: base64
 *
 * The inputs are made SUBJECT_INPUTS times, so that not always the same memory is read.
 *
 * Thread: one.
 */
#ifndef BENCH_PIPELINE_SUBJECT_H
#define BENCH_PIPELINE_SUBJECT_H

#include <jansson.h>
#include <stddef.h>

struct loader;
struct mr_batch;
struct mr_error;
struct subject;

#define SUBJECT_INPUTS 64

/* NULL: the case is wrong, the plugin is missing or refuses its configuration. The loader outlives it. */
struct subject *subject_create(const struct loader *loader, const json_t *test_case, struct mr_error **error);
void subject_destroy(struct subject *subject);

/* Puts `count` records into the batch; nothing for a converter. -1: no memory. */
int subject_fill(const struct subject *subject, struct mr_batch *batch, size_t count, struct mr_error **error);
/* What is measured: all records of the batch through the chain, or `count` conversions that use its arena. -1: one failed. */
int subject_run(struct subject *subject, struct mr_batch *batch, size_t count, struct mr_error **error);

#endif
