/* results: what a target says of each record of a batch (as a bulk interface does): a JSON array in its answer with one element per
 * record, in order. Pure. */
#ifndef HTTP_SINK_RESULTS_H
#define HTTP_SINK_RESULTS_H

#include <millrace/value.h>

/* The status of record `index`, as HTTP counts: a number, or one as text; 200 for true, 400 for false. 0: the answer does not say. */
struct results {
    const struct mr_value *array; /* NULL: none; in the arena of the reading */
    const char *status_path;
};

/* `path` "." is the whole. The array counts only when it has `count` elements. */
void results_read(struct results *results, struct mr_arena *arena, struct mr_bytes body, const char *path,
                  const char *status_path, size_t count);
long results_status(const struct results *results, size_t index);

#endif
