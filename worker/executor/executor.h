/*
 * executor: runs connectors and tasks on this worker, knowing nothing of the cluster.
 *
 * It takes commands and answers by events (executor_listener); nothing here waits. This is the isolation seam: what is
 * said through it would fit through a socket as well.
 *
 * A connector instance lives on job threads (executor/job_pool.h), its calls one after another with a deadline each; one
 * that hangs is FAILED and costs its thread. A task is stepped by the pool (executor/step_pool.h). Building a task (finding plugins,
 * creating converters and transforms) happens on a job thread as well: whatever goes wrong there ends as FAILED with words.
 *
 * A unit is told about by its name (connector) or name and number (task). At most one instance of a unit exists: starting one
 * that is still there is a bug of the caller, who waits for STOPPED or FAILED of the former first. An abandoned one no longer
 * counts, nor does one that was only prepared.
 *
 * thread: commands from any thread (in practice the herder's). locks: none is held while a listener is called.
 */
#ifndef EXECUTOR_EXECUTOR_H
#define EXECUTOR_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/task.h"

struct clock;
struct executor;
struct graveyard;
struct job_pool;
struct lease;
struct loader;
struct metrics_registry;
struct mr_error;
struct mr_offset_changes;
struct offset_store;
struct producer_pool;
struct quarantine;
struct string_map;
struct variables;
struct worker_config;

enum connector_target { CONNECTOR_TARGET_STARTED, CONNECTOR_TARGET_PAUSED, CONNECTOR_TARGET_STOPPED };

enum connector_state {
    CONNECTOR_RUNNING, /* start() has worked */
    CONNECTOR_PAUSED,  /* created, or stopped by a pause: the instance stays */
    CONNECTOR_STOPPED, /* stopped by target STOPPED: the instance stays */
    CONNECTOR_FAILED,  /* the instance is gone */
    CONNECTOR_ENDED    /* by executor_end_connector: the instance is gone */
};

/* Texts and maps live only during the call. thread: any of the executor's, or the one that gave the command; must only post.
 * Of every instance that was started one end is told, FAILED or ENDED; before it, a start and a target are answered by a state.
 * A command for a connector whose end is told already, or just being told, is answered by nothing else. A request for task
 * configurations is answered by those or a trace, the start of a task by its end at the latest. */
struct executor_listener {
    /* `trace` with FAILED, and with RUNNING where there is something to know (quarantine.h); `version` is the plugin's, may be NULL. */
    void (*on_connector_state)(void *argument, const char *connector, enum connector_state state, const char *trace,
                               const char *version);
    /* The answer to executor_request_task_configs: one map a task, with task.class (and topics of a sink) added. On failure
     * `configs` is NULL, `trace` says why; `is_too_many`: more than tasks.max, which fails the connector. */
    void (*on_task_configs)(void *argument, const char *connector, uint64_t token, struct string_map *const *configs,
                            size_t count, const char *trace, bool is_too_many);
    /* The connector asks for its tasks to be computed anew. */
    void (*on_reconfiguration)(void *argument, const char *connector);
    /* Values that the connector's configuration refers to (${provider:path:key}) are not those any more that it runs with, and
     * its config.action.reload is not none. Told again after a while as long as that is so. */
    void (*on_values_changed)(void *argument, const char *connector);
    /* What kind of failure it is (base/failure.h), right before the FAILED of a connector (`task` -1) or a task. NULL: nobody wants
     * to know. */
    void (*on_failure)(void *argument, const char *connector, int64_t task, const struct failure *failure);
    /* A task that runs does not do what it should, in words; TASK_STALL_NONE: it does again. NULL: nobody wants to know. */
    void (*on_task_stall)(void *argument, const char *connector, uint32_t task, enum task_stall stall, const char *words,
                          bool has_progressed);
    /* RUNNING, PAUSED, STOPPED, FAILED of task.h; `trace` as above, and "abandoned" with STOPPED where its plugin did not let go. */
    void (*on_task_state)(void *argument, const char *connector, uint32_t task, enum task_state state,
                          const char *trace, const char *version);
    /* As ready as it will be before its start: once after executor_prepare_task, unless it is dropped. */
    void (*on_task_prepared)(void *argument, const char *connector, uint32_t task);
    void (*on_topic)(void *argument, const char *connector, uint32_t task, const char *topic);
    /* A task with exactly once asks (enum task_question); executor_answer_task with the same token answers. A question that is not
     * asked any more is answered in vain. Never called for other tasks; NULL: nobody answers, such tasks fail. */
    void (*on_task_asks)(void *argument, const char *connector, uint32_t task, enum task_question question, uint64_t token);
};

/* A connector's values, read anew, are others: it will run with those. `raw` names them and holds none. thread: any; must only post. */
typedef void executor_refreshed_fn(void *argument, const char *connector, const struct string_map *raw);

/* Borrowed; outlives the executor. */
struct executor_setup {
    executor_refreshed_fn *refreshed; /* NULL: nobody wants to know */
    void *refreshed_argument;
    const struct loader *loader;
    const struct worker_config *worker;
    const struct variables *variables; /* resolves references in configurations; NULL: they stay text */
    struct offset_store *offsets;
    struct producer_pool *producers;
    struct graveyard *graveyard;
    struct job_pool *jobs;
    const struct lease *lease;
    const struct clock *clock;
    const _Atomic uint32_t *topics_epoch; /* when it has changed tasks tell their topics again; NULL: never */
    struct quarantine *quarantine; /* units not to be started; NULL: none */
    struct metrics_registry *metrics; /* where instances are shown; NULL: nowhere */
    const struct executor_listener *listener;
    void *listener_argument;
};

/* Of the time to stop, what tasks do not get. */
#define EXECUTOR_STOP_RESERVE_MS 2000

struct executor *executor_create(const struct executor_setup *setup, struct mr_error **error);
/* Stops everything that runs by the deadline (tasks with TASK_DEPARTURE_STAY, all at once, then connectors); what hangs is
 * abandoned. false: some plugin call is still inside: the executor must then not be destroyed, the process ends soon.
 * May be called again. thread: one. */
bool executor_stop(struct executor *executor, int64_t deadline_ms);
void executor_destroy(struct executor *executor);

/* Connectors. `config` is the raw text of the config topic; it is copied. -1: no memory or the job queue is full: nothing
 * will come. */
int executor_start_connector(struct executor *executor, const char *connector, const struct string_map *config,
                             enum connector_target target, struct mr_error **error);
/* Resuming a connector starts the same instance again. A call that takes longer than the worker's call_timeout_ms
 * (EXECUTOR_STOP_TIMEOUT_MS for stop) fails the connector. One that is still inside another call may be ended all the same. */
#define EXECUTOR_STOP_TIMEOUT_MS 5000
void executor_set_connector_target(struct executor *executor, const char *connector, enum connector_target target);
void executor_end_connector(struct executor *executor, const char *connector);
void executor_request_task_configs(struct executor *executor, const char *connector, uint64_t token);

/* Asks the connector (its class, with `config`) whether its offsets may be changed so; no instance is called. *handled: it has
 * looked at or dealt with the change itself. -1: it refused, or there is no such class. thread: job; calls plugin code: may
 * take any time. */
int executor_alter_offsets(const struct executor *executor, const struct string_map *config,
                           const struct mr_offset_changes *changes, bool *handled, struct mr_error **error);

/* The offsets of a sink connector are those of its consumer group, on the cluster that its clients are configured for: asked with an
 * admin client of its own, which the override policy must allow. Each waits until the answer or the deadline. -1: MR_ERR_CONNECT,
 * with a sentence that names the connector. thread: job. */
struct executor_group {
    const char *connector;
    const struct string_map *config; /* raw */
    int64_t deadline_ms;
};
struct executor_group_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;  /* of the next record */
    bool is_removed; /* instead of an offset */
};
/* The topic lives during the call. -1 ends the reading. */
typedef int executor_group_offset_fn(void *argument, const struct executor_group_offset *offset, struct mr_error **error);
/* By topic and partition; none of a group that does not exist. */
int executor_read_group_offsets(const struct executor *executor, const struct executor_group *of,
                                executor_group_offset_fn *each, void *argument, struct mr_error **error);
/* One of each partition. Fails while the group has members. Not all or nothing: where Kafka refuses one partition, others may
 * have changed. */
int executor_alter_group_offsets(const struct executor *executor, const struct executor_group *of,
                                 const struct executor_group_offset *offsets, size_t count, struct mr_error **error);
/* With all of its offsets; 0 also when there is none. Fails while it has members. */
int executor_delete_group(const struct executor *executor, const struct executor_group *of, struct mr_error **error);

/* Where times are in topics, as the same cluster has them. */
#define EXECUTOR_EARLIEST (-2)      /* a partition's beginning */
#define EXECUTOR_LATEST (-1)        /* its end: the offset that the next record will have */
#define EXECUTOR_ALL_PARTITIONS (-1)
struct executor_seek {
    const char *topic;
    int32_t partition; /* of those that are named there is one of each; or all */
    int64_t time_ms;   /* since 1970, or one of the two */
};
/* Tells the offset of the first record with that time or a later one, or the end, for each partition of each. -1: MR_ERR_CONFIG: such a topic
 * or partition is not there, or MR_ERR_CONNECT; what was told does not count then. */
typedef int executor_seek_fn(void *argument, size_t seek, const struct executor_group_offset *offset, struct mr_error **error);
int executor_seek(const struct executor *executor, const struct executor_group *of, const struct executor_seek *seeks, size_t count,
                  executor_seek_fn *each, void *argument, struct mr_error **error);
struct executor_bounds {
    const char *topic;
    int32_t partition;
    int64_t begin, end; /* the answer; -1 both: it is not there */
};
/* One of each partition. *starts_at_end: the connector's consumers begin at the end where they have no offset. */
int executor_find_bounds(const struct executor *executor, const struct executor_group *of, struct executor_bounds *bounds, size_t count,
                         bool *starts_at_end, struct mr_error **error);

/* The producers of tasks 0 … count-1 of a source connector with exactly once are shut out, whichever worker runs them (KIP-618). Its
 * configuration is raw. 0: they are; -1: maybe some, words name the id: MR_ERR_NOT_SUPPORTED: the brokers never will; MR_ERR_CONFLICT: why_not
 * gave words, and it went no further. thread: job; waits. */
struct executor_fence {
    const char *connector;
    const struct string_map *config;
    uint32_t count;
    int64_t deadline_ms;
    const char *(*why_not)(void *argument); /* asked meanwhile; NULL: never. It gives NULL to go on */
    void *argument;
};
int executor_shut_out_producers(const struct executor *executor, const struct executor_fence *fence, struct mr_error **error);

/* Tasks. */
struct executor_task {
    const char *connector;
    uint32_t number;
    const struct string_map *connector_config;
    const struct string_map *task_config;
    bool paused;
    uint32_t tasks; /* that the connector has, all workers together: what a rate is divided by; 0 counts as 1 */
};
/* Building one (providers, clients, dead letter topic) takes at most EXECUTOR_BUILD_TIMEOUT_MS. */
#define EXECUTOR_BUILD_TIMEOUT_MS 60000
int executor_start_task(struct executor *executor, const struct executor_task *task, struct mr_error **error);
/* Makes ready what this worker may soon have to start, while it still runs elsewhere: the task is built, its clients connect, its
 * plugin prepares. Nothing of it is shown or written, and nothing told but that it is ready, even when it failed: then the start
 * makes it anew. The next executor_start_task of the unit goes on from there; it comes with the same configurations, or after
 * executor_drop_prepared_task, which ends it without a word. */
int executor_prepare_task(struct executor *executor, const struct executor_task *task, struct mr_error **error);
void executor_drop_prepared_task(struct executor *executor, const char *connector, uint32_t task);
void executor_set_task_paused(struct executor *executor, const char *connector, uint32_t task, bool paused);
/* Ends as STOPPED or FAILED; past the deadline the task is abandoned and told as STOPPED. */
void executor_stop_task(struct executor *executor, const char *connector, uint32_t task, enum task_departure departure,
                        int64_t deadline_ms);

/* The answer to on_task_asks: yes (`failure` NULL), or the task fails for good with these words (MR_ERR_FENCED etc.: its code says the
 * kind of failure). What is to be tried again, or belongs to a successor, is not answered at all: the task waits until it is stopped. */
void executor_answer_task(struct executor *executor, const char *connector, uint32_t task, uint64_t token,
                          const struct mr_error *failure);

/* Another worker runs the task by now: it does nothing outside any more. It stays until it is stopped, which is the next to come. */
void executor_oust_task(struct executor *executor, const char *connector, uint32_t task);

/* Somebody wishes these units to start in spite of what they did (quarantine.h). `task` < 0: the connector itself; `with_tasks`: and
 * all of its tasks. Before they are started. */
void executor_forgive(struct executor *executor, const char *connector, int64_t task, bool with_tasks);

#endif
