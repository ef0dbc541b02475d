#include "task/sink_task.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/murmur2.h"
#include "base/thread.h"
#include "errors/tolerance.h"
#include "kafka/client_config.h"
#include "metrics/unit_metrics.h"
#include "sdk/plugin_metrics.h"
#include "task/sink_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.sink"
#define BATCHES_IDLE_MAX 2
#define MEET_TIMEOUT_MS 1000

/* --- plugin calls; the consumer is lent while one is inside ------------------------------------------------------- */

/* Whoever comes first, the abandoner or the task itself, closes it. */
static void close_lent(struct sink_task *task)
{
    struct consumer *consumer = atomic_exchange(&task->lent, NULL);

    if (consumer != NULL)
        consumer_close(consumer, CONSUMER_CLOSE_LEAVE,
                       clock_monotonic_ms(NULL) + task->task.setup.offset_flush_timeout_ms);
}

static void lend(struct task *base)
{
    struct sink_task *task = SINK_TASK_OF(base);

    atomic_store(&task->lent, task->consumer);
    /* Abandoned just now: the abandoner may have looked before anything was lent. One of the two sees the other. */
    if (atomic_load(&base->abandoned))
        close_lent(task);
}

static void take_back(struct task *base)
{
    struct sink_task *task = SINK_TASK_OF(base);

    task->consumer = atomic_exchange(&task->lent, NULL); /* NULL: whoever abandoned us has closed it */
}

/* --- prepare and start ------------------------------------------------------------------------------------------------ */

static void on_ready(void *argument)
{
    struct sink_task *task = argument;

    task_wake(&task->task);
}

static void *create(struct task *base, struct mr_error **error)
{
    struct sink_task *task = SINK_TASK_OF(base);

    return task->setup.plugin->create(&task->context, error);
}

static struct consumer *open_consumer(struct sink_task *task, struct mr_error **error)
{
    return consumer_open(
        &(struct consumer_setup){
            .config = task->setup.consumer_config,
            .buffer_bytes_max = task->task.setup.buffer_bytes_max,
            .graveyard = task->setup.graveyard,
            .metrics = unit_metrics_add_client(task->task.setup.metrics, client_config_client_id(task->setup.consumer_config)),
            .instance_id = task->instance_id,
            .on_ready = on_ready,
            .argument = task,
        },
        error);
}

/* Asks for an offset, whatever the answer: the group's coordinator is found and connected then, which can take a second. */
static void meet_coordinator(struct sink_task *task)
{
    struct consumer_partition any = {.topic = task->setup.topic_count > 0 ? task->topics[0] : NULL};
    struct mr_error *ignored = NULL;

    if (any.topic != NULL && consumer_committed(task->consumer, &any, 1, clock_monotonic_ms(NULL) + MEET_TIMEOUT_MS, &ignored) != 0)
        mr_error_drop(ignored);
}

/* A successor is connected before its predecessor lets go; a member it becomes when it starts. */
static int prepare(struct sink_task *task, const struct task_wish *wish, struct mr_error **error)
{
    task_move(&task->task, TASK_PREPARING, NULL);
    if (!wish->started && !wish->paused) {
        task->consumer = open_consumer(task, error);
        if (task->consumer == NULL)
            return -1;
        meet_coordinator(task);
    }
    return task_plugin_prepare(&task->task, error);
}

static int join(struct sink_task *task, struct mr_error **error)
{
    return consumer_subscribe(task->consumer,
                              &(struct consumer_subscription){.topics = (const char *const *)task->topics,
                                                              .topic_count = task->setup.topic_count,
                                                              .topics_regex = task->topics_regex},
                              error);
}

/* The plugin is started before the first partition can be opened (as Kafka's WorkerSinkTask). */
static int start(struct sink_task *task, struct mr_error **error)
{
    int64_t now_ms;

    if (task_plugin_start(&task->task, error) != 0)
        return -1;
    if (task_is_stopping(&task->task) || task_is_abandoned(&task->task))
        return 0;
    if (task->consumer == NULL)
        task->consumer = open_consumer(task, error);
    if (task->consumer == NULL || join(task, error) != 0)
        return -1;
    now_ms = clock_monotonic_ms(task->task.setup.clock);
    task->commit_at_ms = task->empty_put_at_ms = now_ms + task->task.setup.offset_flush_interval_ms;
    rate_init(&task->rate, task->task.setup.records_per_second, task->task.setup.bytes_per_second, task_now_us(&task->task));
    return 0;
}

/* --- running ------------------------------------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_wake_ms(const struct sink_task *task)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock), next_ms = now_ms + SINK_EVENTS_MS;

    next_ms = earlier(next_ms, task->put_again ? task->retry_at_ms : task->empty_put_at_ms);
    if (task->rate_at_ms > now_ms) /* else something else holds reading up, and tells when it does not */
        next_ms = earlier(next_ms, task->rate_at_ms);
    if (!task->commit_running)
        next_ms = earlier(next_ms, task->commit_at_ms);
    return next_ms;
}

static int run(struct sink_task *task, bool paused, enum task_step *step, int64_t *wake_at_ms, struct mr_error **error)
{
    bool idle = true;

    task->read_again = false;
    if (sink_task_serve_group(task, error) != 0)
        return -1;
    if (task->consumer != NULL && !task->fenced && sink_task_commit_if_due(task, error) != 0)
        return -1;
    if (task->consumer != NULL && !task->fenced && sink_task_put(task, paused, &idle, error) != 0)
        return -1;
    *wake_at_ms = next_wake_ms(task);
    if (!idle || task->fenced)
        *step = TASK_STEP_AGAIN;
    else if (!task_may_act(&task->task))
        *wake_at_ms = clock_monotonic_ms(task->task.setup.clock) + LEASE_LOOK_MS;
    else if (task->read_again || (task->commit_wished && !task->commit_running))
        *step = TASK_STEP_AGAIN;
    return 0;
}

/* --- the end ------------------------------------------------------------------------------------------------------------ */

/* A FAILED task leaves the group, so that its partitions move on to its siblings. */
static void close_consumer(struct sink_task *task, const struct task_wish *wish)
{
    /* A fenced member's place is its successor's already: there is nothing to leave. */
    bool stays = task->fenced ||
                 (wish->stopped && wish->departure == TASK_DEPARTURE_STAY && task->task.failure == NULL);
    int64_t deadline_ms = clock_monotonic_ms(task->task.setup.clock) + task->task.setup.offset_flush_timeout_ms;

    if (wish->stopped)
        deadline_ms = earlier(deadline_ms, wish->stop_deadline_ms);
    if (task->consumer == NULL)
        return;
    consumer_close(task->consumer, stays ? CONSUMER_CLOSE_STAY : CONSUMER_CLOSE_LEAVE,
                   task_real_deadline_ms(&task->task, deadline_ms));
    task->consumer = NULL;
}

static enum task_step end(struct sink_task *task, const struct task_wish *wish)
{
    bool lost = task->fenced || !task_may_act(&task->task);

    if (!task_state_may_move(task_state(&task->task), TASK_STOPPING))
        return TASK_STEP_ENDED;
    task_move(&task->task, TASK_STOPPING, NULL);
    sink_task_drop_batch(task);
    if (task->task.self != NULL && task->partition_count > 0 && !task_is_abandoned(&task->task))
        sink_task_close_all(task, lost);
    close_consumer(task, wish);
    task_plugin_stop(&task->task);
    close_consumer(task, wish);
    return task_finish(&task->task);
}

/* --- the step ------------------------------------------------------------------------------------------------------------ */

/* What lies between now and RUNNING or PAUSED. *waiting: something has to come first. */
static int advance(struct sink_task *task, const struct task_wish *wish, bool *waiting, struct mr_error **error)
{
    struct task *head = &task->task;

    *waiting = true;
    if (task_state(head) == TASK_NEW && wish->prepared && prepare(task, wish, error) != 0)
        return -1;
    if (task_state(head) < TASK_PREPARED || !wish->started)
        return 0;
    if (!task->task.started) {
        if (wish->paused) {
            if (task_state(head) == TASK_PREPARED)
                task_move(head, TASK_PAUSED, NULL);
            return 0;
        }
        task_move(head, TASK_STARTING, NULL);
        if (start(task, error) != 0)
            return -1;
    }
    if (wish->paused != (task_state(head) == TASK_PAUSED) || task_state(head) == TASK_STARTING) {
        task_move(head, wish->paused ? TASK_PAUSED : TASK_RUNNING, NULL);
        if (wish->paused)
            task->commit_wished = true; /* a pause commits at once, as in WorkerSinkTask */
    }
    *waiting = false;
    return 0;
}

static enum task_step step_task(struct sink_task *task, const struct task_wish *wish, int64_t *wake_at_ms)
{
    struct mr_error *error = NULL;
    enum task_step step = TASK_STEP_WAIT;
    bool waiting;

    if (wish->stopped || task->fenced || task_is_abandoned(&task->task))
        return end(task, wish);
    if (!task->task.started && !task_may_act(&task->task)) {
        *wake_at_ms = clock_monotonic_ms(task->task.setup.clock) + LEASE_LOOK_MS;
        return TASK_STEP_WAIT;
    }
    if (advance(task, wish, &waiting, &error) == 0 &&
        (waiting || task->consumer == NULL || run(task, wish->paused, &step, wake_at_ms, &error) == 0))
        return task_is_stopping(&task->task) ? TASK_STEP_AGAIN : step;
    if (task_is_stopping(&task->task) && tolerance_was_interrupted(task->setup.tolerance)) {
        log_info(LOG_NAME, "%s: its record comes again", mr_error_message(error));
        mr_error_drop(error);
        return TASK_STEP_AGAIN; /* the wish to stop is seen then */
    }
    tolerance_failure(task->setup.tolerance, &task->task.failed);
    task_fail(&task->task, error);
    return end(task, wish);
}

static enum task_step sink_task_step(struct task *base, const struct task_wish *wish, int64_t *wake_at_ms)
{
    struct log_context context;
    enum task_step step;

    log_context_push(&context, base->connector, (int)base->setup.number);
    step = step_task(SINK_TASK_OF(base), wish, wake_at_ms);
    log_context_pop(&context);
    return step;
}

/* A full buffer of dead letters may never have room again. */
static void sink_task_interrupt(struct task *base)
{
    tolerance_stop(SINK_TASK_OF(base)->setup.tolerance);
}

/* A plugin that hangs must not keep its partitions: whoever finds the consumer lent closes it. */
static void sink_task_abandon(struct task *base)
{
    struct sink_task *task = SINK_TASK_OF(base);

    tolerance_cancel(task->setup.tolerance);
    close_lent(task);
}

/* --- life ------------------------------------------------------------------------------------------------------------------ */

static void sink_task_destroy(struct task *base)
{
    struct sink_task *task = SINK_TASK_OF(base);

    assert(task->task.self == NULL && task->consumer == NULL && task->batch == NULL);
    plugin_wake_end(task->context.waker);
    plugin_wake_end(task->released_waker);
    unit_metrics_set_plugin(base->setup.metrics, NULL);
    plugin_metrics_destroy(task->context.metrics);
    sink_partitions_release(task);
    offsets_destroy(task->assignment);
    offsets_destroy(task->offsets);
    for (size_t i = 0; i < task->committing_count; i++)
        mem_free((char *)task->committing[i].topic);
    mem_free(task->committing);
    mem_free(task->runs);
    for (size_t i = 0; task->topics != NULL && i < task->setup.topic_count; i++)
        mem_free(task->topics[i]);
    mem_free(task->topics);
    mem_free(task->topics_regex);
    mem_free(task->instance_id);
    sink_output_release(&task->output);
    batch_pool_destroy(task->pool);
    sink_pipeline_destroy(task->setup.pipeline);
    tolerance_destroy(task->setup.tolerance, clock_monotonic_ms(NULL) + LETTERS_GRACE_MS);
    mr_config_destroy(task->setup.config);
    client_config_drop(task->setup.consumer_config);
    task_release(base);
    mem_free(task);
}

static bool sink_task_is_retrying(const struct task *base)
{
    return tolerance_is_retrying(((const struct sink_task *)(const void *)base)->setup.tolerance);
}

static const struct task_ops sink_task_ops = {
    .is_retrying = sink_task_is_retrying,
    .step = sink_task_step,
    .abandon = sink_task_abandon,
    .interrupt = sink_task_interrupt,
    .create = create,
    .lend = lend,
    .take_back = take_back,
    .destroy = sink_task_destroy,
};

static uint32_t topics_print(const struct sink_task *task)
{
    uint32_t print = 0;

    for (size_t i = 0; i < task->setup.topic_count; i++)
        print = print * 31 + (uint32_t)murmur2(task->setup.topics[i], strlen(task->setup.topics[i]));
    if (task->setup.topics_regex != NULL)
        print = ~print * 31 + (uint32_t)murmur2(task->setup.topics_regex, strlen(task->setup.topics_regex));
    return print;
}

/* The topics are part of it: the broker gives a static member that comes back its old partitions, whatever it subscribes to by
 * then. With other topics it has to be another member. */
static char *make_instance_id(const struct sink_task *task)
{
    const char *group = client_config_get(task->setup.consumer_config, "group.id");
    size_t size = (group == NULL ? 0 : strlen(group)) + 32;
    char *text = mem_alloc(size);

    if (text != NULL)
        snprintf(text, size, "%s-%u-%08x", group == NULL ? "" : group, task->task.setup.number, topics_print(task));
    return text;
}

static bool copy_topics(struct sink_task *task)
{
    task->topics = mem_calloc(task->setup.topic_count + 1, sizeof(*task->topics));
    for (size_t i = 0; task->topics != NULL && i < task->setup.topic_count; i++)
        if ((task->topics[i] = mem_strdup(task->setup.topics[i])) == NULL)
            return false;
    if (task->setup.topics_regex != NULL)
        task->topics_regex = mem_strdup(task->setup.topics_regex);
    return task->topics != NULL && (task->setup.topics_regex == NULL || task->topics_regex != NULL);
}

static bool parts_create(struct sink_task *task)
{
    const struct task_common_setup *common = &task->task.setup;
    task->errant = (struct mr_errant_reporter){.host = &sink_task_errant_host, .owner = task};
    task->context = (struct mr_sink_context){
        .host = &sink_task_context_host,
        .owner = task,
        .connector = task->task.connector,
        .task = common->number,
        .waker = plugin_wake_create(&task->task, &task->plugin_wake),
        .metrics = plugin_metrics_create(),
        .errant = tolerance_has_errant_reporter(task->setup.tolerance) ? &task->errant : NULL,
    };
    unit_metrics_set_plugin(common->metrics, task->context.metrics);
    task->released_waker = plugin_wake_create(&task->task, &task->released_wake);
    task->pool =
        batch_pool_create(&(struct batch_pool_setup){.batch_limit_bytes = SIZE_MAX / 2, .idle_max = BATCHES_IDLE_MAX});
    task->assignment = offsets_create();
    task->offsets = offsets_create();
    task->instance_id = make_instance_id(task);
    return copy_topics(task) && task->context.waker != NULL && task->released_waker != NULL &&
           task->context.metrics != NULL && task->pool != NULL && task->assignment != NULL && task->offsets != NULL &&
           task->instance_id != NULL;
}

static void give_back(const struct sink_task_setup *setup)
{
    sink_pipeline_destroy(setup->pipeline);
    tolerance_destroy(setup->tolerance, clock_monotonic_ms(NULL));
    mr_config_destroy(setup->config);
}

struct task *sink_task_create(const struct sink_task_setup *setup, struct mr_error **error)
{
    struct sink_task *task = mem_calloc(1, sizeof(*task));
    const struct task_plugin plugin = TASK_PLUGIN_OF(setup);
    bool blocks = (setup->plugin->flags & MR_TASK_BLOCKS) != 0;

    if (task == NULL || task_init(&task->task, &sink_task_ops, &setup->common, &plugin, blocks, error) != 0) {
        mem_free(task);
        give_back(setup);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for task %s-%u", setup->common.connector,
                     setup->common.number);
        return NULL;
    }
    task->setup = *setup;
    task->rate_at_ms = INT64_MAX;
    breaker_init(&task->breaker, hash_seed(task));
    client_config_take(task->setup.consumer_config);
    atomic_init(&task->lent, NULL);
    sink_output_init(&task->output);
    if (parts_create(task))
        return &task->task;
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for task %s-%u", setup->common.connector, setup->common.number);
    sink_task_destroy(&task->task);
    return NULL;
}
