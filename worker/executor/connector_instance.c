/*
 * A connector instance: commands become jobs that share one turn (job.serial), so the plugin is never called twice at
 * once. What belongs to the plugin (self, its configuration) is touched by the job whose turn it is, alone.
 *
 * A call past its deadline: the instance is told FAILED at once and leaves the registry (`dead`); jobs behind it find it
 * dead and only answer. Whoever has its turn in a dead instance ends what there is of it.
 */
#include "executor/executor_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/plugin_call.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/connector_config.h"
#include "config/plugin_options.h"
#include "config/variables.h"
#include "errors/error_line.h"
#include "executor/quarantine.h"
#include "loader/loader.h"
#include "metrics/registry.h"
#include "sdk/collect.h"
#include "sdk/contexts.h"
#include "sdk/plugin_metrics.h"

#include "base/bans.h"

struct connector_instance {
    struct refcount references;
    struct executor *executor;
    char *name;
    struct string_map *raw;
    struct connector_values *values;
    struct unit_metrics *metrics; /* a reference */
    const char *_Atomic inside;   /* the call; NULL: none */
    pthread_mutex_t lock;
    atomic_int failure;  /* enum failure_kind of a FAILED that is to be told */
    bool dead;           /* told FAILED or ENDED: nothing more is told. lock */
    const char *version; /* lock; the loader's */

    /* Whose turn it is. */
    const struct loader_plugin *plugin;
    struct connector_config *config;
    struct mr_config *own; /* the plugin may keep it */
    struct mr_connector_context context;
    void *self;
    bool started;
    enum connector_target target;
};

enum order_kind { ORDER_START, ORDER_TARGET, ORDER_CONFIGS, ORDER_END, ORDER_FAIL, ORDER_REAP };

/* One job. */
struct order {
    struct connector_instance *instance;
    enum order_kind kind;
    enum connector_target target;
    uint64_t token;
    char *trace; /* of ORDER_FAIL */
    bool has_run;
};

/* Life ----------------------------------------------------------------------------------------------------------- */

struct connector_instance *connector_instance_take(struct connector_instance *instance)
{
    refcount_take(&instance->references);
    return instance;
}

void connector_instance_drop(struct connector_instance *instance)
{
    if (instance == NULL || !refcount_drop(&instance->references))
        return;
    struct executor *executor = instance->executor;
    if (instance->self != NULL) { /* the job pool was too full to end it: its memory stays */
        log_error(LOG_NAME, "connector %s was not ended; it stays until the process ends", instance->name);
        executor_freed(executor);
        return;
    }
    unit_metrics_set_plugin(instance->metrics, NULL);
    unit_metrics_drop(instance->metrics);
    plugin_metrics_destroy(instance->context.metrics);
    mr_config_destroy(instance->own);
    connector_config_destroy(instance->config);
    if (instance->values != NULL)
        connector_values_end(instance->values);
    connector_values_drop(instance->values);
    string_map_destroy(instance->raw);
    mutex_destroy(&instance->lock);
    mem_free(instance->name);
    mem_free(instance);
    executor_freed(executor);
}

struct connector_instance *connector_instance_create(struct executor *executor, const char *name,
                                                     const struct string_map *config, struct mr_error **error)
{
    struct connector_instance *instance = mem_calloc(1, sizeof(*instance));
    if (instance == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for connector %s", name);
        return NULL;
    }
    refcount_init(&instance->references);
    mutex_init(&instance->lock);
    instance->executor = executor;
    executor_born(executor);
    instance->name = mem_strdup(name);
    instance->raw = string_map_copy(config);
    instance->values = connector_values_create(executor, name, config);
    instance->context.metrics = plugin_metrics_create();
    if (instance->values != NULL && instance->name != NULL && instance->raw != NULL && instance->context.metrics != NULL) {
        instance->metrics = metrics_registry_add_connector(executor->setup.metrics, name);
        unit_metrics_set_plugin(instance->metrics, instance->context.metrics);
        return instance;
    }
    mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for connector %s", name);
    connector_instance_drop(instance);
    return NULL;
}

const char *connector_instance_name(const struct connector_instance *instance)
{
    return instance->name;
}

/* Telling -------------------------------------------------------------------------------------------------------- */

static bool is_dead(struct connector_instance *instance)
{
    mutex_lock(&instance->lock);
    bool dead = instance->dead;
    mutex_unlock(&instance->lock);
    return dead;
}

static const char *version_of(struct connector_instance *instance)
{
    mutex_lock(&instance->lock);
    const char *version = instance->version;
    mutex_unlock(&instance->lock);
    return version;
}

static void tell(struct connector_instance *instance, enum connector_state state, const char *trace)
{
    const struct executor *executor = instance->executor;
    listener_of(executor)->on_connector_state(executor->setup.listener_argument, instance->name, state, trace,
                                              version_of(instance));
}

static void tell_kind(struct connector_instance *instance)
{
    const struct executor *executor = instance->executor;
    struct failure failure = {.kind = (enum failure_kind)atomic_load(&instance->failure)};
    if (listener_of(executor)->on_failure != NULL)
        listener_of(executor)->on_failure(executor->setup.listener_argument, instance->name, -1, &failure);
}

/* FAILED or ENDED, once; the name is free before it is told. */
static bool tell_last(struct connector_instance *instance, enum connector_state state, const char *trace)
{
    mutex_lock(&instance->lock);
    bool was_dead = instance->dead;
    instance->dead = true;
    mutex_unlock(&instance->lock);
    if (was_dead)
        return false;
    executor_forget_connector(instance->executor, instance);
    if (state == CONNECTOR_FAILED)
        tell_kind(instance);
    tell(instance, state, trace);
    return true;
}

/* The one line in the log about a failed connector. */
static void tell_failed(struct connector_instance *instance, enum failure_kind kind, const char *trace, const char *words)
{
    atomic_store(&instance->failure, kind);
    const char *class_name = string_map_get(instance->raw, "connector.class");
    if (tell_last(instance, CONNECTOR_FAILED, trace))
        log_error(LOG_NAME, "connector %s (%s) failed: %s", instance->name, class_name == NULL ? "no class" : class_name,
                  words);
}

static void tell_settled(struct connector_instance *instance)
{
    char *note;
    if (is_dead(instance))
        return;
    note = instance->started
               ? quarantine_take_note(instance->executor->setup.quarantine, instance->name, QUARANTINE_CONNECTOR)
               : NULL;
    tell(instance,
         instance->started                              ? CONNECTOR_RUNNING
         : instance->target == CONNECTOR_TARGET_STOPPED ? CONNECTOR_STOPPED
                                                        : CONNECTOR_PAUSED,
         note);
    mem_free(note);
}

static void tell_configs(struct connector_instance *instance, uint64_t token, const struct task_configs_result *result,
                         const char *trace)
{
    const struct executor *executor = instance->executor;
    listener_of(executor)->on_task_configs(executor->setup.listener_argument, instance->name, token, result->maps,
                                           result->count, trace, result->is_too_many);
}

static char *trace_of(const struct mr_error *error)
{
    size_t length = mr_error_trace(error, NULL, 0);
    char *trace = mem_alloc(length + 1);
    if (trace != NULL)
        mr_error_trace(error, trace, length + 1);
    secrets_hide_text(trace);
    return trace;
}

/* What the connector may ask; thread: any. */

static void context_reconfigure(void *owner)
{
    struct connector_instance *instance = owner;
    const struct executor *executor = instance->executor;
    if (!is_dead(instance))
        listener_of(executor)->on_reconfiguration(executor->setup.listener_argument, instance->name);
}

static bool post(struct connector_instance *instance, const struct order *order);

static void context_raise(void *owner, const struct mr_error *error)
{
    struct connector_instance *instance = owner;
    struct order order = {.kind = ORDER_FAIL, .trace = trace_of(error)};
    if (!post(instance, &order)) {
        log_error(LOG_NAME, "connector %s raised an error that could not be handled now: %s", instance->name,
                  mr_error_message(error));
        mem_free(order.trace);
    }
}

static const struct connector_context_host context_host = {
    .request_task_reconfiguration = context_reconfigure,
    .raise_error = context_raise,
};

/* Calls ---------------------------------------------------------------------------------------------------------- */

static void call_begin(struct connector_instance *instance, const char *call)
{
    atomic_store(&instance->inside, call);
    (void)plugin_call_enter(&instance->plugin->name, call);
}

static void call_end(struct connector_instance *instance)
{
    plugin_call_leave((struct plugin_call){.plugin = NULL}); /* a job begins outside of any plugin */
    atomic_store(&instance->inside, NULL);
}

static int result_of(struct connector_instance *instance, int status, const char *call, struct mr_error *why,
                     struct mr_error **error)
{
    call_end(instance);
    if (status == 0) {
        mr_error_drop(why);
        return 0;
    }
    if (why == NULL)
        mr_error_set(&why, MR_ERR_CONNECT, "the connector's %s failed without a reason", call);
    *error = why;
    return -1;
}

/* The heads of both tables are alike (MR_CONNECTOR_HEAD). */
#define HEAD(instance, member)                                                                                         \
    ((instance)->plugin->kind == MR_PLUGIN_SOURCE ? (instance)->plugin->source->member                                 \
                                                  : (instance)->plugin->sink->member)

static int prepare(struct connector_instance *instance, struct mr_error **error)
{
    struct executor *executor = instance->executor;
    struct string_map *resolved = connector_values_resolve(instance->values, error);
    if (resolved == NULL)
        return -1;
    int status = connector_config_plugin(executor->setup.loader, resolved, &instance->plugin, error);
    if (status == 0) {
        enum connector_kind kind = instance->plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK;
        mutex_lock(&instance->lock);
        instance->version = instance->plugin->version;
        mutex_unlock(&instance->lock);
        unit_metrics_describe(instance->metrics, &(struct unit_description){
                                                     .kind = kind == CONNECTOR_SOURCE ? UNIT_KIND_SOURCE : UNIT_KIND_SINK,
                                                     .connector_class = instance->plugin->class_name,
                                                     .connector_version = instance->plugin->version,
                                                 });
        instance->config = connector_config_create(kind, resolved, executor->setup.worker, error);
        instance->own =
            instance->config == NULL ? NULL : plugin_options_read(instance->plugin, resolved, NULL, NULL, error);
        status = instance->own == NULL ? -1 : 0;
    }
    variables_hide_error(instance->raw, resolved, error);
    string_map_destroy(resolved);
    return status;
}

static int create(struct connector_instance *instance, struct mr_error **error)
{
    struct mr_error *why = NULL;
    if (prepare(instance, error) != 0)
        return -1;
    instance->context.host = &context_host;
    instance->context.owner = instance;
    instance->context.name = instance->name;
    call_begin(instance, "create");
    instance->self = HEAD(instance, create)(&instance->context, &why);
    return result_of(instance, instance->self == NULL ? -1 : 0, "create", why, error);
}

static int start(struct connector_instance *instance, struct mr_error **error)
{
    struct mr_error *why = NULL;
    call_begin(instance, "start");
    int status = HEAD(instance, start)(instance->self, instance->own, &why);
    instance->started = status == 0;
    return result_of(instance, status, "start", why, error);
}

static void stop(struct connector_instance *instance)
{
    call_begin(instance, "stop");
    if (instance->started)
        HEAD(instance, stop)(instance->self);
    instance->started = false;
    call_end(instance);
}

static void destroy(struct connector_instance *instance)
{
    connector_values_end(instance->values);
    if (instance->self == NULL)
        return;
    stop(instance);
    call_begin(instance, "destroy");
    HEAD(instance, destroy)(instance->self);
    instance->self = NULL;
    call_end(instance);
}

/* Takes the error. */
static void fail(struct connector_instance *instance, struct mr_error *error)
{
    char *trace = trace_of(error), line[ERROR_LINE_MAX];
    destroy(instance);
    tell_failed(instance, task_failure_kind(error, true), trace != NULL ? trace : mr_error_message(error), error_line(error, line, sizeof(line)));
    mem_free(trace);
    mr_error_drop(error);
}

/* Orders; thread: a job's, one at a time for an instance. ---------------------------------------------------------- */

/* true: the connector must not be created, and was told FAILED. */
static bool is_held(struct connector_instance *instance)
{
    char *reason = quarantine_reason(instance->executor->setup.quarantine, instance->name, QUARANTINE_CONNECTOR,
                                     instance->raw);
    if (reason == NULL)
        return false;
    log_error(LOG_NAME, "connector %s is not started: %s", instance->name, reason);
    atomic_store(&instance->failure, FAILURE_HELD);
    tell_last(instance, CONNECTOR_FAILED, reason);
    mem_free(reason);
    return true;
}

/* From whatever it is to what is wanted. */
static void settle(struct connector_instance *instance, const struct order *order)
{
    struct mr_error *error = NULL;
    int status = 0;
    if (instance->self == NULL && is_held(instance))
        return;
    instance->target = order->target;
    if (instance->self == NULL)
        status = create(instance, &error);
    if (status == 0 && order->target == CONNECTOR_TARGET_STARTED && !instance->started && !is_dead(instance))
        status = start(instance, &error);
    if (status != 0) {
        fail(instance, error);
        return;
    }
    if (order->target != CONNECTOR_TARGET_STARTED)
        stop(instance);
    tell_settled(instance);
}

static void ask_configs(struct connector_instance *instance, const struct order *order)
{
    struct task_configs_result result = {0};
    struct mr_error *error = NULL, *why = NULL;
    struct mr_task_configs *configs = task_configs_create();
    int status = -1;
    if (configs == NULL) {
        mr_error_set(&error, MR_ERR_NO_MEMORY, "No memory for the task configurations of connector %s", instance->name);
    } else if (!instance->started) {
        mr_error_set(&error, MR_ERR_ILLEGAL_STATE, "Connector %s is not running", instance->name);
    } else {
        call_begin(instance, "task_configs");
        status = HEAD(instance, task_configs)(instance->self, instance->config->tasks_max, configs, &why);
        status = result_of(instance, status, "task_configs", why, &error);
    }
    if (status == 0)
        status = task_configs_finish(&result, configs, instance->config, HEAD(instance, task_class_name), instance->raw,
                                     &error);
    char *trace = status == 0 ? NULL : trace_of(error);
    if (!is_dead(instance)) /* else it was answered when the time was over */
        tell_configs(instance, order->token, &result, status == 0 ? NULL : trace != NULL ? trace : "no memory");
    mem_free(trace);
    mr_error_drop(error);
    task_configs_result_release(&result);
    task_configs_destroy(configs);
}

static void answer_dead(struct connector_instance *instance, const struct order *order)
{
    static const struct task_configs_result none = {0};
    if (order->kind == ORDER_CONFIGS)
        tell_configs(instance, order->token, &none, "The connector has failed or was ended");
}

static void order_run(void *argument)
{
    struct order *order = argument;
    struct connector_instance *instance = order->instance;
    struct log_context context;
    order->has_run = true;
    log_context_push(&context, instance->name, -1);
    if (is_dead(instance)) {
        answer_dead(instance, order);
    } else if (order->kind == ORDER_START || order->kind == ORDER_TARGET) {
        settle(instance, order);
    } else if (order->kind == ORDER_CONFIGS) {
        ask_configs(instance, order);
    } else if (order->kind == ORDER_END) {
        destroy(instance);
        tell_last(instance, CONNECTOR_ENDED, NULL);
    } else if (order->kind == ORDER_FAIL) {
        const char *trace = order->trace != NULL ? order->trace : "The connector raised an error";
        destroy(instance);
        tell_failed(instance, FAILURE_PLUGIN, trace, trace);
    }
    if (is_dead(instance))
        destroy(instance);
    log_context_pop(&context);
}

static void order_free(struct order *order)
{
    connector_instance_drop(order->instance);
    mem_free(order->trace);
    mem_free(order);
}

static void order_timed_out(struct order *order)
{
    static const struct task_configs_result none = {0};
    struct connector_instance *instance = order->instance;
    const char *inside = atomic_load(&instance->inside);
    char words[256];
    snprintf(words, sizeof(words), "The connector's %s did not return in time; its thread is given up",
             inside == NULL ? "turn" : inside);
    if (order->kind != ORDER_END)
        tell_failed(instance, FAILURE_TIMEOUT, words, words);
    else if (tell_last(instance, CONNECTOR_ENDED, NULL))
        log_error(LOG_NAME, "connector %s is given up: %s", instance->name, words);
    if (order->kind == ORDER_CONFIGS)
        tell_configs(instance, order->token, &none, words);
}

/* Every order is freed once: here when done in time, else by order_late. */
static void order_outcome(void *argument, enum job_outcome outcome)
{
    struct order *order = argument;
    if (outcome == JOB_DONE)
        order_free(order);
    else
        order_timed_out(order);
}

static bool post_copy(struct order *copy, int64_t deadline_ms);

/* The call has returned after all: order_run has ended what there was. One that was never run may have left the instance to
 * nobody: it comes again, in its turn, to look. */
static void order_late(void *argument)
{
    struct order *order = argument;
    if (!order->has_run && order->kind != ORDER_REAP) {
        order->kind = ORDER_REAP;
        if (post_copy(order, INT64_MAX))
            return;
    }
    order_free(order);
}

static bool post_copy(struct order *copy, int64_t deadline_ms)
{
    struct job job = {.run = order_run,
                      .on_outcome = order_outcome,
                      .on_late = order_late,
                      .argument = copy,
                      .serial = copy->instance,
                      .deadline_ms = deadline_ms};
    return job_post(copy->instance->executor->setup.jobs, &job);
}

static bool post(struct connector_instance *instance, const struct order *order)
{
    struct order *copy = mem_calloc(1, sizeof(*copy));
    if (copy == NULL)
        return false;
    bool is_stop = order->kind == ORDER_END || order->kind == ORDER_FAIL ||
                   (order->kind == ORDER_TARGET && order->target != CONNECTOR_TARGET_STARTED);
    *copy = (struct order){.instance = connector_instance_take(instance),
                           .kind = order->kind,
                           .target = order->target,
                           .token = order->token,
                           .trace = order->trace};
    uint32_t timeout_ms = is_stop ? EXECUTOR_STOP_TIMEOUT_MS : instance->executor->setup.worker->call_timeout_ms;
    if (post_copy(copy, clock_monotonic_ms(NULL) + timeout_ms))
        return true;
    copy->trace = NULL; /* stays the caller's */
    order_free(copy);
    return false;
}

void connector_instance_look(struct connector_instance *instance, int64_t now_ms, int64_t *wake_at_ms)
{
    connector_values_look(instance->values, now_ms, wake_at_ms);
}

/* Commands ------------------------------------------------------------------------------------------------------- */

bool connector_instance_start(struct connector_instance *instance, enum connector_target target)
{
    return post(instance, &(struct order){.kind = ORDER_START, .target = target});
}

bool connector_instance_set_target(struct connector_instance *instance, enum connector_target target)
{
    return post(instance, &(struct order){.kind = ORDER_TARGET, .target = target});
}

bool connector_instance_ask_configs(struct connector_instance *instance, uint64_t token)
{
    return post(instance, &(struct order){.kind = ORDER_CONFIGS, .token = token});
}

bool connector_instance_end(struct connector_instance *instance)
{
    return post(instance, &(struct order){.kind = ORDER_END});
}

void connector_instance_fail(struct connector_instance *instance, const char *trace)
{
    tell_failed(instance, FAILURE_MEMORY, trace, trace);
}
