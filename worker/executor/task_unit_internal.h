/*
 * task_unit_internal: a task unit, for its files alone:
 *   task_unit.c        life, the task's users, telling, stepping
 *   task_unit_build.c  from a job that builds the task to its first step
 *   task_unit_stop.c   pausing, stopping, giving up
 *   task_questions.c   what a task with exactly once asks, and its calls that wait
 *
 * A task unit: built by a job, then stepped by the pool until it ends. Commands that come while it is built are kept and
 * carried out after. One that is only prepared goes the same way up to its plugin's start, in silence.
 *
 *   BUILDING → STEPPING → GONE        GONE: its end was told and the name is free
 *        └──────────────────┘
 *
 * The task object belongs to the unit and lives while somebody uses it (`users`): the pool, a job, the watch. An
 * abandoned unit is GONE at once and goes on being stepped until its plugin lets it end.
 */
#ifndef EXECUTOR_TASK_UNIT_INTERNAL_H
#define EXECUTOR_TASK_UNIT_INTERNAL_H

#include "base/failure.h"
#include "executor/executor_internal.h"
#include "task/source_task.h"

enum unit_phase { UNIT_BUILDING, UNIT_STEPPING, UNIT_GONE };

/* The last one; token 0: none yet. */
struct unit_question {
    uint64_t token;
    enum task_question question;
    bool is_answered;
    struct mr_error *failure; /* NULL: yes */
};

struct task_unit {
    struct refcount references;
    struct executor *executor;
    char *connector;
    uint32_t number;
    char key[TASK_KEY_MAX];
    struct string_map *connector_config, *task_config; /* raw */
    struct step_unit *_Atomic step;                    /* a reference; NULL until the pool has it */

    pthread_mutex_t lock;
    enum unit_phase phase;
    struct task *task;   /* NULL: not built yet, or destroyed */
    struct offset_store *offsets; /* taken for it; NULL: none */
    size_t users;        /* of the task; the last destroys it */
    const char *version; /* the loader's */
    struct unit_metrics *metrics; /* a reference */
    bool is_preparing; /* nobody has asked for its start yet: nothing of it is told but that it is ready */
    bool is_prepared;  /* told so */
    bool is_ousted;
    bool paused, stop_asked, stop_given, stop_begun, is_abandoning, abandon_begun;
    enum task_departure departure;
    int64_t stop_deadline_ms;
    enum task_state end; /* as the task said it: TASK_STOPPED or TASK_FAILED */
    char *end_trace;
    struct failure failure; /* why it failed; not changed once it is GONE */
    uint32_t tasks;         /* that its connector has */
    enum task_stall stall;  /* as told; the watch's */
    struct unit_question question;
};

extern const struct task_listener task_unit_listener; /* its argument is the unit */

/* The end of a task that nobody uses, and of what was taken for it. */
void task_unit_destroy_task(struct task_unit *unit, struct task *task);
/* The task, to be given back; NULL: there is none (any more). */
struct task *task_unit_borrow(struct task_unit *unit);
void task_unit_give_back(struct task_unit *unit);
/* The same for the watch, which must not hang: whoever is last destroys the task, which calls plugin code, so a job does it. */
void task_unit_give_back_aside(struct task_unit *unit);

/* What a task uses to be stepped; thread: any, lock-free. */
void task_unit_wake(void *unit);
void task_unit_wake_take(void *unit);
void task_unit_wake_drop(void *unit);

/* task_questions.c: struct source_exactly_once of a task; the argument is the unit. */
bool task_unit_run(void *unit, void (*call)(void *), void *call_argument);
enum source_answer task_unit_ask(void *unit, enum task_question question, struct mr_error **error);

/* Why the end that is to be told is FAILED. */
void task_unit_note_failure(struct task_unit *unit, const struct failure *failure);
/* The end, once; the name is free before it is told. false: it was told before, or there is nobody to tell. */
bool task_unit_tell_last(struct task_unit *unit, enum task_state state, const char *trace);
/* It could not be made: the one line in the log about that. A task that fails later logs it itself. */
void task_unit_tell_failed(struct task_unit *unit, enum failure_kind kind, const char *trace, const char *words);
/* The pool holds a reference of the unit, and is a user of the task. */
bool task_unit_step_from_now(struct task_unit *unit, struct task *task, char *why, size_t why_size);
/* Gives a stop on to the task when there is one to give; the watch tries again. */
void task_unit_post_stop(struct task_unit *unit);

#endif
