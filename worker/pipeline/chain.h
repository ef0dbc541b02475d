/*
 * chain: the transforms of one connector, with their predicates (KIP-66, KIP-585), applied to one record after the other.
 *
 * Built from the connector's properties (`transforms`, `transforms.a.type`, `transforms.a.predicate`, `predicates.p.type`, …).
 * A transform may make none, one or many of a record; what it makes stays together and in order. A record passes as a
 * whole: when a transform fails for one of the records that an earlier one made of it, all of them count as failed.
 *
 * The chain knows no error policy: it calls the one it is given.
 *
 * Thread: one at a time (the task's).
 */
#ifndef PIPELINE_CHAIN_H
#define PIPELINE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

struct chain;
struct loader;
struct mr_error;
struct mr_record;
struct string_map;

/* A growing list of borrowed records. */
struct record_array {
    struct mr_record **items;
    size_t count, capacity;
};
void record_array_init(struct record_array *array);
void record_array_release(struct record_array *array);
int record_array_push(struct record_array *array, struct mr_record *record, struct mr_error **error);

/* Reads all names that start with "transforms" and "predicates"; the rest is not looked at, and so is the map after the
 * call. All declared predicates are checked, used or not. NULL: MR_ERR_CONFIG names the property, or no memory. */
struct chain *chain_create(const struct loader *loader, const struct string_map *properties, struct mr_error **error);
void chain_destroy(struct chain *chain);
size_t chain_count(const struct chain *chain);
const char *chain_class_name(const struct chain *chain, size_t index);
/* A transform, or the predicate of one; texts live as long as the chain, classes and versions as long as the loader. */
struct chain_part {
    const char *alias, *class_name;
    const char *version; /* NULL: none */
    bool is_predicate;
};
/* Transforms in their order, each followed by its predicate unless that was there before. How many; `most` are filled at most. */
size_t chain_parts(const struct chain *chain, struct chain_part *parts, size_t most);

/* What to do about a failed transform. */
enum chain_verdict { CHAIN_RECOVERED, CHAIN_SKIP, CHAIN_FAIL };

/* Tries again: the record is as it was before the transform, what it had emitted is forgotten. */
typedef int chain_again_fn(void *argument, struct mr_error **error);
struct chain_failure {
    const char *class_name, *alias;
    chain_again_fn *again; /* NULL: the policy said that nothing is tried again */
    void *again_argument;
};
/* `*error` is set; with RECOVERED and SKIP it must be NULL on return. */
typedef enum chain_verdict chain_recover_fn(void *argument, const struct chain_failure *failure,
                                            struct mr_error **error);

struct chain_policy {
    chain_recover_fn *recover; /* NULL: every failure is CHAIN_FAIL */
    void *argument;
    bool tries_again;          /* else no state is kept for a second attempt */
    bool keeps_original;       /* the record itself is never changed: transforms get a copy */
};

enum chain_outcome {
    CHAIN_PASSED,  /* one or more records were added to `out` */
    CHAIN_DROPPED, /* a transform dropped it */
    CHAIN_SKIPPED, /* the policy gave it up */
    CHAIN_FAILED   /* *error; `out` is as it was */
};

enum chain_outcome chain_apply(struct chain *chain, const struct chain_policy *policy, struct mr_record *record,
                               struct record_array *out, struct mr_error **error);

#endif
