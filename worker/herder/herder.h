/*
 * herder: the brain of a worker. It compares what the config topic wants with what the executor runs, and serves what
 * REST asks.
 *
 * One thread owns all of its state; everybody else posts to its queue. HERDER_QUEUE_MAX requests may be unanswered; a further
 * one is answered 503 at once. Events of what runs are never refused: one that finds no memory ends the worker. The thread never
 * runs plugin code and never waits for Kafka: both happen on job threads that post back.
 *
 * Requests are answered exactly once, by the reply function, at the latest at their deadline (then 500 "Request timed out…", and
 * the request is not applied later). Reads do not go through the queue: they look at immutable snapshots.
 *
 * Requests for one connector are carried out one after another, in the order of their arrival.
 *
 * Life: _create → _start → … → _stop → _destroy. Before the topics are read (_start), requests are answered 503; while the group is
 * being joined they wait; while another worker leads, changes are answered 409 naming it.
 */
#ifndef HERDER_HERDER_H
#define HERDER_HERDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct config_snapshot;
struct config_store;
struct connector_report;
struct executor_setup;
struct herder;
struct herder_cluster_view;
struct job_pool;
struct leader_link;
struct loader;
struct membership_setup;
struct mr_error;
struct mr_value;
struct offset_entry;
struct offset_store;
struct status_store;
struct status_view;
struct string_map;
struct variables;
struct worker_config;

#define HERDER_QUEUE_MAX 10000
/* Validations, those of new configurations included, and tries run on threads of their own, so many at a time; a further one waits for
 * one to end or for its deadline. One that hangs costs its thread until its deadline, and nobody else anything. */
#define HERDER_VALIDATIONS_MAX 128
#define HERDER_REQUEST_TIMEOUT_MS 90000 /* fixed, as Kafka Connect's */
#define HERDER_SWEEP_MS 5000           /* after a plan was written: a worker's late word may stand behind the tombstones of what is deleted */
#define HERDER_SETTLE_TIMEOUT_MS 60000  /* until what compaction could harm is written again (task_configs.c) */

/* The worker cannot go on: a live JVM worker in the group, no right to the group, no memory for an event. Told once.
 * `had_run`: it had been a member before. `words` live only during the call. thread: the herder's; must only post. */
typedef void herder_failed_fn(void *argument, const char *words, bool had_run);

/* Everything is borrowed and outlives the herder, the set-ups themselves excepted: they are only read by _create. */
struct herder_setup {
    const struct worker_config *worker;
    const struct loader *loader;
    const struct variables *variables; /* for validation; may be NULL */
    struct config_store *configs;      /* its listener and guard are set by the herder: not started yet */
    struct status_store *statuses;
    struct offset_store *offsets;
    const struct executor_setup *executor; /* its listener is filled in by the herder */
    struct job_pool *jobs;
    const struct membership_setup *membership; /* its listener is filled in; NULL: standalone, always the leader */
    const char *worker_id;                     /* host:port as others see it */
    const char *cluster_id;                    /* NULL: not known */
    const struct leader_link *leader_link; /* to other workers; NULL: none, tasks of followers' connectors stay unmade */
    const struct clock *clock;                 /* of the lease; NULL: the real one */
    uint32_t request_timeout_ms;               /* 0: HERDER_REQUEST_TIMEOUT_MS */
    uint32_t settle_timeout_ms;                /* 0: HERDER_SETTLE_TIMEOUT_MS */
    uint32_t sweep_ms;                         /* 0: HERDER_SWEEP_MS */
    herder_failed_fn *failed;                  /* may be NULL */
    void *failed_argument;
};

struct herder *herder_create(const struct herder_setup *setup, struct mr_error **error);
/* Where the id was not known whole at _create (a listener with port 0). Before _start. */
int herder_set_worker_id(struct herder *herder, const char *worker_id, struct mr_error **error);
/* The stores have been read: answers requests, joins the group (or, standalone, leads at once). Does not wait for the group. */
int herder_start(struct herder *herder, struct mr_error **error);
/* Answers what waits with "Worker is shutting down", stops connectors and tasks by the deadline, writes their statuses and
 * leaves the group. false: a plugin call is still inside: do not destroy. Also after a failed or no start. thread: main. */
bool herder_stop(struct herder *herder, int64_t deadline_ms);
/* After _stop, and after the job pool was stopped (its jobs report to the herder). */
void herder_destroy(struct herder *herder);

/* A unit has ended this process, as base/crash.h reports it: the other workers are told. -1: they are not; always standalone. `report` may
 * be added to. thread: any, also while the herder's is stuck. */
int herder_tell_crash(struct herder *herder, struct string_map *report, int64_t deadline_ms, struct mr_error **error);

/* ---- requests: thread any --------------------------------------------------------------------------------- */

/* What a restart is about to restart; REST shows these as RESTARTING, with the traces that the restart takes away. */
struct herder_restart_plan {
    bool connector;
    const uint32_t *tasks;
    size_t task_count;
    const struct status_view *statuses; /* when it was planned; NULL: read now */
};

/* What a request came to, as an HTTP status and, unless it worked, words. Texts live only during the call. */
struct herder_reply {
    int status;          /* 200, 201, 202, 204; 400, 403, 404, 409, 500, 503 */
    const char *message; /* of a failure; also of changed offsets */
    const char *forward_url; /* with 409: the request belongs to the worker with this advertised URL; else NULL */
    bool created;        /* put_connector: it was not there before */
    /* The connector as it is after put_connector, restart with tasks; borrowed during the call; may be NULL. */
    const struct config_snapshot *snapshot;
    const struct herder_restart_plan *restart; /* of a 202 of restart_connector, else NULL */
    const struct offset_entry *offsets;        /* of read_offsets */
    size_t offset_count;
    const struct connector_report *report; /* of validate */
    const char *json; /* of try, letters */
    size_t json_length;
};
/* thread: the herder's, a job's, or the caller's own. Must not wait. NULL where it is asked for: nobody is told. */
typedef void herder_reply_fn(void *argument, const struct herder_reply *reply);

/*
 * May this be done to the connector? Asked in the request's turn, on the worker that carries it out, before anything else is done: what
 * it is shown is what the change is made to, since the requests of one connector are carried out one after another and by one worker.
 * `present`: its configuration now, NULL: it is not there. `next`: what it shall have, whole (a PATCH is merged, "[hidden]" restored but
 * where it must be new: nothing is stored for that, and it is 400); NULL: it is not about the configuration. The argument is the reply's. false: answered 403 with `why`. A request without a guard
 * may do anything, and "[hidden]" is a text like others in it.
 * thread: the herder's. Must not wait.
 */
#define HERDER_WHY_SIZE 1024
typedef bool herder_guard_fn(void *argument, const struct string_map *present, const struct string_map *next,
                             char why[HERDER_WHY_SIZE]);

enum herder_initial_state {
    HERDER_INITIAL_NONE,
    HERDER_INITIAL_RUNNING,
    HERDER_INITIAL_PAUSED,
    HERDER_INITIAL_STOPPED
};

struct herder_put_connector {
    const char *name;
    const struct string_map *config; /* copied; `name` is in it */
    enum herder_initial_state initial_state;
    bool must_be_new; /* POST: 409 when it exists */
    herder_guard_fn *guard;
};
void herder_put_connector(struct herder *herder, const struct herder_put_connector *request, herder_reply_fn *reply,
                          void *argument);
/* PATCH: what is given is put into the present configuration; NULL values remove. */
void herder_patch_connector(struct herder *herder, const char *name, const struct string_map *changes,
                            herder_guard_fn *guard, herder_reply_fn *reply, void *argument);
/* What is wrong with a configuration and all that a form needs to show it (config/connector_report.h). Any worker may; 400 when
 * there is no class, or no such. References are resolved, and what they became is wiped before the reply's end. */
void herder_validate(struct herder *herder, const struct string_map *config, herder_reply_fn *reply, void *argument);
/* What a connector with this configuration would make of records (dry_run/dry_run.h): {"passed","dropped","skipped","failed","records":
 * [reports]}. Any worker may; like a validation: on its threads, with its deadline; 400 also for a record that is none. Everything is
 * copied. Either `records`, JSON texts with a NUL behind each, or a topic. */
#define HERDER_TRY_RECORDS_MAX 100
#define HERDER_TRY_BYTES_MAX (1u << 20)  /* of a topic's records */
#define HERDER_TRY_SHOWN_MAX (8u << 20)  /* what is beyond is cut from the reports */
#define HERDER_TRY_HELD_MAX (64u << 20)  /* bytes of memory of one record's report; the same */
#define HERDER_TRIES_MAX 4               /* at once, as each may take as much; a further one is 503. One that hangs keeps its place */
#define HERDER_TRY_TOPIC_TIMEOUT_MS 20000
struct herder_try {
    const struct string_map *config;
    const char *records;
    size_t records_length;
    const char *topic; /* NULL: records */
    size_t last;
};
void herder_try(struct herder *herder, const struct herder_try *request, herder_reply_fn *reply, void *argument);
/* A connector's dead letters (dead_letters/dead_letters.h, docs/dead-letters.md); the answer is JSON. Any worker may; like a validation: on
 * its threads, with its deadline, by which a replay has stopped between two transactions. 404: no such connector, topic, letter, replay.
 * Everything is copied. Whether the caller may is asked before. */
enum herder_letters_verb {
    HERDER_LETTERS_LIST,
    HERDER_LETTERS_SHOW,
    HERDER_LETTERS_REPLAY,
    HERDER_LETTERS_DISCARD,
    HERDER_LETTERS_FIND_REPLAY
};
struct herder_letters {
    enum herder_letters_verb verb;
    const char *connector;
    const char *selection; /* JSON (dead_letters/selection.h); NULL: all */
    size_t selection_length;
    int32_t partition; /* of SHOW */
    int64_t offset;
    const char *id;      /* of FIND_REPLAY */
    const char *who;     /* for the marks */
    const char *request; /* its id in the audit; NULL: none */
};
void herder_letters(struct herder *herder, const struct herder_letters *request, herder_reply_fn *reply, void *argument);
void herder_delete_connector(struct herder *herder, const char *name, herder_guard_fn *guard, herder_reply_fn *reply,
                             void *argument);
void herder_pause_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument);
void herder_resume_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument);
void herder_stop_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument);
void herder_restart_connector(struct herder *herder, const char *name, bool include_tasks, bool only_failed,
                              herder_reply_fn *reply, void *argument);
void herder_restart_task(struct herder *herder, const char *name, uint32_t task, herder_reply_fn *reply,
                         void *argument);
/* What a connector on another worker wants of its tasks: the internal request of a follower. `made_from`:
 * leader_link.h; may be NULL. 204. */
/* PUT /connectors/{name}/fence: 204 once the producers of the former tasks of a source with exactly once are shut out, and that is written;
 * 409: this worker does not lead, or newer tasks came meanwhile; 501: the brokers never will, whoever asks again. One attempt. */
void herder_fence_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument);
void herder_put_task_configs(struct herder *herder, const char *name, const struct string_map *const *maps, size_t count,
                             const char *made_from, herder_reply_fn *reply, void *argument);
/* Offsets of a connector (KIP-875); of a sink those of its consumer group, in entries of the shape {"kafka_topic",
 * "kafka_partition"}, {"kafka_offset"}, or by time (herder/sink_seek.c); another is 400. They change only while it is STOPPED and when none
 * of its tasks is left; the connector's class is asked first. What they were is kept before, for an undo of the last change: 409 when there
 * is none, or when tasks have run since. The last of equal partitions counts: there should be one of each. The values are copied. */
enum herder_offsets_verb { HERDER_OFFSETS_ALTER, HERDER_OFFSETS_RESET, HERDER_OFFSETS_UNDO };
struct herder_offsets {
    enum herder_offsets_verb verb;
    const char *connector;
    const struct offset_entry *changes; /* of ALTER */
    size_t count;
    bool is_without_undo; /* what is changed cannot be undone, and neither can what was before */
    herder_guard_fn *guard;
};
void herder_change_offsets(struct herder *herder, const struct herder_offsets *request, herder_reply_fn *reply, void *argument);
/* What that would change, as JSON (docs/offsets.md). Nothing is changed, the connector not asked, the guard neither; in any state, by any
 * worker. */
void herder_try_offsets(struct herder *herder, const struct herder_offsets *request, herder_reply_fn *reply, void *argument);
/* The partitions that an undo of the last change would set; none where there is no undo. -1: no memory, or `each` has ended it. thread: any. */
typedef int herder_partition_fn(void *argument, const struct mr_value *partition);
int herder_each_undone(const struct herder *herder, const char *connector, herder_partition_fn *each, void *argument);
/* What is committed, in any state, by any worker. An unknown connector has none. */
void herder_read_offsets(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument);
/* Writes the level for all workers of the cluster: 204 when it was read back. Any worker may. */
void herder_set_logger_level(struct herder *herder, const char *logger, const char *level, herder_reply_fn *reply,
                             void *argument);
/* Only in a cluster. Hands over all that this worker runs; it stays a member without work, and leads if it leads, until told otherwise:
 * 204 when nothing is left here, 202 when something still is at the deadline (herder_cluster_view tells what). While nobody else takes
 * work it stops here and is UNASSIGNED, and a warning says so. With `drains` false it takes work again: 204 when the others can read it.
 * The wish ends with the process. 409: the opposite was asked meanwhile. */
void herder_drain(struct herder *herder, bool drains, herder_reply_fn *reply, void *argument);
/* How the worker stands, and whether the control thread turns: of atomics alone, so that it answers while everything else hangs. */
enum herder_standing {
    HERDER_STANDS_READY,
    HERDER_STANDS_READING,    /* the internal topics are being read */
    HERDER_STANDS_JOINING,    /* not yet a member of the group */
    HERDER_STANDS_ALONE,      /* the group was lost; it comes back by itself */
    HERDER_STANDS_BEHIND,     /* a member that reads the topics to their end before it acts */
    HERDER_STANDS_UNLEASED,   /* a member by its own account, but the brokers have not confirmed it in time: its tasks wait */
    HERDER_STANDS_LEAVING,
};
struct herder_pulse {
    enum herder_standing standing;
    int64_t late_ms; /* for how long the control thread has had something to do, or done one thing; 0: it waits */
};
void herder_take_pulse(const struct herder *herder, struct herder_pulse *pulse); /* thread: any. locks: none */
/* Answered by the herder's own thread: shows that it turns. 200, 503 starting, 500 with the stage it is in. */
void herder_ask_health(struct herder *herder, herder_reply_fn *reply, void *argument);

/* ---- reads: thread any, nothing waits ----------------------------------------------------------------------- */

/* false: the internal topics are not read yet; lists are answered 503, never []. */
bool herder_is_ready(const struct herder *herder);
/* A reference; never NULL once ready. Drop it with config_snapshot_drop. */
struct config_snapshot *herder_configs(const struct herder *herder);
struct status_store *herder_statuses(const struct herder *herder);
const struct loader *herder_loader(const struct herder *herder);
const struct worker_config *herder_worker(const struct herder *herder);
/* The id of this worker while it runs nothing (it joins, stands by, or has lost the group), else NULL. A status that it wrote
 * itself and that says RUNNING, PAUSED or RESTARTING is then no longer true, also where the topic cannot be told: REST shows
 * UNASSIGNED, as after an orderly stop. */
const char *herder_idle_worker_id(const struct herder *herder);
/* Tells this run of the worker from others under its URL; NULL: standalone. */
const char *herder_boot_id(const struct herder *herder);
/* false: a standalone worker; it has no view. */
bool herder_has_cluster(const struct herder *herder);
/* The cluster as this worker knows it (herder/cluster_view.h). Costs the reading of all records of the cluster. Free with _destroy.
 * NULL: no memory. */
struct herder_cluster_view *herder_cluster_view(const struct herder *herder);
void herder_cluster_view_destroy(struct herder_cluster_view *view);
const char *herder_cluster_id(const struct herder *herder); /* "" when not known (standalone without a broker) */

#endif
