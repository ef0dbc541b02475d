/*
 * units_internal: what the herder knows of each connector and its tasks on this worker. thread: herder.
 *
 * A herder_connector exists while the config topic has the connector, while something of it still runs here, or while a request
 * for its name waits; reconciling frees it otherwise.
 */
#ifndef HERDER_UNITS_INTERNAL_H
#define HERDER_UNITS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fingerprint.h"
#include "executor/executor.h"
#include "herder/herder_internal.h"
#include "herder/recovery_internal.h"
#include "store/status_store.h"

struct herder_request;

/* In STARTING, CHANGING and ENDING the executor owes an event. Only an end may be asked for before it has come. */
enum connector_phase {
    CONNECTOR_GONE,     /* no instance */
    CONNECTOR_STARTING, /* executor_start_connector was called */
    CONNECTOR_UP,
    CONNECTOR_CHANGING, /* executor_set_connector_target was called */
    CONNECTOR_ENDING,   /* executor_end_connector was called */
    CONNECTOR_BROKEN    /* FAILED; no instance; stays until a restart or a new configuration */
};

enum task_phase {
    TASK_PHASE_GONE,
    TASK_PHASE_UP,       /* executor_start_task was called; may be starting, running, paused */
    TASK_PHASE_STOPPING, /* executor_stop_task was called */
    TASK_PHASE_BROKEN    /* FAILED */
};

/* In a cluster: what the status topic was told last of a unit that is well, to be said again when another's late word stands there. */
struct unit_word {
    bool is_said; /* false: nothing, or of a unit that is not well */
    enum unit_state state;
    char *trace, *version; /* or NULL */
};

struct herder_task {
    enum task_phase phase;
    struct unit_word word;
    bool told_paused;
    bool restart;       /* end this instance, then start a new one */
    bool announce;      /* write RESTARTING in between */
    bool is_prepared;   /* GONE; the executor was asked to prepare it, with `print` */
    bool is_ready;      /* as far as it will be before its start */
    bool was_abandoned; /* its last instance: a plugin call may still be inside */
    uint64_t print;     /* of the configurations it was started with */
    uint64_t wanted_print;
    int64_t commit;        /* the record of those: config_snapshot_tasks_offset */
    uint64_t subscription; /* print of the topics it was started with */
    int64_t not_before_ms; /* no start before */
    struct recovery recovery;
};

struct herder_connector {
    char *name;
    bool is_dirty;
    struct herder_connector *next_dirty;

    enum connector_phase phase;
    struct unit_word word;
    enum connector_target told;
    bool is_running;     /* UP and start() has worked */
    char *plugin_version; /* of the instance that runs; NULL: not known */
    bool has_too_many;   /* runs, but is shown FAILED: taskConfigs made more than tasks.max */
    bool restart;        /* end the instance, then start a new one */
    bool announce;       /* write RESTARTING in between */
    bool was_removed;    /* deleted; its statuses are still to be removed */
    uint64_t version;    /* counts changes of the configuration */
    char started_with[FINGERPRINT_SIZE]; /* that configuration; "": never started */
    struct herder_timer timer; /* look again */
    struct recovery recovery;  /* of the connector itself */

    struct herder_task *tasks;
    uint32_t task_count; /* entries, also of tasks that are going */
    int64_t prints_of;   /* the task generation of wanted_print; -1: none */

    /* Task configurations. */
    bool reconfigure; /* ask for them */
    bool is_asked;    /* the executor owes an answer with this token */
    uint64_t token;
    int64_t retry_at_ms, retry_ms;
    int64_t mend_at_ms; /* when what the topic holds of them is written anew unless it is settled by then; 0: it is */
    bool must_mend;     /* write the answer also when it is what the topic holds */

    /* Requests in order; the first may have begun. */
    struct herder_request *first_request, *last_request;
    bool is_advancing;
};

struct herder_connector *units_find(struct herder *herder, const char *name);           /* NULL: none */
struct herder_connector *units_find_or_create(struct herder *herder, const char *name); /* NULL: no memory */
void units_free(void *connector);
/* Makes room for tasks 0 … count-1. false: no memory. */
bool units_have_tasks(struct herder_connector *connector, uint32_t count);
bool units_task_is_up(const struct herder_task *task);
void unit_word_release(struct unit_word *word); /* empty afterwards */

/* Has the connector reconciled before the herder sleeps again. */
void units_mark(struct herder *herder, struct herder_connector *connector);
void units_mark_all(struct herder *herder);
/* At the latest then. */
void units_mark_at(struct herder *herder, struct herder_connector *connector, int64_t when_ms);

/* ---- reconcile.c ---- */
/* Every marked connector: starts, changes, stops what differs from the config topic. */
void reconcile_marked(struct herder *herder);

/* ---- task_configs.c ---- */
struct config_snapshot;
void task_configs_want(struct herder *herder, struct herder_connector *connector);
void task_configs_reconcile(struct herder *herder, struct herder_connector *connector,
                            const struct config_snapshot *snapshot);
/* The executor's answer. */
struct task_configs_answer {
    uint64_t token;
    struct string_map **maps; /* may be taken: then NULL */
    size_t count;
    const char *trace; /* of a failure */
    bool is_too_many;
};
void task_configs_answered(struct herder *herder, struct herder_connector *connector,
                           struct task_configs_answer *answer);

/* ---- status.c ---- */
void status_of_connector(struct herder *herder, const char *connector, enum unit_state state, const char *trace,
                         const char *version);
void status_of_task(struct herder *herder, const char *connector, uint32_t task, enum unit_state state,
                    const char *trace, const char *version);
/* While this worker leads: says of each unit that nobody runs why not, once. */
void status_of_unassigned(struct herder *herder);
/* A worker that was away may say at last what became of a unit that was taken from it, after the word of who has it now. Whoever was given
 * it says its own once more. Nobody answers that: a worker without the unit is silent. */
void status_say_again(struct herder *herder);
/* Tombstones for what no connector or task stands behind any more. false: some of it is still being stopped. */
bool status_sweep(struct herder *herder, const struct config_snapshot *snapshot);
/* Is there a status of a connector that the config topic does not hold? */
bool status_has_strangers(struct herder *herder, const struct config_snapshot *snapshot);
/* After a deletion: all of them, or, where the name was created anew, its topics. */
void status_of_removed(struct herder *herder, const char *connector, bool exists_again);

#endif
