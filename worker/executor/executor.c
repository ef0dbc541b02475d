#include "executor/executor_internal.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "executor/offset_stores.h"
#include "executor/quarantine.h"

#include <millrace/error.h>

#include "base/bans.h"

#define POOL_THREADS_MIN 2
#define POOL_IDLE_MS 10000
#define WIND_UP_MS 1000 /* for threads to leave once nothing is inside */

/* The registry ------------------------------------------------------------------------------------------------------- */

void executor_born(struct executor *executor)
{
    mutex_lock(&executor->lock);
    executor->alive++;
    mutex_unlock(&executor->lock);
}

void executor_freed(struct executor *executor)
{
    mutex_lock(&executor->lock);
    executor->alive--;
    cond_broadcast(&executor->changed);
    mutex_unlock(&executor->lock);
}

struct connector_instance *executor_find_connector(struct executor *executor, const char *name)
{
    mutex_lock(&executor->lock);
    struct connector_instance *instance = pointer_map_get(executor->connectors, name);
    if (instance != NULL)
        connector_instance_take(instance);
    mutex_unlock(&executor->lock);
    return instance;
}

struct task_unit *executor_find_task(struct executor *executor, const char *name, uint32_t number)
{
    char key[TASK_KEY_MAX];
    if (!task_key(key, name, number))
        return NULL;
    mutex_lock(&executor->lock);
    struct task_unit *unit = pointer_map_get(executor->tasks, key);
    if (unit != NULL)
        task_unit_take(unit);
    mutex_unlock(&executor->lock);
    return unit;
}

/* true: it was in, and its reference is the caller's now. */
static bool take_out(struct executor *executor, struct pointer_map *map, const char *key, const void *item)
{
    mutex_lock(&executor->lock);
    bool is_in = pointer_map_get(map, key) == item;
    if (is_in)
        pointer_map_take(map, key);
    cond_broadcast(&executor->changed);
    mutex_unlock(&executor->lock);
    return is_in;
}

void executor_forget_connector(struct executor *executor, struct connector_instance *instance)
{
    if (take_out(executor, executor->connectors, connector_instance_name(instance), instance))
        connector_instance_drop(instance);
}

void executor_forget_task(struct executor *executor, struct task_unit *unit)
{
    if (take_out(executor, executor->tasks, task_unit_key(unit), unit))
        task_unit_drop(unit);
}

/* Takes the reference when it returns true. */
static bool put_in(struct executor *executor, struct pointer_map *map, const char *key, void *item,
                   struct mr_error **error)
{
    mutex_lock(&executor->lock);
    bool is_stopping = executor->stopping;
    assert(!pointer_map_has(map, key) && "the former instance has ended");
    bool is_in = !is_stopping && pointer_map_put(map, key, item);
    mutex_unlock(&executor->lock);
    if (!is_in)
        mr_error_set(error, is_stopping ? MR_ERR_ILLEGAL_STATE : MR_ERR_NO_MEMORY,
                     is_stopping ? "The worker is shutting down" : "No memory to start %s", key);
    return is_in;
}

struct task_unit **executor_list_tasks(struct executor *executor, size_t *count)
{
    mutex_lock(&executor->lock);
    *count = pointer_map_count(executor->tasks);
    struct task_unit **units = *count == 0 ? NULL : mem_calloc(*count, sizeof(*units));
    if (units == NULL)
        *count = 0;
    for (size_t i = 0; i < *count; i++)
        units[i] = task_unit_take(pointer_map_value(executor->tasks, i));
    mutex_unlock(&executor->lock);
    return units;
}

struct connector_instance **executor_list_connectors(struct executor *executor, size_t *count)
{
    mutex_lock(&executor->lock);
    *count = pointer_map_count(executor->connectors);
    struct connector_instance **instances = *count == 0 ? NULL : mem_calloc(*count, sizeof(*instances));
    if (instances == NULL)
        *count = 0;
    for (size_t i = 0; i < *count; i++)
        instances[i] = connector_instance_take(pointer_map_value(executor->connectors, i));
    mutex_unlock(&executor->lock);
    return instances;
}

void executor_wake_watch(struct executor *executor)
{
    step_unit_wake(executor->watch);
}

/* Connectors ----------------------------------------------------------------------------------------------------------- */

int executor_start_connector(struct executor *executor, const char *connector, const struct string_map *config,
                             enum connector_target target, struct mr_error **error)
{
    struct connector_instance *instance = connector_instance_create(executor, connector, config, error);
    if (instance == NULL)
        return -1;
    connector_instance_take(instance);
    if (!put_in(executor, executor->connectors, connector, instance, error)) {
        connector_instance_drop(instance);
        connector_instance_drop(instance);
        return -1;
    }
    int status = 0;
    if (!connector_instance_start(instance, target)) {
        executor_forget_connector(executor, instance);
        status = mr_error_set(error, MR_ERR_RETRIABLE, "Connector %s: too many jobs wait, or no memory", connector);
    }
    connector_instance_drop(instance);
    return status;
}

static void refuse(struct connector_instance *instance)
{
    connector_instance_fail(instance, "Too many jobs wait on this worker, or it has no memory");
}

void executor_set_connector_target(struct executor *executor, const char *connector, enum connector_target target)
{
    struct connector_instance *instance = executor_find_connector(executor, connector);
    if (instance == NULL)
        return; /* its end was told already, or is just being told */
    if (!connector_instance_set_target(instance, target))
        refuse(instance);
    connector_instance_drop(instance);
}

void executor_end_connector(struct executor *executor, const char *connector)
{
    struct connector_instance *instance = executor_find_connector(executor, connector);
    if (instance == NULL)
        return; /* its end was told already, or is just being told */
    if (!connector_instance_end(instance))
        refuse(instance);
    connector_instance_drop(instance);
}

void executor_request_task_configs(struct executor *executor, const char *connector, uint64_t token)
{
    struct connector_instance *instance = executor_find_connector(executor, connector);
    if (instance == NULL || !connector_instance_ask_configs(instance, token))
        listener_of(executor)->on_task_configs(
            executor->setup.listener_argument, connector, token, NULL, 0,
            instance == NULL ? "The connector does not run here" : "Too many jobs wait on this worker", false);
    connector_instance_drop(instance);
}

/* Tasks ---------------------------------------------------------------------------------------------------------------- */

static int no_room(const struct executor_task *task, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_RETRIABLE, "Task %s-%u: too many jobs wait, or no memory", task->connector,
                        task->number);
}

static int make_task(struct executor *executor, const struct executor_task *task, bool is_preparing,
                     struct mr_error **error)
{
    struct task_unit *unit = task_unit_create(executor, task, is_preparing, error);
    if (unit == NULL)
        return -1;
    task_unit_take(unit);
    if (!put_in(executor, executor->tasks, task_unit_key(unit), unit, error)) {
        task_unit_drop(unit);
        task_unit_drop(unit);
        return -1;
    }
    int status = 0;
    if (!task_unit_start(unit)) {
        executor_forget_task(executor, unit);
        status = no_room(task, error);
    }
    task_unit_drop(unit);
    executor_wake_watch(executor);
    return status;
}

/* One that was prepared and is good no more, or not wanted, makes room at once. */
static void make_room(struct executor *executor, struct task_unit *prepared)
{
    if (prepared != NULL)
        executor_forget_task(executor, prepared);
    task_unit_drop(prepared);
}

/* To be started now; NULL: none, or it has ended or is to. */
static struct task_unit *find_prepared(struct executor *executor, const struct executor_task *task)
{
    struct task_unit *unit = executor_find_task(executor, task->connector, task->number);
    if (unit == NULL || task_unit_adopt(unit, task->paused))
        return unit;
    make_room(executor, unit);
    return NULL;
}

int executor_start_task(struct executor *executor, const struct executor_task *task, struct mr_error **error)
{
    struct task_unit *prepared = find_prepared(executor, task);
    if (prepared == NULL)
        return make_task(executor, task, false, error);
    int status = task_unit_start_adopted(prepared) ? 0 : no_room(task, error);
    task_unit_drop(prepared);
    return status;
}

int executor_prepare_task(struct executor *executor, const struct executor_task *task, struct mr_error **error)
{
    make_room(executor, executor_find_task(executor, task->connector, task->number));
    return make_task(executor, task, true, error);
}

void executor_drop_prepared_task(struct executor *executor, const char *connector, uint32_t task)
{
    executor_stop_task(executor, connector, task, TASK_DEPARTURE_STAY,
                       clock_monotonic_ms(NULL) + EXECUTOR_STOP_TIMEOUT_MS);
}

void executor_set_task_paused(struct executor *executor, const char *connector, uint32_t task, bool paused)
{
    struct task_unit *unit = executor_find_task(executor, connector, task);
    if (unit != NULL)
        task_unit_set_paused(unit, paused);
    task_unit_drop(unit);
}

void executor_stop_task(struct executor *executor, const char *connector, uint32_t task, enum task_departure departure,
                        int64_t deadline_ms)
{
    struct task_unit *unit = executor_find_task(executor, connector, task);
    if (unit == NULL)
        return; /* its end was told already */
    task_unit_stop(unit, departure, deadline_ms);
    task_unit_drop(unit);
    executor_wake_watch(executor);
}

void executor_oust_task(struct executor *executor, const char *connector, uint32_t task)
{
    struct task_unit *unit = executor_find_task(executor, connector, task);
    if (unit != NULL)
        task_unit_oust(unit);
    task_unit_drop(unit);
}

/* Life ----------------------------------------------------------------------------------------------------------------- */

static int start_pool(struct executor *executor, struct mr_error **error)
{
    char why[256] = "";
    size_t most = executor->setup.worker->pool_threads_max;
    struct step_pool_setup setup = {
        .threads_min = most < POOL_THREADS_MIN ? most : POOL_THREADS_MIN, .threads_max = most, .idle_ms = POOL_IDLE_MS};
    struct step_unit_setup watch = {.step = executor_watch, .argument = executor};
    executor->pool = step_pool_create(&setup, why, sizeof(why));
    if (executor->pool != NULL)
        executor->watch = step_pool_add(executor->pool, &watch, why, sizeof(why));
    if (executor->watch != NULL)
        return 0;
    if (executor->pool != NULL)
        step_pool_stop(executor->pool, INT64_MAX); /* nothing is in it */
    return mr_error_set(error, MR_ERR_CONNECT, "The task pool could not be started: %s", why);
}

struct executor *executor_create(const struct executor_setup *setup, struct mr_error **error)
{
    struct executor *executor = mem_calloc(1, sizeof(*executor));
    if (executor == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the executor");
        return NULL;
    }
    executor->setup = *setup;
    mutex_init(&executor->lock);
    cond_init(&executor->changed);
    executor->connectors = pointer_map_create(NULL);
    executor->tasks = pointer_map_create(NULL);
    executor->offset_stores = offset_stores_create(
        &(struct offset_stores_setup){
            .worker = setup->worker, .offsets = setup->offsets, .graveyard = setup->graveyard, .lease = setup->lease},
        error);
    if (executor->connectors == NULL || executor->tasks == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the executor");
    else if (executor->offset_stores != NULL && start_pool(executor, error) == 0)
        return executor;
    executor_destroy(executor);
    return NULL;
}

/* false: the deadline came first. */
static bool wait_until_empty(struct executor *executor, const struct pointer_map *map, int64_t deadline_ms)
{
    mutex_lock(&executor->lock);
    while (pointer_map_count(map) > 0 && cond_wait_until_ms(&executor->changed, &executor->lock, deadline_ms))
        ;
    bool is_empty = pointer_map_count(map) == 0;
    mutex_unlock(&executor->lock);
    return is_empty;
}

static bool wait_until_freed(struct executor *executor, int64_t deadline_ms)
{
    mutex_lock(&executor->lock);
    while (executor->alive > 0 && cond_wait_until_ms(&executor->changed, &executor->lock, deadline_ms))
        ;
    bool is_free = executor->alive == 0;
    mutex_unlock(&executor->lock);
    return is_free;
}

static void stop_tasks(struct executor *executor, int64_t deadline_ms)
{
    size_t count;
    struct task_unit **units = executor_list_tasks(executor, &count);
    for (size_t i = 0; i < count; i++) {
        task_unit_stop(units[i], TASK_DEPARTURE_STAY, deadline_ms);
        task_unit_drop(units[i]);
    }
    mem_free(units);
    executor_wake_watch(executor);
}

static void end_connectors(struct executor *executor)
{
    size_t count;
    struct connector_instance **instances = executor_list_connectors(executor, &count);
    for (size_t i = 0; i < count; i++) {
        connector_instance_end(instances[i]);
        connector_instance_drop(instances[i]);
    }
    mem_free(instances);
}

/* Tasks first and longest, so that their records get out. The rest is kept back for those that are abandoned, for connectors
 * and for winding up: EXECUTOR_STOP_RESERVE_MS, of a short time its part. */
static int64_t kept_back(int64_t now_ms, int64_t deadline_ms)
{
    int64_t most_ms = deadline_ms > now_ms ? (deadline_ms - now_ms) * 40 / 100 : 0;
    return most_ms < EXECUTOR_STOP_RESERVE_MS ? most_ms : EXECUTOR_STOP_RESERVE_MS;
}

bool executor_stop(struct executor *executor, int64_t deadline_ms)
{
    int64_t now_ms = clock_monotonic_ms(NULL), reserve_ms = kept_back(now_ms, deadline_ms);
    if (executor->is_stopped)
        return true;
    mutex_lock(&executor->lock);
    executor->stopping = true;
    mutex_unlock(&executor->lock);
    stop_tasks(executor, deadline_ms - reserve_ms);
    wait_until_empty(executor, executor->tasks, deadline_ms - reserve_ms * 60 / 100);
    end_connectors(executor);
    wait_until_empty(executor, executor->connectors, deadline_ms - reserve_ms * 10 / 100);
    bool is_free = wait_until_freed(executor, deadline_ms);
    atomic_store(&executor->watch_ends, true);
    executor_wake_watch(executor);
    executor->is_stopped =
        is_free && step_pool_stop(executor->pool, (deadline_ms > now_ms ? deadline_ms : now_ms) + WIND_UP_MS);
    if (executor->is_stopped)
        return true;
    log_warn(LOG_NAME, "plugin calls are still inside; they end with the process");
    return false;
}

static void save_quarantine(void *argument)
{
    quarantine_save(argument);
}

void executor_forgive(struct executor *executor, const char *connector, int64_t task, bool with_tasks)
{
    struct quarantine *quarantine = executor->setup.quarantine;
    struct job job = {.run = save_quarantine, .argument = quarantine, .serial = quarantine, .deadline_ms = INT64_MAX};
    if (quarantine_forgive(quarantine, connector, task, with_tasks) && !job_post(executor->setup.jobs, &job))
        log_warn(LOG_NAME, "connector %s may start again, but this could not be written: no room for the job", connector);
}

void executor_destroy(struct executor *executor)
{
    if (executor == NULL)
        return;
    if (executor->watch != NULL)
        step_unit_drop(executor->watch);
    if (executor->pool != NULL)
        step_pool_destroy(executor->pool);
    offset_stores_destroy(executor->offset_stores);
    pointer_map_destroy(executor->connectors);
    pointer_map_destroy(executor->tasks);
    cond_destroy(&executor->changed);
    mutex_destroy(&executor->lock);
    mem_free(executor);
}
