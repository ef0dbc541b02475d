/*
 * cluster_notes: the records under keys of our own ("millrace-…", docs/decisions/0007), as text. What they mean is not known here but
 * for "epoch": a record of a leader that was none any more does not count (its epoch is below one that stands before it).
 *
 * Immutable and refcounted: a change makes a new list that shares the notes.
 */
#ifndef STORE_CLUSTER_NOTES_INTERNAL_H
#define STORE_CLUSTER_NOTES_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/refcount.h"

struct cluster_note {
    struct refcount owners;
    bool is_overruled; /* the newest record of this key does not count; the text is the one before, maybe empty */
    size_t size;
    int64_t offset; /* of the record that the text is from; -1: of none */
    char *text;
    char key[];
};

struct cluster_notes {
    struct refcount owners;
    uint64_t epoch; /* the highest there was */
    size_t count;
    struct cluster_note *notes[]; /* by key */
};

struct cluster_notes *cluster_notes_create(void);
struct cluster_notes *cluster_notes_take(struct cluster_notes *notes);
void cluster_notes_drop(struct cluster_notes *notes); /* NULL is fine */

/* `text` NULL: the key is removed. `epoch` -1: the record has none, it counts always. `offset`: of the record. NULL: no memory. `notes`
 * stays. */
struct cluster_notes *cluster_notes_put(const struct cluster_notes *notes, const char *key, const char *text, size_t size,
                                        int64_t epoch, int64_t offset);

#endif
