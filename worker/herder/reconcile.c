/*
 * Level-triggered: nothing here remembers what was asked for, only what runs. Each pass compares one connector with the snapshot
 * and gives at most one command to the connector and to each task; the event that answers marks the connector for the next
 * pass. Doing it twice changes nothing.
 */
#include "herder/units_internal.h"

#include <millrace/error.h>
#include <string.h>

#include "base/fingerprint.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/pointer_map.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/worker_config.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"
#include "loader/loader.h"
#include "metrics/registry.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define START_RETRY_MS 1000 /* the executor could not take a start: no memory, job queue full */

/* What the config topic wants of one connector now. */
struct wish {
    const struct config_snapshot *snapshot;
    bool exists;  /* in the topic */
    bool may_run; /* this worker starts and stops units now */
    bool has_connector; /* it is to run here */
    enum target_state target;
    uint32_t task_count; /* in the cluster */
};

static struct wish wish_of(const struct herder *herder, const struct config_snapshot *snapshot, const char *name)
{
    struct wish wish = {.snapshot = snapshot,
                        .exists = config_snapshot_has(snapshot, name),
                        .may_run = herder_may_run(herder)};

    wish.target = config_snapshot_target(snapshot, name);
    wish.has_connector = wish.exists && wish.may_run && duty_has(herder, name, UNIT_IS_CONNECTOR);
    if (wish.exists && wish.may_run && wish.target != TARGET_STOPPED)
        wish.task_count = config_snapshot_task_count(snapshot, name);
    return wish;
}

static enum connector_target executor_target(enum target_state target)
{
    if (target == TARGET_PAUSED)
        return CONNECTOR_TARGET_PAUSED;
    return target == TARGET_STOPPED ? CONNECTOR_TARGET_STOPPED : CONNECTOR_TARGET_STARTED;
}

/* --- the connector ---------------------------------------------------------------------------------------------- */

static void start_connector(struct herder *herder, struct herder_connector *connector, const struct wish *wish)
{
    const struct string_map *config = config_snapshot_config(wish->snapshot, connector->name);
    struct mr_error *error = NULL;

    if (connector->announce)
        status_of_connector(herder, connector->name, UNIT_RESTARTING, NULL, NULL);
    connector->announce = connector->restart = connector->has_too_many = false;
    connector->told = executor_target(wish->target);
    fingerprint(config, connector->started_with);
    if (executor_start_connector(herder->executor, connector->name, config, connector->told, &error) == 0) {
        connector->phase = CONNECTOR_STARTING;
        recovery_unit_started(herder, connector, -1);
        return;
    }
    log_warn(HERDER_LOG, "connector %s could not be started now: %s", connector->name, mr_error_message(error));
    mr_error_drop(error);
    connector->phase = CONNECTOR_GONE;
    units_mark_at(herder, connector, herder_now_ms() + START_RETRY_MS);
}

/* Also while it starts or changes, which may take for ever. What that comes to is of no interest then. */
static bool may_be_ended(const struct herder_connector *connector)
{
    return connector->phase == CONNECTOR_UP || connector->phase == CONNECTOR_STARTING ||
           connector->phase == CONNECTOR_CHANGING;
}

static void end_connector(struct herder *herder, struct herder_connector *connector)
{
    connector->phase = CONNECTOR_ENDING;
    connector->is_running = false;
    executor_end_connector(herder->executor, connector->name);
}

/* BROKEN stays as it is, but for a restart, a new configuration, and a stop, which works from there too (once: told says so). */
static bool broken_may_start(const struct herder_connector *connector, const struct wish *wish)
{
    return connector->restart || (wish->target == TARGET_STOPPED && connector->told != CONNECTOR_TARGET_STOPPED);
}

static void reconcile_wanted_connector(struct herder *herder, struct herder_connector *connector,
                                       const struct wish *wish)
{
    enum connector_target target = executor_target(wish->target);

    if (connector->phase == CONNECTOR_BROKEN)
        recovery_look(herder, connector, -1, wish->target == TARGET_STARTED, &connector->restart, &connector->announce);
    if (connector->phase == CONNECTOR_GONE) {
        start_connector(herder, connector, wish);
    } else if (connector->phase == CONNECTOR_BROKEN && broken_may_start(connector, wish)) {
        if (connector->restart)
            status_of_connector(herder, connector->name, UNIT_UNASSIGNED, NULL, NULL);
        start_connector(herder, connector, wish);
    } else if (connector->restart && may_be_ended(connector)) {
        end_connector(herder, connector);
    } else if (connector->phase == CONNECTOR_UP && connector->told != target) {
        connector->phase = CONNECTOR_CHANGING;
        connector->told = target;
        connector->is_running = false;
        executor_set_connector_target(herder->executor, connector->name, target);
    }
}

static void reconcile_unwanted_connector(struct herder *herder, struct herder_connector *connector)
{
    if (may_be_ended(connector)) {
        end_connector(herder, connector);
    } else if (connector->phase == CONNECTOR_BROKEN) {
        status_of_connector(herder, connector->name, UNIT_UNASSIGNED, NULL, NULL);
        connector->phase = CONNECTOR_GONE;
    }
    if (connector->phase == CONNECTOR_GONE)
        connector->restart = connector->announce = connector->has_too_many = false;
    recovery_forget(&connector->recovery);
}

/* --- tasks ------------------------------------------------------------------------------------------------------ */

/* The same for maps that are equal, whatever the order of their entries. */
static uint64_t map_print(const struct string_map *map, uint64_t seed)
{
    uint64_t print = seed;

    for (size_t i = 0; map != NULL && i < string_map_count(map); i++) {
        const char *key = string_map_key(map, i), *value = string_map_value(map, i);
        uint64_t hash = hash_bytes(key, strlen(key), seed);

        print += value != NULL ? hash_bytes(value, strlen(value), hash) : ~hash;
    }
    return hash_bytes(&print, sizeof(print), seed);
}

/* What the members of a sink's group must agree on. */
static uint64_t subscription_print(const struct herder *herder, const struct string_map *config)
{
    uint64_t print = herder->print_seed;

    for (size_t i = 0; config != NULL && i < string_map_count(config); i++) {
        const char *key = string_map_key(config, i), *value = string_map_value(config, i);

        if (value != NULL && (strcmp(key, "topics") == 0 || strcmp(key, "topics.regex") == 0))
            print += hash_bytes(value, strlen(value), hash_bytes(key, strlen(key), herder->print_seed));
    }
    return print;
}

/* Tasks run with the connector's configuration at the time of their commit: the pair that belongs together. */
static const struct string_map *config_of_tasks(const struct wish *wish, const char *name)
{
    const struct string_map *applied = config_snapshot_applied(wish->snapshot, name);

    return applied != NULL ? applied : config_snapshot_config(wish->snapshot, name);
}

static bool has_rate(const struct string_map *config)
{
    return config != NULL &&
           (string_map_has(config, CONNECTOR_RATE_RECORDS) || string_map_has(config, CONNECTOR_RATE_BYTES));
}

static bool is_source(const struct herder *herder, const struct string_map *config)
{
    const struct loader_plugin *plugin = NULL;
    struct mr_error *error = NULL;
    bool is = config != NULL && connector_config_plugin(herder_loader(herder), config, &plugin, &error) == 0 &&
              plugin->kind == MR_PLUGIN_SOURCE;

    mr_error_drop(error);
    return is;
}

/* With exactly once a commit is followed by a fencing round, which shuts all of the former tasks out: none can stay as it is. */
static bool is_renewed_by_each_commit(const struct herder *herder, const struct string_map *config)
{
    return config != NULL && connector_wants_exactly_once(config, herder->setup.worker) && is_source(herder, config);
}

/* Only after a commit: prints are the costly part of looking. */
static void renew_prints(struct herder *herder, struct herder_connector *connector, const struct wish *wish)
{
    int64_t generation = config_snapshot_task_generation(wish->snapshot, connector->name);
    uint64_t seed;

    if (generation == connector->prints_of && generation >= 0)
        return;
    seed = map_print(config_of_tasks(wish, connector->name), herder->print_seed);
    if (has_rate(config_of_tasks(wish, connector->name))) /* each task has its part of it */
        seed += wish->task_count;
    if (is_renewed_by_each_commit(herder, config_of_tasks(wish, connector->name)))
        seed += (uint64_t)config_snapshot_tasks_offset(wish->snapshot, connector->name) + 1;
    for (uint32_t i = 0; i < wish->task_count; i++)
        connector->tasks[i].wanted_print =
            map_print(config_snapshot_task(wish->snapshot, connector->name, i), seed);
    connector->prints_of = generation;
}

static struct executor_task executor_task_of(const struct herder_connector *connector, uint32_t number, const struct wish *wish)
{
    return (struct executor_task){
        .connector = connector->name,
        .number = number,
        .connector_config = config_of_tasks(wish, connector->name),
        .task_config = config_snapshot_task(wish->snapshot, connector->name, number),
        .paused = wish->target == TARGET_PAUSED,
        .tasks = wish->task_count,
    };
}

static void drop_prepared(struct herder *herder, struct herder_connector *connector, uint32_t number)
{
    struct herder_task *task = &connector->tasks[number];

    if (task->is_prepared)
        executor_drop_prepared_task(herder->executor, connector->name, number);
    task->is_prepared = task->is_ready = false;
}

/* It runs elsewhere and is to come here. Nothing but time is lost where it could not be prepared. */
static void prepare_task(struct herder *herder, struct herder_connector *connector, uint32_t number,
                         const struct wish *wish)
{
    struct herder_task *task = &connector->tasks[number];
    struct executor_task prepared = executor_task_of(connector, number, wish);
    struct mr_error *error = NULL;

    if (task->is_prepared && task->print == task->wanted_print)
        return;
    drop_prepared(herder, connector, number);
    task->print = task->wanted_print;
    task->is_prepared = true;
    if (executor_prepare_task(herder->executor, &prepared, &error) == 0)
        return;
    log_debug(HERDER_LOG, "task %s-%u could not be prepared: %s", connector->name, number, mr_error_message(error));
    mr_error_drop(error);
    task->is_ready = true; /* tried once */
    duty_report_later(herder);
}

static void start_task(struct herder *herder, struct herder_connector *connector, uint32_t number,
                       const struct wish *wish)
{
    struct herder_task *task = &connector->tasks[number];
    struct executor_task started = executor_task_of(connector, number, wish);
    struct mr_error *error = NULL;

    if (task->not_before_ms > herder_now_ms()) {
        units_mark_at(herder, connector, task->not_before_ms);
        return;
    }
    if (task->print != task->wanted_print)
        drop_prepared(herder, connector, number);
    if (task->announce)
        status_of_task(herder, connector->name, number, UNIT_RESTARTING, NULL, NULL);
    task->announce = task->restart = false;
    task->told_paused = started.paused;
    task->print = task->wanted_print;
    task->commit = config_snapshot_tasks_offset(wish->snapshot, connector->name);
    task->subscription = subscription_print(herder, started.connector_config);
    if (executor_start_task(herder->executor, &started, &error) == 0) {
        recovery_unit_started(herder, connector, number);
        task->is_prepared = task->is_ready = false;
        task->phase = TASK_PHASE_UP;
        return;
    }
    log_warn(HERDER_LOG, "task %s-%u could not be started now: %s", connector->name, number, mr_error_message(error));
    mr_error_drop(error);
    task->not_before_ms = herder_now_ms() + START_RETRY_MS;
    units_mark_at(herder, connector, task->not_before_ms);
}

static void stop_task(struct herder *herder, struct herder_connector *connector, uint32_t number,
                      enum task_departure departure)
{
    connector->tasks[number].phase = TASK_PHASE_STOPPING;
    executor_stop_task(herder->executor, connector->name, number, departure,
                       herder_now_ms() + herder->setup.worker->task_shutdown_timeout_ms);
}

/* A static member that comes back with other topics gets its old partitions: the broker compares protocol names only. So
 * whoever changes its subscription leaves the group first. */
static enum task_departure departure_for_restart(const struct herder *herder, const struct herder_connector *connector,
                                                 const struct herder_task *task, const struct wish *wish)
{
    bool same = task->subscription == subscription_print(herder, config_of_tasks(wish, connector->name));

    return same ? TASK_DEPARTURE_STAY : TASK_DEPARTURE_LEAVE;
}

static void reconcile_wanted_task(struct herder *herder, struct herder_connector *connector, uint32_t number,
                                  const struct wish *wish)
{
    struct herder_task *task = &connector->tasks[number];
    bool paused = wish->target == TARGET_PAUSED, is_changed = task->print != task->wanted_print, is_new;

    if (task->phase == TASK_PHASE_BROKEN || task->phase == TASK_PHASE_UP)
        recovery_look(herder, connector, number, !paused && !is_changed, &task->restart, &task->announce);
    is_new = task->restart || is_changed;
    if (task->phase == TASK_PHASE_GONE || (task->phase == TASK_PHASE_BROKEN && is_new)) {
        start_task(herder, connector, number, wish);
    } else if (task->phase == TASK_PHASE_UP && is_new) {
        stop_task(herder, connector, number, departure_for_restart(herder, connector, task, wish));
    } else if (task->phase == TASK_PHASE_UP && task->told_paused != paused) {
        task->told_paused = paused;
        executor_set_task_paused(herder->executor, connector->name, number, paused);
    }
}

/* Gone for good (fewer tasks, stopped, deleted), or only not ours to run any more. */
static void reconcile_unwanted_task(struct herder *herder, struct herder_connector *connector, uint32_t number,
                                    const struct wish *wish)
{
    struct herder_task *task = &connector->tasks[number];
    bool is_removed = number >= wish->task_count;
    bool has_ended_itself = task->phase == TASK_PHASE_GONE && task->not_before_ms != 0; /* no end of it will be told any more */

    task->restart = task->announce = false;
    task->not_before_ms = 0;
    recovery_forget(&task->recovery);
    if (has_ended_itself && is_removed && wish->may_run && wish->exists)
        status_of_task(herder, connector->name, number, UNIT_DESTROYED, NULL, NULL);
    if (task->phase == TASK_PHASE_UP) {
        stop_task(herder, connector, number, wish->may_run && is_removed ? TASK_DEPARTURE_LEAVE : TASK_DEPARTURE_STAY);
    } else if (task->phase == TASK_PHASE_BROKEN) {
        task->phase = TASK_PHASE_GONE;
        metrics_registry_set_task(herder->metrics, connector->name, number, CONDITION_UNASSIGNED);
        if (wish->may_run && wish->exists)
            status_of_task(herder, connector->name, number, is_removed ? UNIT_DESTROYED : UNIT_UNASSIGNED, NULL, NULL);
    }
    if (task->phase == TASK_PHASE_GONE && !is_removed && duty_prepares(herder, connector->name, (int32_t)number))
        prepare_task(herder, connector, number, wish);
    else
        drop_prepared(herder, connector, number);
}

static void reconcile_tasks(struct herder *herder, struct herder_connector *connector, const struct wish *wish)
{
    if (!units_have_tasks(connector, wish->task_count)) {
        units_mark_at(herder, connector, herder_now_ms() + START_RETRY_MS);
        return;
    }
    if (wish->task_count > 0)
        renew_prints(herder, connector, wish);
    for (uint32_t i = 0; i < connector->task_count; i++)
        if (i < wish->task_count && duty_has(herder, connector->name, (int32_t)i))
            reconcile_wanted_task(herder, connector, i, wish);
        else
            reconcile_unwanted_task(herder, connector, i, wish);
}

/* --- one pass ---------------------------------------------------------------------------------------------------- */

static bool runs_something(const struct herder_connector *connector)
{
    if (connector->phase != CONNECTOR_GONE && connector->phase != CONNECTOR_BROKEN)
        return true;
    for (uint32_t i = 0; i < connector->task_count; i++)
        if (units_task_is_up(&connector->tasks[i]))
            return true;
    return false;
}

/* A deletion is finished: its statuses go, and what is known of it, too. */
static void retire(struct herder *herder, struct herder_connector *connector, const struct wish *wish)
{
    if (runs_something(connector))
        return;
    if (connector->was_removed && wish->may_run)
        status_of_removed(herder, connector->name, wish->exists);
    connector->was_removed = false; /* what a worker that leads no more leaves behind, the leader sweeps up */
    if (wish->exists || connector->first_request != NULL || connector->is_dirty)
        return;
    herder_timer_clear(herder, &connector->timer);
    metrics_registry_remove(herder->metrics, connector->name);
    pointer_map_remove(herder->connectors, connector->name);
}

static void reconcile(struct herder *herder, struct herder_connector *connector, const struct wish *wish)
{
    if (connector->was_removed && wish->exists && runs_something(connector)) {
        /* Created anew under the same name: nothing of the former one may go on. */
        struct wish nothing = {.snapshot = wish->snapshot, .exists = true, .may_run = wish->may_run};

        reconcile_unwanted_connector(herder, connector);
        reconcile_tasks(herder, connector, &nothing);
    } else if (wish->exists && wish->may_run) {
        if (connector->was_removed)
            retire(herder, connector, wish);
        if (wish->has_connector)
            reconcile_wanted_connector(herder, connector, wish);
        else
            reconcile_unwanted_connector(herder, connector);
        reconcile_tasks(herder, connector, wish);
        task_configs_reconcile(herder, connector, wish->snapshot);
    } else {
        reconcile_unwanted_connector(herder, connector);
        reconcile_tasks(herder, connector, wish);
    }
    lane_look(herder, connector);
    retire(herder, connector, wish);
}

void reconcile_marked(struct herder *herder)
{
    struct config_snapshot *snapshot;

    if (herder->dirty == NULL)
        return;
    if (!herder_may_run(herder))
        return; /* what runs stays as it is */
    snapshot = config_store_snapshot(herder->setup.configs);
    while (herder->dirty != NULL) {
        struct herder_connector *connector = herder->dirty;
        struct wish wish = wish_of(herder, snapshot, connector->name);

        herder->dirty = connector->next_dirty;
        connector->is_dirty = false;
        reconcile(herder, connector, &wish);
    }
    config_snapshot_drop(snapshot);
}
