/*
 * The values that a connector's configuration refers to: resolved when its instance is made, and looked at again when a provider
 * says that something has changed or that their time is over. Told is only what differs: a change of another key of the same file
 * restarts nothing, nor do values that cannot be read now, or that have gone.
 *
 * Looking again is a job with a turn of its own: a provider that hangs costs its thread, not the connector.
 */
#include "executor/executor_internal.h"

#include <assert.h>
#include <millrace/config_provider.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/variables.h"
#include "config/worker_config.h"

#include "base/bans.h"

#define TTL_LEAST_MS 1000   /* a shorter one counts as this */
#define RETRY_MS 10000      /* a change was told and nothing came of it, or nobody could look: once more */
#define EARLY_MS 1000       /* a change was told while the values were read for the first time */
#define NEVER INT64_MAX

struct connector_values {
    struct refcount references; /* the instance's, and each job's */
    struct executor *executor;
    char *name;
    struct string_map *raw;
    struct variables_watch *watch; /* the instance's */
    pthread_mutex_t lock;
    bool has_ended;                /* lock; nothing is told any more */
    bool is_asked;                 /* lock; a job waits for its turn */
    bool has_print;                /* lock */
    struct variables_print print;  /* lock; of what the instance was given */
    int64_t ttl_ms, look_at_ms;    /* lock */
};

/* Life ----------------------------------------------------------------------------------------------------------- */

void connector_values_drop(struct connector_values *values)
{
    if (values == NULL || !refcount_drop(&values->references))
        return;
    assert(values->watch == NULL && "ended before");
    struct executor *executor = values->executor;
    string_map_destroy(values->raw);
    mutex_destroy(&values->lock);
    mem_free(values->name);
    mem_free(values);
    executor_freed(executor);
}

struct connector_values *connector_values_create(struct executor *executor, const char *name, const struct string_map *raw)
{
    struct connector_values *values = mem_calloc(1, sizeof(*values));
    if (values == NULL)
        return NULL;
    refcount_init(&values->references);
    mutex_init(&values->lock);
    values->executor = executor;
    executor_born(executor);
    values->ttl_ms = MR_TTL_NONE;
    values->look_at_ms = NEVER;
    values->name = mem_strdup(name);
    values->raw = string_map_copy(raw);
    if (values->name != NULL && values->raw != NULL)
        return values;
    connector_values_drop(values);
    return NULL;
}

void connector_values_end(struct connector_values *values)
{
    mutex_lock(&values->lock);
    values->has_ended = true;
    values->look_at_ms = NEVER;
    mutex_unlock(&values->lock);
    variables_watch_stop(values->watch);
    values->watch = NULL;
}

/* Looking again; thread: job --------------------------------------------------------------------------------------- */

static void look_after(struct connector_values *values, int64_t delay_ms)
{
    int64_t at_ms = clock_monotonic_ms(NULL) + delay_ms;
    mutex_lock(&values->lock);
    bool is_sooner = !values->has_ended && at_ms < values->look_at_ms;
    if (is_sooner)
        values->look_at_ms = at_ms;
    mutex_unlock(&values->lock);
    if (is_sooner)
        executor_wake_watch(values->executor);
}

static void look_after_ttl(struct connector_values *values)
{
    mutex_lock(&values->lock);
    int64_t ttl_ms = values->ttl_ms;
    mutex_unlock(&values->lock);
    if (ttl_ms != MR_TTL_NONE)
        look_after(values, ttl_ms < TTL_LEAST_MS ? TTL_LEAST_MS : ttl_ms);
}

/* A change that is told may come to nothing (no leader, no Kafka): it is told again. The restart ends these values. */
static void compare(struct connector_values *values, const struct variables_print *now)
{
    const struct executor *executor = values->executor;
    mutex_lock(&values->lock);
    bool is_early = !values->has_print;
    bool is_changed = !values->has_ended && !is_early && now->values != values->print.values;
    bool has_gone = now->missing > values->print.missing;
    mutex_unlock(&values->lock);
    if (is_early)
        look_after(values, EARLY_MS);
    if (!is_changed)
        return;
    if (has_gone) {
        log_warn(LOG_NAME,
                 "connector %s: %zu of the values that it refers to cannot be found any more; it goes on with those it has",
                 values->name, now->missing);
        return;
    }
    look_after(values, RETRY_MS);
    if (executor->setup.refreshed != NULL)
        executor->setup.refreshed(executor->setup.refreshed_argument, values->name, values->raw);
    if (listener_of(executor)->on_values_changed != NULL)
        listener_of(executor)->on_values_changed(executor->setup.listener_argument, values->name);
}

static void job_run_look(void *argument)
{
    struct connector_values *values = argument;
    struct log_context context;
    struct mr_error *error = NULL;
    mutex_lock(&values->lock);
    values->is_asked = false;
    bool has_ended = values->has_ended;
    mutex_unlock(&values->lock);
    if (has_ended)
        return;
    log_context_push(&context, values->name, -1); /* for whom, if a provider crashes */
    struct string_map *resolved = variables_resolve(values->executor->setup.variables, values->raw, NULL, &error);
    if (resolved != NULL) {
        struct variables_print now = variables_print(values->raw, resolved);
        string_map_destroy(resolved);
        compare(values, &now);
    } else {
        log_warn(LOG_NAME, "connector %s: the values that it refers to cannot be read again, it goes on with those it has: %s",
                 values->name, mr_error_message(error));
    }
    mr_error_drop(error);
    look_after_ttl(values);
    log_context_pop(&context);
}

static void job_drop(void *argument)
{
    struct connector_values *values = argument;
    mutex_lock(&values->lock);
    values->is_asked = false;
    mutex_unlock(&values->lock);
    connector_values_drop(values);
}

static void job_outcome_of(void *argument, enum job_outcome outcome)
{
    struct connector_values *values = argument;
    if (outcome == JOB_DONE)
        connector_values_drop(values);
    else
        log_warn(LOG_NAME, "connector %s: a config provider does not return; changes of its values are not seen until it does",
                 values->name);
}

/* thread: any, a provider's too. */
static void ask(struct connector_values *values)
{
    mutex_lock(&values->lock);
    bool is_wanted = !values->is_asked && !values->has_ended;
    values->is_asked = values->is_asked || is_wanted;
    mutex_unlock(&values->lock);
    if (!is_wanted)
        return;
    refcount_take(&values->references);
    struct job job = {.run = job_run_look,
                      .on_outcome = job_outcome_of,
                      .on_late = job_drop,
                      .argument = values,
                      .serial = values,
                      .deadline_ms = clock_monotonic_ms(NULL) + values->executor->setup.worker->call_timeout_ms};
    if (job_post(values->executor->setup.jobs, &job))
        return;
    job_drop(values);
    look_after(values, RETRY_MS);
}

static void on_changed(void *argument)
{
    ask(argument);
}

void connector_values_look(struct connector_values *values, int64_t now_ms, int64_t *wake_at_ms)
{
    mutex_lock(&values->lock);
    bool is_due = values->look_at_ms <= now_ms;
    if (is_due)
        values->look_at_ms = NEVER;
    else if (values->look_at_ms < *wake_at_ms)
        *wake_at_ms = values->look_at_ms;
    mutex_unlock(&values->lock);
    if (is_due)
        ask(values);
}

/* Resolving ------------------------------------------------------------------------------------------------------ */

/* As the JVM worker reads it: any case, and everything but "none" restarts. */
static bool may_reload(const struct connector_values *values)
{
    const char *action = string_map_get(values->raw, "config.action.reload");
    return action == NULL || strcasecmp(action, "none") != 0;
}

/* Without notices the connector runs all the same. */
static void watch(struct connector_values *values)
{
    struct mr_error *error = NULL;
    if (values->watch != NULL || values->executor->setup.variables == NULL)
        return;
    values->watch = variables_watch_start(values->executor->setup.variables, values->raw, on_changed, values, &error);
    if (values->watch == NULL)
        log_warn(LOG_NAME, "connector %s: changes of the values that it refers to will not be noticed: %s", values->name,
                 mr_error_message(error));
    mr_error_drop(error);
}

/* Watching comes first: what changes while it is read is noticed. */
struct string_map *connector_values_resolve(struct connector_values *values, struct mr_error **error)
{
    bool reloads = may_reload(values);
    int64_t ttl_ms = MR_TTL_NONE;
    if (reloads)
        watch(values);
    struct string_map *resolved = variables_resolve(values->executor->setup.variables, values->raw, &ttl_ms, error);
    if (resolved == NULL || !reloads)
        return resolved;
    mutex_lock(&values->lock);
    values->print = variables_print(values->raw, resolved);
    values->has_print = true;
    values->ttl_ms = ttl_ms;
    mutex_unlock(&values->lock);
    look_after_ttl(values);
    return resolved;
}
