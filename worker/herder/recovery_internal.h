/*
 * recovery_internal: whether, and when, what has failed is started again by itself (docs/self-healing.md).
 *
 * Never after a failure of a record, nor of the configuration, nor a second one that meets a record of the one before; there only a
 * user helps. Else after a delay that doubles from one restart to the next, with something at random on top, and so many times at
 * most within a window: past that the next one waits until the window lets it. What stalls costs a thread each time its plugin
 * hangs, so there a spent budget is the end. Progress between two failures forgets the delays and what was spent.
 *
 * The rules know neither units nor clocks: recovery.c; what they mean for the herder's units: recovery_units.c.
 * thread: herder. Bounds: a fixed size; the budget is RECOVERY_BUDGET_MAX at most.
 */
#ifndef HERDER_RECOVERY_INTERNAL_H
#define HERDER_RECOVERY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

struct herder;
struct herder_connector;

#define RECOVERY_BUDGET_MAX 32
#define RECOVERY_JITTER 4 /* up to one part in so many of a delay is added */

struct recovery_settings {
    bool is_on; /* millrace.restart.policy=on-failure */
    int64_t delay_ms, delay_max_ms, window_ms;
    uint32_t budget;
};

enum recovery_verdict {
    RECOVERY_NONE,         /* nothing has failed, or a user has seen to it */
    RECOVERY_WAITS,        /* until due_ms */
    RECOVERY_OFF,          /* the policy is never */
    RECOVERY_RECORD,       /* a record failed */
    RECOVERY_SAME_RECORDS, /* a second time at the same records */
    RECOVERY_NEEDS_CHANGE, /* of the configuration, or of a plugin that crashes */
    RECOVERY_SPENT         /* it stalled too often */
};

/* All zero is the beginning. */
struct recovery {
    enum recovery_verdict verdict;
    bool is_restarting; /* by itself, until it is started */
    bool is_told;       /* `failure` came before the end that it belongs to */
    int64_t due_ms;     /* of WAITS */
    uint32_t attempts;  /* restarts since the last progress */
    uint64_t restarts;  /* in all */
    int64_t spent_ms[RECOVERY_BUDGET_MAX]; /* when; a ring of the last ones */
    uint32_t spent_count;
    struct failure failure; /* of the present end, or the one before */
    struct failure before;
};

/* It has failed, or stalls. `random`: anything. */
enum recovery_verdict recovery_failed(struct recovery *recovery, const struct recovery_settings *settings,
                                      const struct failure *failure, int64_t now_ms, uint64_t random);
/* It is being started again because it was due. */
void recovery_restarted(struct recovery *recovery, int64_t now_ms);
/* A user has restarted, paused, stopped or changed it, or it goes elsewhere: what was is forgotten, but how often it was
 * restarted. */
void recovery_forget(struct recovery *recovery);
/* What stalled goes on. */
void recovery_went_on(struct recovery *recovery);
/* Why it is not started again, for its trace; NULL: nothing to say. */
const char *recovery_words(enum recovery_verdict verdict);
/* As it is called in status and metrics. */
const char *recovery_verdict_name(enum recovery_verdict verdict);

/* ---- recovery_units.c ---- */

/* A task or (TASK -1) connector has ended as FAILED with that trace. The trace to be shown: mem_free; NULL: as it is. */
char *recovery_unit_failed(struct herder *herder, struct herder_connector *connector, int64_t task, const char *trace);
/* It does nothing though it runs. */
void recovery_task_stalled(struct herder *herder, struct herder_connector *connector, uint32_t task, bool has_progressed);
/* And does again. */
void recovery_task_goes_on(struct herder *herder, struct herder_connector *connector, uint32_t task);
/* Before a unit is compared with what is wanted of it: sets *restart and *announce when it is due, and gives the waiting up when a
 * user has spoken: `is_meant`: it is to run, with the configuration that it failed with. */
void recovery_look(struct herder *herder, struct herder_connector *connector, int64_t task, bool is_meant, bool *restart,
                   bool *announce);
/* It was started. */
void recovery_unit_started(struct herder *herder, struct herder_connector *connector, int64_t task);

#endif
