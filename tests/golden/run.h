/* run: one case of the corpus through the plugin it names, found by the loader as the worker finds it. */
#ifndef GOLDEN_RUN_H
#define GOLDEN_RUN_H

#include <jansson.h>
#include <stdbool.h>

struct loader;
struct mr_batch;
struct mr_error;
struct mr_record;
struct string_map;

/* The outcome in the form of the corpus; {"broken":words} when there is none to compare (no such class, a case that
 * cannot be built). Never NULL; the caller's to json_decref. */
json_t *run_case(const struct loader *loader, const json_t *test_case);

/* Is every class of Kafka Connect that the case names, itself or in its chain, there? */
bool run_is_possible(const struct loader *loader, const json_t *test_case);

/* For its own files: the outcome for an error, which is dropped. `stage` NULL: while a record was processed. */
json_t *run_error(const char *stage, struct mr_error *error);
json_t *run_broken(struct mr_error *error);
json_t *run_records(struct mr_record *const *records, size_t count);

/* run_chain.c: connector-level properties through the worker's own chain of transforms. */
json_t *run_chain(const struct loader *loader, const struct string_map *properties, struct mr_record *record);

#endif
