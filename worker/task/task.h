/*
 * task: the common head of source and sink tasks, and how others speak to a task.
 *
 * A task is a state machine that a pool steps (executor/step_pool.h). Commands come from any thread: they set what is wanted and
 * wake the task; the next steps carry them out. Nobody waits inside a task but its plugin.
 *
 *   NEW → PREPARING → PREPARED → STARTING → RUNNING ⇄ PAUSED
 *                                    any of these → STOPPING → STOPPED | FAILED
 *
 * A started task whose target is PAUSED from the beginning waits before the plugin's start (Kafka's WorkerTask).
 * The end: STOPPED after a stop, after being abandoned, or after being fenced by a successor; FAILED with a trace after an
 * error (offsets of acknowledged records are still committed, the plugin is stopped, clients are closed). After the end
 * the step function says STEP_END and the task may be destroyed.
 *
 * Deadlines: a stop has one. A task past it (its plugin hangs) is abandoned by its owner: task_abandon revokes what it
 * may still do through us (produce, put, commit, status), its clients are closed from a job thread, and when the hung
 * call returns after all, the task ends without touching anything outside. Until then its memory stays.
 *
 * The lease is looked at before records are handed over, before each put and before each commit: without it the task
 * does nothing outside and keeps its state.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

struct clock;
struct mr_error;
struct lease;
struct plugin_name;
struct task;
struct task_listener;
struct unit_metrics;

enum task_state {
    TASK_NEW,
    TASK_PREPARING,
    TASK_PREPARED,
    TASK_STARTING,
    TASK_RUNNING,
    TASK_PAUSED,
    TASK_STOPPING,
    TASK_STOPPED,
    TASK_FAILED
};

const char *task_state_name(enum task_state state);
/* The table of legal moves; the task asserts it. */
bool task_state_may_move(enum task_state from, enum task_state to);

/* How a task ends towards its consumer group: a successor elsewhere takes the place at once (STAY), or nobody will (LEAVE). */
enum task_departure { TASK_DEPARTURE_STAY, TASK_DEPARTURE_LEAVE };

/* What a task that delivers exactly once asks of the cluster, one question after another (docs/decisions/0012); there is no "no":
 * whoever is not to go on is stopped. */
enum task_question {
    TASK_ASKS_ROUND,    /* before its producer begins: have the former tasks' producers been shut out, and is that written down? */
    TASK_ASKS_OWNER,    /* before its plugin starts, the config topic read to its end since: is this task, with these configurations,
                         * still the one to run? */
    TASK_ASKS_SUCCESSOR /* its producer was shut out, the config topic read to its end since: by nobody the cluster knows of? */
};

/* What both kinds need from their owner. Everything is borrowed and outlives the task unless said otherwise. */
struct task_common_setup {
    const char *connector;
    uint32_t number;
    const struct plugin_name *plugin; /* of the connector, for log lines and crashes; NULL: not known */
    const struct lease *lease;
    const struct clock *clock; /* NULL: the real one */
    const struct task_listener *listener;
    void *listener_argument;
    /* Has the task stepped soon. thread: any, also under librdkafka's locks: must be lock-free. */
    void (*wake)(void *argument);
    /* Whoever may wake later than the task lives (plugin threads, answers of clients) holds a reference of the argument. */
    void (*wake_take)(void *argument);
    void (*wake_drop)(void *argument);
    void *wake_argument;
    uint32_t offset_flush_interval_ms;
    uint32_t offset_flush_timeout_ms;
    uint64_t buffer_bytes_max; /* millrace.task.buffer.bytes */
    /* The task's part of what the connector may read in a second; 0: no limit. */
    double records_per_second, bytes_per_second;
    const _Atomic uint32_t *topics_epoch; /* when it has changed topics are told again; NULL: never */
    struct unit_metrics *metrics; /* what it counts; a reference is taken. NULL: nobody counts */
};

/* Commands. The caller sees to it that the task is not destroyed while one is inside. thread: any; none waits, but task_request_stop and task_abandon call the plugin's request_stop, which may hang:
 * call them from a job thread. */
void task_request_prepare(struct task *task);
void task_request_start(struct task *task); /* prepares first where that was not asked */
void task_request_pause(struct task *task);
void task_request_resume(struct task *task);
void task_request_stop(struct task *task, enum task_departure departure, int64_t deadline_ms); /* clock_monotonic_ms */
void task_abandon(struct task *task);
/* Another worker runs it by now: from here on it does nothing outside, as without the lease, and what it holds stays unsent. Its stop
 * is to follow. Does not hang. */
void task_oust(struct task *task);

/* thread: any. */
enum task_state task_state(const struct task *task);
const char *task_connector(const struct task *task);
uint32_t task_number(const struct task *task);
/* Does the plugin want a thread of its own (MR_TASK_BLOCKS)? */
bool task_blocks(const struct task *task);
/* What the task is inside of, for "who hangs" messages: "poll", "put", … or "". */
const char *task_inside(const struct task *task);

/* What it does not do though it runs, and since when (clock_monotonic_ms of its clock). What a plugin that
 * declares that it blocks (MR_TASK_BLOCKS) does in poll is its own business. thread: any but after the end. */
struct task_limits {
    uint32_t call_ms;   /* of a plugin's call, of dead letters, of a consumer without its group */
    uint32_t commit_ms; /* of records that flow without a commit */
};
enum task_stall task_look(const struct task *task, const struct task_limits *limits, int64_t *since_ms);
/* "it has been inside put for 312 s"; returns `words`. */
const char *task_stall_words(const struct task *task, enum task_stall stall, int64_t since_ms, char *words, size_t size);
/* Was anything acknowledged or committed since its start? thread: any. */
bool task_has_progressed(const struct task *task);

/* Stores offsets that are due, also while a plugin call is inside (a poll that blocks for hours). Does not wait. thread: any but
 * the task's; not after TASK_STEP_ENDED. */
void task_tick(struct task *task);

/* Of an error that ends a task or connector: the kind that its code means; `is_plugins`: a plugin's call answered it. */
enum failure_kind task_failure_kind(const struct mr_error *error, bool is_plugins);

/* For the pool alone. `*wake_at_ms` (clock_monotonic_ms) with TASK_STEP_WAIT; INT64_MAX: only a wake-up. */
enum task_step { TASK_STEP_AGAIN, TASK_STEP_WAIT, TASK_STEP_ENDED };
enum task_step task_step(struct task *task, int64_t *wake_at_ms);

/* After TASK_STEP_ENDED (or when it was never stepped). */
void task_destroy(struct task *task);

#endif
