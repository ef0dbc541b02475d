/* value_rewrite.h: another value in the places that a path names, all else as it was. What is on the way there is made anew, with another
 * schema only where the place's schema has changed; equal schemas are one (schema.h), so that caches behind us go on finding them.
 *
 * Nothing is changed in place: a record that fails is as it was. All memory is the arena's. Thread: one at a time.
 */
#ifndef TRANSFORMS_OWN_VALUE_REWRITE_H
#define TRANSFORMS_OWN_VALUE_REWRITE_H

#include "own/schema_memo.h"
#include "own/value_path.h"

/* A value and what its place says of it; NULL: no schema. */
struct typed_value {
    const struct mr_schema *schema;
    const struct mr_value *value;
};

/* What stands in place of `*at`, which it overwrites; a schema of its making is the arena's (mr_arena_keep_schema). Leaves it as it is
 * for no change. Not called for null. -1: *error. */
typedef int value_rewrite_fn(void *argument, struct mr_arena *arena, struct typed_value *at, struct mr_error **error);

struct value_rewrite {
    const struct value_path *path;
    value_rewrite_fn *rewrite;
    void *argument;
    struct schema_memo *memo; /* of the transform; NULL: none */
    size_t places;            /* found, in all calls */
    bool leads_nowhere;       /* in one of the calls, on one of its ways: no such field, key or element, or one of another kind */
};

/* Overwrites `*top`. A place that is not there, or null, is left out. MR_ERR_DATA when a schema would have to change where it cannot:
 * one element of an array or map that has a schema. */
int value_rewrite_run(struct value_rewrite *rewrite, struct mr_arena *arena, struct typed_value *top, struct mr_error **error);

#endif
