/* What the executor says: from its threads into the queue, and what it then means. */
#include <millrace/error.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "config/worker_config.h"
#include "herder/cluster_internal.h"
#include "herder/questions_internal.h"
#include "herder/requests_internal.h"
#include "herder/units_internal.h"
#include "metrics/registry.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define FENCED_RETRY_MS 5000 /* a task whose place was taken starts again no sooner, if it is still ours then */

struct unit_event {
    struct herder_post post;
    char *connector, *trace, *version;
    int state;
    uint32_t task;
    bool is_connector; /* of a failure: the connector itself */
    bool has_progressed;
    struct failure failure;
    struct task_configs_answer answer;
};

static void maps_free(struct string_map **maps, size_t count)
{
    for (size_t i = 0; maps != NULL && i < count; i++)
        string_map_destroy(maps[i]);
    mem_free(maps);
}

static void event_free(struct unit_event *event)
{
    maps_free(event->answer.maps, event->answer.count);
    mem_free(event->connector);
    mem_free(event->trace);
    mem_free(event->version);
    mem_free(event);
}

/* --- what it means; thread: herder ------------------------------------------------------------------------------- */

/* A stopped connector that moves is stopped on its way too: it does nothing here nor there, and the next worker says the same. */
static bool stays_stopped(const struct herder *herder, const char *connector)
{
    struct config_snapshot *snapshot;
    bool stays;

    if (!herder_may_run(herder) || !duty_revokes(herder, connector, UNIT_IS_CONNECTOR))
        return false;
    snapshot = config_store_snapshot(herder->setup.configs);
    stays = config_snapshot_has(snapshot, connector) && config_snapshot_target(snapshot, connector) == TARGET_STOPPED;
    config_snapshot_drop(snapshot);
    return stays;
}

/* No instance exists any more; whatever was wanted of it comes up with the next pass. */
static void connector_is_gone(struct herder *herder, struct herder_connector *connector)
{
    connector->phase = CONNECTOR_GONE;
    connector->is_running = connector->is_asked = false;
    if (stays_stopped(herder, connector->name))
        metrics_registry_set_connector(herder->metrics, connector->name, CONDITION_UNASSIGNED);
    else
        status_of_connector(herder, connector->name, UNIT_UNASSIGNED, NULL, NULL);
}

static void connector_failed(struct herder *herder, struct herder_connector *connector,
                             const struct unit_event *event)
{
    bool was_ending = connector->phase == CONNECTOR_ENDING;
    char *trace;

    connector->is_running = connector->is_asked = connector->reconfigure = false;
    trace = was_ending ? NULL : recovery_unit_failed(herder, connector, -1, event->trace);
    status_of_connector(herder, connector->name, UNIT_FAILED, trace != NULL ? trace : event->trace, event->version);
    mem_free(trace);
    connector->phase = CONNECTOR_BROKEN;
    if (was_ending)
        connector_is_gone(herder, connector);
}

static void connector_settled(struct herder *herder, struct herder_connector *connector, struct unit_event *event)
{
    enum unit_state state = event->state == CONNECTOR_RUNNING  ? UNIT_RUNNING
                            : event->state == CONNECTOR_PAUSED ? UNIT_PAUSED
                                                               : UNIT_STOPPED;

    if (connector->phase == CONNECTOR_ENDING)
        return;
    connector->phase = CONNECTOR_UP;
    connector->is_running = state == UNIT_RUNNING;
    log_info(HERDER_LOG, "connector %s is %s", connector->name, unit_state_name(state));
    status_of_connector(herder, connector->name, state, event->trace, event->version);
    mem_free(connector->plugin_version);
    connector->plugin_version = event->version;
    event->version = NULL;
    if (connector->is_running)
        task_configs_want(herder, connector);
}

static bool connector_is_there(const struct herder_connector *connector)
{
    return connector->phase != CONNECTOR_GONE && connector->phase != CONNECTOR_BROKEN;
}

static void handle_connector_state(struct herder *herder, struct herder_post *post)
{
    struct unit_event *event = (struct unit_event *)post;
    struct herder_connector *connector = units_find(herder, event->connector);

    if (herder->stage != HERDER_ENDED && connector != NULL && connector_is_there(connector)) {
        if (event->state == CONNECTOR_ENDED)
            connector_is_gone(herder, connector);
        else if (event->state == CONNECTOR_FAILED)
            connector_failed(herder, connector, event);
        else
            connector_settled(herder, connector, event);
        units_mark(herder, connector);
        duty_report_later(herder);
    }
    event_free(event);
}

/* Is there no such task any more, other than because this worker may not run it? */
static bool task_is_removed(struct herder *herder, const char *connector, uint32_t task)
{
    struct config_snapshot *snapshot;
    bool removed;

    if (!herder_may_run(herder))
        return false;
    snapshot = config_store_snapshot(herder->setup.configs);
    removed = config_snapshot_has(snapshot, connector) && task >= config_snapshot_task_count(snapshot, connector);
    config_snapshot_drop(snapshot);
    return removed;
}

static void task_stopped(struct herder *herder, struct herder_connector *connector, uint32_t number)
{
    struct herder_task *task = &connector->tasks[number];

    if (task->phase == TASK_PHASE_UP && herder_may_run(herder)) {
        log_warn(HERDER_LOG, "task %s-%u stopped although nobody here asked: its place was taken", connector->name,
                 number);
        task->not_before_ms = herder_now_ms() + FENCED_RETRY_MS;
    }
    task->phase = TASK_PHASE_GONE;
    status_of_task(herder, connector->name, number, UNIT_UNASSIGNED, NULL, NULL);
    if (task_is_removed(herder, connector->name, number))
        status_of_task(herder, connector->name, number, UNIT_DESTROYED, NULL, NULL);
}

static void task_failed(struct herder *herder, struct herder_connector *connector, const struct unit_event *event)
{
    struct herder_task *task = &connector->tasks[event->task];
    char *trace = task->phase == TASK_PHASE_UP ? recovery_unit_failed(herder, connector, event->task, event->trace) : NULL;

    status_of_task(herder, connector->name, event->task, UNIT_FAILED, trace != NULL ? trace : event->trace,
                   event->version);
    mem_free(trace);
    task->phase = TASK_PHASE_BROKEN;
}

static void handle_task_state(struct herder *herder, struct herder_post *post)
{
    struct unit_event *event = (struct unit_event *)post;
    struct herder_connector *connector = units_find(herder, event->connector);

    if (herder->stage != HERDER_ENDED && connector != NULL && event->task < connector->task_count &&
        units_task_is_up(&connector->tasks[event->task])) {
        connector->tasks[event->task].was_abandoned = event->state == TASK_STOPPED && event->trace != NULL;
        if (event->state == TASK_STOPPED)
            task_stopped(herder, connector, event->task);
        else if (event->state == TASK_FAILED)
            task_failed(herder, connector, event);
        else if (event->state == TASK_RUNNING || event->state == TASK_PAUSED)
            status_of_task(herder, connector->name, event->task,
                           event->state == TASK_RUNNING ? UNIT_RUNNING : UNIT_PAUSED, event->trace, event->version);
        units_mark(herder, connector);
        duty_report_later(herder);
    }
    event_free(event);
}

static void handle_failure(struct herder *herder, struct herder_post *post)
{
    struct unit_event *event = (struct unit_event *)post;
    struct herder_connector *connector = units_find(herder, event->connector);

    if (connector != NULL && (event->is_connector || event->task < connector->task_count)) {
        struct recovery *recovery = event->is_connector ? &connector->recovery : &connector->tasks[event->task].recovery;

        recovery->failure = event->failure;
        recovery->is_told = true;
    }
    event_free(event);
}

/* Its state stays, and its status says what is wrong; not any more, unless it is no longer RUNNING because it was paused. */
static void status_of_stall(struct herder *herder, struct herder_connector *connector, uint32_t task, enum task_stall stall,
                            const char *words)
{
    bool is_stalled = stall != TASK_STALL_NONE;

    if (is_stalled || !connector->tasks[task].told_paused)
        status_of_task(herder, connector->name, task, stall == TASK_STALL_START ? UNIT_UNASSIGNED : UNIT_RUNNING,
                       is_stalled ? words : NULL, connector->plugin_version);
}

static void handle_task_stall(struct herder *herder, struct herder_post *post)
{
    struct unit_event *event = (struct unit_event *)post;
    struct herder_connector *connector = units_find(herder, event->connector);

    if (herder->stage != HERDER_ENDED && connector != NULL && event->task < connector->task_count &&
        connector->tasks[event->task].phase == TASK_PHASE_UP) {
        bool is_stalled = event->state != TASK_STALL_NONE;

        log_warn(HERDER_LOG, "task %s-%u %s: %s", connector->name, event->task, is_stalled ? "is stalled" : "was stalled",
                 event->trace);
        if (is_stalled)
            recovery_task_stalled(herder, connector, event->task, event->has_progressed);
        else
            recovery_task_goes_on(herder, connector, event->task);
        status_of_stall(herder, connector, event->task, (enum task_stall)event->state, event->trace);
        units_mark(herder, connector);
    }
    event_free(event);
}

static void handle_task_prepared(struct herder *herder, struct herder_post *post)
{
    struct unit_event *event = (struct unit_event *)post;
    struct herder_connector *connector = units_find(herder, event->connector);

    if (herder->stage != HERDER_ENDED && connector != NULL && event->task < connector->task_count) {
        connector->tasks[event->task].is_ready = connector->tasks[event->task].is_prepared;
        duty_report_later(herder);
    }
    event_free(event);
}

static void handle_task_configs(struct herder *herder, struct herder_post *post)
{
    struct unit_event *event = (struct unit_event *)post;
    struct herder_connector *connector = units_find(herder, event->connector);

    event->answer.trace = event->trace;
    if (herder->stage != HERDER_ENDED && connector != NULL) {
        task_configs_answered(herder, connector, &event->answer);
        units_mark(herder, connector);
    }
    event_free(event);
}

static void handle_reconfiguration(struct herder *herder, struct herder_post *post)
{
    struct unit_event *event = (struct unit_event *)post;
    struct herder_connector *connector = units_find(herder, event->connector);

    if (herder_may_run(herder) && connector != NULL) {
        task_configs_want(herder, connector);
        units_mark(herder, connector);
    }
    event_free(event);
}

/* --- the listener; threads: the executor's ------------------------------------------------------------------------ */

/* NULL: no memory, and the herder knows. */
static struct unit_event *event_create(struct herder *herder, void (*handle)(struct herder *, struct herder_post *),
                                       const char *connector, const char *trace, const char *version)
{
    struct unit_event *event = mem_calloc(1, sizeof(*event));

    if (event == NULL) {
        herder_event_lost(herder);
        return NULL;
    }
    event->post.handle = handle;
    event->connector = mem_strdup(connector);
    event->trace = mem_strdup(trace);
    event->version = mem_strdup(version);
    if (event->connector == NULL || (trace != NULL && event->trace == NULL)) {
        event_free(event);
        herder_event_lost(herder);
        return NULL;
    }
    return event;
}

static void on_connector_state(void *argument, const char *connector, enum connector_state state, const char *trace,
                               const char *version)
{
    struct herder *herder = argument;
    struct unit_event *event = event_create(herder, handle_connector_state, connector, trace, version);

    if (event == NULL)
        return;
    event->state = (int)state;
    herder_post(herder, &event->post);
}

static void on_task_state(void *argument, const char *connector, uint32_t task, enum task_state state,
                          const char *trace, const char *version)
{
    struct herder *herder = argument;
    struct unit_event *event = event_create(herder, handle_task_state, connector, trace, version);

    if (event == NULL)
        return;
    event->state = (int)state;
    event->task = task;
    herder_post(herder, &event->post);
}

static void on_failure(void *argument, const char *connector, int64_t task, const struct failure *failure)
{
    struct herder *herder = argument;
    struct unit_event *event = event_create(herder, handle_failure, connector, NULL, NULL);

    if (event == NULL)
        return;
    event->is_connector = task < 0;
    event->task = task < 0 ? 0 : (uint32_t)task;
    event->failure = *failure;
    herder_post(herder, &event->post);
}

static void on_task_stall(void *argument, const char *connector, uint32_t task, enum task_stall stall, const char *words,
                          bool has_progressed)
{
    struct herder *herder = argument;
    struct unit_event *event = event_create(herder, handle_task_stall, connector, words, NULL);

    if (event == NULL)
        return;
    event->task = task;
    event->state = (int)stall;
    event->has_progressed = has_progressed;
    herder_post(herder, &event->post);
}

static void on_task_prepared(void *argument, const char *connector, uint32_t task)
{
    struct herder *herder = argument;
    struct unit_event *event = event_create(herder, handle_task_prepared, connector, NULL, NULL);

    if (event == NULL)
        return;
    event->task = task;
    herder_post(herder, &event->post);
}

static struct string_map **maps_copy(struct string_map *const *maps, size_t count)
{
    struct string_map **copies = mem_calloc(count + 1, sizeof(*copies));

    for (size_t i = 0; copies != NULL && i < count; i++) {
        copies[i] = string_map_copy(maps[i]);
        if (copies[i] == NULL) {
            maps_free(copies, count);
            return NULL;
        }
    }
    return copies;
}

static void on_task_configs(void *argument, const char *connector, uint64_t token, struct string_map *const *configs,
                            size_t count, const char *trace, bool is_too_many)
{
    struct herder *herder = argument;
    struct unit_event *event = event_create(herder, handle_task_configs, connector, trace, NULL);

    if (event == NULL)
        return;
    event->answer.token = token;
    event->answer.is_too_many = is_too_many;
    if (configs != NULL) {
        event->answer.count = count;
        event->answer.maps = maps_copy(configs, count);
        if (event->answer.maps == NULL) {
            event_free(event);
            herder_event_lost(herder);
            return;
        }
    }
    herder_post(herder, &event->post);
}

static void on_reconfiguration(void *argument, const char *connector)
{
    struct herder *herder = argument;
    struct unit_event *event = event_create(herder, handle_reconfiguration, connector, NULL, NULL);

    if (event != NULL)
        herder_post(herder, &event->post);
}

/* As if somebody had asked for it over REST; told again if nothing came of it. */
static void on_values_changed(void *argument, const char *connector)
{
    log_info(HERDER_LOG, "values that connector %s refers to have changed: it restarts with its tasks", connector);
    herder_restart_connector(argument, connector, true, false, NULL, NULL);
}

/* Straight to the store: it may be put to from any thread and never waits. */
static void on_topic(void *argument, const char *connector, uint32_t task, const char *topic)
{
    struct herder *herder = argument;

    if (herder->setup.worker->topic_tracking_enable)
        status_store_put_topic(herder->setup.statuses, connector, topic, task);
}

const struct executor_listener herder_executor_listener = {
    .on_connector_state = on_connector_state,
    .on_task_configs = on_task_configs,
    .on_reconfiguration = on_reconfiguration,
    .on_values_changed = on_values_changed,
    .on_failure = on_failure,
    .on_task_stall = on_task_stall,
    .on_task_state = on_task_state,
    .on_task_prepared = on_task_prepared,
    .on_topic = on_topic,
    .on_task_asks = questions_on_task_asks,
};
