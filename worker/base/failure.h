/*
 * failure: why a connector or task ended, for whoever decides whether it is to be started again: the kind of failure, and which
 * records it met. Told beside the words of the trace, never read out of them.
 *
 * Life: a plain value; all zero is FAILURE_NONE. thread: its owner's.
 */
#ifndef BASE_FAILURE_H
#define BASE_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum failure_kind {
    FAILURE_NONE,
    FAILURE_PLUGIN,       /* a plugin's call failed, and did not say more */
    FAILURE_RECORD,       /* a record is at fault: it would fail again */
    FAILURE_CONFIG,       /* refused as it is: only a change helps */
    FAILURE_CONNECTION,   /* Kafka, a source or a target is not reached or does not answer in time */
    FAILURE_FENCED,       /* somebody else had taken its place */
    FAILURE_TIMEOUT,      /* a plugin's call took too long and was given up */
    FAILURE_STALLED,      /* it ran and did nothing; was stopped for that */
    FAILURE_MEMORY,
    FAILURE_DEAD_LETTERS, /* a dead letter could not be written */
    FAILURE_HELD          /* it has ended the worker's process twice (executor/quarantine.h) */
};

/* In words, as in "failed (lost connection)". */
const char *failure_kind_words(enum failure_kind kind);

/* What a task that runs, or is to, does not do. */
enum task_stall {
    TASK_STALL_NONE,
    TASK_STALL_CALL,   /* it does not come back out of a call of its plugin */
    TASK_STALL_COMMIT, /* records flow, and nothing is committed or acknowledged */
    TASK_STALL_GROUP,  /* its consumer is out of its group */
    TASK_STALL_LETTERS, /* dead letters are not written, and hold its offsets back */
    TASK_STALL_START    /* it does not come back out of its plugin's start, or what comes before */
};

/* Records next to each other. `where`: failure_place of a topic partition; of a source's record that of its partition and offset. */
struct failure_range {
    uint64_t where;
    int64_t first, last;
};

/* Of more than these the rest is left out. */
#define FAILURE_RANGES_MAX 8

struct failure {
    enum failure_kind kind;
    bool has_progressed; /* since its start something was acknowledged or committed */
    uint32_t range_count;
    struct failure_range ranges[FAILURE_RANGES_MAX];
};

/* Names a place within this process. */
uint64_t failure_place(const char *name, int32_t partition);

/* Widens the range of that place, or begins one. */
void failure_add(struct failure *failure, uint64_t where, int64_t first, int64_t last);

/* Do they have a record in common? */
bool failure_meets(const struct failure *failure, const struct failure *other);

#endif
