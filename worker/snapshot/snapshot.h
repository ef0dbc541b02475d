/*
 * snapshot: from a cluster's topics into a snapshot, and back (docs/snapshot.md).
 *
 * Thread: one that may wait. Deadlines are absolute on clock_monotonic_ms(NULL).
 */
#ifndef SNAPSHOT_SNAPSHOT_H
#define SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot_file.h"

struct graveyard;
struct mr_error;
struct str_buffer;
struct variables;
struct worker_config;

struct snapshot_setup {
    const struct worker_config *worker; /* a distributed worker's */
    const struct variables *variables;  /* for the names of sinks' groups */
    struct graveyard *graveyard;
    int64_t deadline_ms;
};

/* What was seen beside it. */
struct snapshot_notes {
    size_t connectors, workers; /* workers: in the group when it began */
    size_t plain_secrets;       /* options whose names speak of a secret, written as text */
    size_t silent_groups;       /* whose offsets the brokers did not give; told in the log */
};

/* Works while workers run: each topic is read to the end that it had when its turn came, first the config topic, then offsets, then groups.
 * `snapshot` is initialised, and to be released, in any case. */
int snapshot_export(const struct snapshot_setup *setup, struct snapshot *snapshot, struct snapshot_notes *notes, struct mr_error **error);

struct snapshot_import {
    bool is_dry;
    bool replaces; /* what is there and says otherwise; else it stays, and a connector of the same name is a conflict */
};

/* Appends what was done, or would be, for people to read. -1: nothing was written, unless the error says so: MR_ERR_CONFLICT: workers run,
 * or connectors of these names are there. */
int snapshot_import(const struct snapshot_setup *setup, const struct snapshot *snapshot, const struct snapshot_import *how,
                    struct str_buffer *report, struct mr_error **error);

#endif
