#include "task/source_task.h"

#include <assert.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "errors/tolerance.h"
#include "kafka/client_config.h"
#include "kafka/producer.h"
#include "metrics/unit_metrics.h"
#include "sdk/plugin_metrics.h"
#include "store/offset_store.h"
#include "task/source_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.source"
/* As many come back at once when the brokers have answered a large request. */
#define BATCHES_IDLE_MAX 12
#define BATCHES_IDLE_BYTES_MAX ((size_t)16 << 20)
#define POLL_PER_BUFFER 4 /* of the buffer one poll is to use this part: the last record of it may be large */
#define REFRESH_TIMEOUT_MS 120000 /* a dead producer's transaction may hold it up for 70 s, with Kafka's defaults */

/* --- what the plugin may ask --------------------------------------------------------------------------------- */

static const struct mr_value *context_offset(void *owner, const struct mr_value *source_partition,
                                             struct mr_arena *arena, struct mr_error **error)
{
    struct source_task *task = owner;

    return offset_store_get(task->setup.offsets, task->task.connector, source_partition, arena, error);
}

static void context_poll_after_ms(void *owner, uint32_t delay_ms)
{
    struct source_task *task = owner;

    if (!task->poll_after_is_set || delay_ms < task->poll_after_ms)
        task->poll_after_ms = delay_ms;
    task->poll_after_is_set = true;
}

static bool context_is_stopping(const void *owner)
{
    const struct source_task *task = owner;

    return task_is_stopping(&task->task);
}

static const struct source_context_host context_host = {
    .offset = context_offset,
    .poll_after_ms = context_poll_after_ms,
    .is_stopping = context_is_stopping,
};

static void *create(struct task *base, struct mr_error **error)
{
    struct source_task *task = SOURCE_TASK_OF(base);

    return task->setup.plugin->create(&task->context, error);
}

/* --- prepare and start; each returns -1 for "the task fails" -------------------------------------------------- */

static int prepare(struct source_task *task, struct mr_error **error)
{
    task_move(&task->task, TASK_PREPARING, NULL);
    task->user = producer_user_open(task->setup.producers,
                                    &(struct producer_user_setup){
                                        .config = task->setup.producer_config,
                                        .name = client_config_client_id(task->setup.producer_config),
                                        .listener = &source_task_producer_listener,
                                        .argument = task,
                                        .bytes_max = task->task.setup.buffer_bytes_max,
                                        .records_max = SOURCE_TASK_RECORDS_MAX,
                                    },
                                    error);
    if (task->user == NULL)
        return -1;
    if (source_task_is_exact(task))
        source_task_prepare_transactions(task);
    return task_plugin_prepare(&task->task, error);
}

/* Shared by the task and the store: a task that ends meanwhile does not wait for an answer that may take minutes. */
struct offset_refresh {
    struct refcount owners;
    pthread_mutex_t lock;
    struct source_task *task; /* NULL: it has let go. locks: lock */
};

static void refresh_drop(struct offset_refresh *refresh)
{
    if (!refcount_drop(&refresh->owners))
        return;
    mutex_destroy(&refresh->lock);
    mem_free(refresh);
}

/* thread: the store's, or that of whoever asks */
static void on_refreshed(void *argument, const struct mr_error *error)
{
    struct offset_refresh *refresh = argument;

    mutex_lock(&refresh->lock);
    if (refresh->task != NULL) {
        if (error != NULL)
            atomic_store(&refresh->task->refresh_failure, task_trace(error));
        task_signal(&refresh->task->task, &refresh->task->offsets_refreshed);
    }
    mutex_unlock(&refresh->lock);
    refresh_drop(refresh);
}

static int refresh_ask(struct source_task *task, struct mr_error **error)
{
    struct offset_refresh *refresh = mem_calloc(1, sizeof(*refresh));

    if (refresh == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to read the stored offsets");
    refcount_init(&refresh->owners);
    refcount_take(&refresh->owners);
    mutex_init(&refresh->lock);
    refresh->task = task;
    task->refresh = refresh;
    offset_store_refresh_then(task->setup.offsets, clock_monotonic_ms(NULL) + REFRESH_TIMEOUT_MS, on_refreshed, refresh);
    return 0;
}

/* No answer touches the task after this. */
static void refresh_let_go(struct source_task *task)
{
    struct offset_refresh *refresh = task->refresh;

    if (refresh == NULL)
        return;
    mutex_lock(&refresh->lock);
    refresh->task = NULL;
    mutex_unlock(&refresh->lock);
    task->refresh = NULL;
    refresh_drop(refresh);
}

/* The task starts where the store says when everything written before has been read. *waiting: not yet. */
static int refresh_offsets(struct source_task *task, bool *waiting, struct mr_error **error)
{
    char *failure;

    if (task->refresh == NULL && refresh_ask(task, error) != 0)
        return -1;
    *waiting = !atomic_load_explicit(&task->offsets_refreshed, memory_order_acquire);
    failure = *waiting ? NULL : atomic_exchange(&task->refresh_failure, NULL);
    if (failure == NULL)
        return 0;
    mr_error_set(error, MR_ERR_CONNECT, "the stored offsets could not be read: %s", failure);
    mem_free(failure);
    return -1;
}

/* --- running ---------------------------------------------------------------------------------------------------- */

static bool is_full(const struct source_task *task)
{
    uint64_t bytes_max = task->task.setup.buffer_bytes_max;

    return producer_user_record_count(task->user) >= SOURCE_TASK_RECORDS_MAX ||
           (bytes_max > 0 && (producer_user_byte_count(task->user) >= bytes_max ||
                              task->held_bytes / SOURCE_TASK_HELD_FACTOR >= bytes_max));
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool rate_lets_poll(struct source_task *task, int64_t now_ms, int64_t *wake_at_ms)
{
    struct task_health *health = task->task.health;
    int64_t wait_ms = rate_wait_ms(&task->rate, task_now_us(&task->task));

    if (wait_ms > 0) {
        if (!task->rate_waits)
            atomic_fetch_add_explicit(&health->rate_waits, 1, memory_order_relaxed);
        atomic_store_explicit(&health->rate_until_ms, now_ms + wait_ms, memory_order_relaxed);
        *wake_at_ms = earlier(*wake_at_ms, now_ms + wait_ms);
    }
    task->rate_waits = wait_ms > 0;
    return wait_ms == 0;
}

static bool ends_transaction(const struct source_task *task)
{
    return task->exact.cut != CUT_NONE || task->exact.cause != NULL;
}

static int run(struct source_task *task, enum task_step *step, int64_t *wake_at_ms, struct mr_error **error)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock);
    bool all, idle;

    if (plugin_wake_take(task->plugin_wake))
        task->poll_at_ms = 0;
    if (source_task_send(task, &all, error) != 0)
        return -1;
    *step = ends_transaction(task) ? TASK_STEP_AGAIN : TASK_STEP_WAIT;
    *wake_at_ms = earlier(earlier(*wake_at_ms, offset_commit_next_ms(task->commit)), task->topics_at_ms);
    if (!all || is_full(task) || task_is_stopping(&task->task) || !tolerance_has_room(task->setup.tolerance))
        return 0; /* on_writable, deliveries and dead letters wake us */
    if (now_ms < task->poll_at_ms) {
        *wake_at_ms = earlier(*wake_at_ms, task->poll_at_ms);
        return 0;
    }
    if (!rate_lets_poll(task, now_ms, wake_at_ms))
        return 0;
    if (source_task_poll(task, &idle, error) != 0 || source_task_send(task, &all, error) != 0)
        return -1;
    *wake_at_ms = earlier(earlier(offset_commit_next_ms(task->commit), task->poll_at_ms), task->topics_at_ms);
    if ((all && !idle) || ends_transaction(task))
        *step = TASK_STEP_AGAIN;
    return 0;
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void ending_begin(struct source_task *task)
{
    task->ending = ENDING_DRAIN;
    task->ending_deadline_ms =
        clock_monotonic_ms(task->task.setup.clock) + task->task.setup.offset_flush_timeout_ms;
    task->may_flush_again = true;
    task_move(&task->task, TASK_STOPPING, NULL);
}

/* Waits for what is under way; what is not sent by then stays unsent. */
static bool drain(struct source_task *task, int64_t now_ms)
{
    bool all = true;

    if (task->user == NULL || !task_may_act(&task->task))
        return true; /* without the lease nothing may leave any more: what the producer holds is purged by its close */
    if (source_task_send(task, &all, NULL) != 0)
        all = true; /* cannot be sent: the offsets stay before it */
    if (all && producer_user_record_count(task->user) == 0 && !tolerance_is_waiting(task->setup.tolerance))
        return true;
    if (now_ms < task->ending_deadline_ms)
        return false;
    log_warn(LOG_NAME, TASK_FORMAT ": %u records%s were not acknowledged in time; they will be read again",
             TASK_ARGS(&task->task), producer_user_record_count(task->user),
             tolerance_is_waiting(task->setup.tolerance) ? " and some dead letters" : "");
    return true;
}

/* Without the lease, or the time, what is open is undone: its records will be read again. */
static bool end_transactions(struct source_task *task, int64_t now_ms, int64_t *wake_at_ms)
{
    bool is_over = !task_may_act(&task->task) || now_ms >= task->ending_deadline_ms;

    return task->user == NULL || source_task_end_transactions(task, is_over, wake_at_ms);
}

static void close_user(struct source_task *task, int64_t now_ms)
{
    bool hurry = !task_may_act(&task->task) || task->ending_deadline_ms <= now_ms;

    source_task_tell_topics(task);
    if (task->user == NULL)
        atomic_store(&task->user_closed, true);
    else
        producer_user_close(task->user, task_real_deadline_ms(&task->task, hurry ? now_ms : task->ending_deadline_ms));
    task->user = NULL;
}

static enum task_step finish(struct source_task *task)
{
    refresh_let_go(task);
    source_task_forget(task);
    task->ending = ENDING_DONE;
    return task_finish(&task->task);
}

/* A failure may be that of an older flush: once, it is tried again. */
static bool may_flush_again(struct source_task *task, enum flush_state state)
{
    bool again = state == FLUSH_FAILED && task->may_flush_again;

    task->may_flush_again &= !again;
    return again || state == FLUSH_STORED; /* what was acknowledged meanwhile */
}

/* Stores all that is committable. true: done, or not to be had in time. */
static bool commit_last(struct source_task *task, int64_t now_ms)
{
    enum flush_state state;

    do
        state = source_task_flush(task, true);
    while (may_flush_again(task, state));
    return state != FLUSH_RUNNING || now_ms >= task->ending_deadline_ms;
}

static enum task_step end(struct source_task *task, const struct task_wish *wish, int64_t *wake_at_ms)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock);

    if (wish->stopped)
        task->ending_deadline_ms = earlier(task->ending_deadline_ms, wish->stop_deadline_ms);
    source_task_take_acks(task, NULL);
    if (task->ending == ENDING_DRAIN && source_task_is_exact(task)) {
        if (end_transactions(task, now_ms, wake_at_ms))
            task->ending = ENDING_COMMIT;
    } else if (task->ending == ENDING_DRAIN && drain(task, now_ms)) {
        task->topics_at_ms = INT64_MAX; /* what still waits for a topic waits in vain */
        source_task_take_acks(task, NULL);
        task->ending = ENDING_COMMIT;
    }
    if (task->ending == ENDING_COMMIT && (source_task_is_exact(task) || commit_last(task, now_ms))) {
        task_plugin_stop(&task->task);
        close_user(task, now_ms);
        task->ending = ENDING_CLOSE;
    }
    if (task->ending == ENDING_CLOSE && atomic_load(&task->user_closed))
        return finish(task);
    if (task->ending != ENDING_CLOSE && now_ms < task->ending_deadline_ms)
        *wake_at_ms = earlier(*wake_at_ms, earlier(task->ending_deadline_ms, task->topics_at_ms));
    return TASK_STEP_WAIT;
}

/* --- the step --------------------------------------------------------------------------------------------------- */

/* What lies between now and RUNNING. *waiting: something has to come first. */
static int advance(struct source_task *task, const struct task_wish *wish, bool *waiting, int64_t *wake_at_ms,
                   struct mr_error **error)
{
    struct task *head = &task->task;

    *waiting = true;
    if (task_state(head) == TASK_NEW && wish->prepared && prepare(task, error) != 0)
        return -1;
    if (task_state(head) < TASK_PREPARED || !wish->started)
        return 0;
    if (!task->task.started) {
        if (wish->paused) { /* a task that begins paused waits before the plugin's start */
            if (task_state(head) != TASK_PAUSED)
                task_move(head, TASK_PAUSED, NULL);
            return 0;
        }
        if (task_state(head) != TASK_STARTING)
            task_move(head, TASK_STARTING, NULL);
        *waiting = false;
        if (source_task_is_exact(task) && source_task_enter(task, waiting, wake_at_ms, error) != 0)
            return -1;
        if (!*waiting && refresh_offsets(task, waiting, error) != 0)
            return -1;
        if (*waiting || task_is_stopping(head))
            return 0;
        if (task_plugin_start(head, error) != 0)
            return -1;
        rate_init(&task->rate, head->setup.records_per_second, head->setup.bytes_per_second, task_now_us(head));
    }
    if (wish->paused != (task_state(head) == TASK_PAUSED) || task_state(head) == TASK_STARTING)
        task_move(head, wish->paused ? TASK_PAUSED : TASK_RUNNING, NULL);
    *waiting = wish->paused;
    return 0;
}

/* *waiting is set while a transaction ends: what follows belongs to the next one. */
static int transact(struct source_task *task, const struct task_wish *wish, bool *waiting, int64_t *wake_at_ms,
                    struct mr_error **error)
{
    bool is_free = true;

    if (wish->paused && task->exact.setup.boundary != SOURCE_BOUNDARY_CONNECTOR)
        source_task_cut_now(task);
    else if (source_task_cut_in_time(task, is_full(task), wake_at_ms, error) != 0)
        return -1;
    if (source_task_transact(task, &is_free, wake_at_ms, error) != 0)
        return -1;
    *waiting = *waiting || !is_free;
    return 0;
}

/* It cannot go on for this error; NULL: for one that it still asks the cluster about. */
static enum task_step judge(struct source_task *task, struct mr_error *error)
{
    enum source_verdict verdict = source_task_is_exact(task) ? source_task_judge(task, &error) : VERDICT_FAILS;

    if (verdict == VERDICT_WAITS)
        return TASK_STEP_WAIT;
    if (verdict == VERDICT_FAILS) {
        tolerance_failure(task->setup.tolerance, &task->task.failed);
        task_fail(&task->task, error);
    }
    ending_begin(task);
    return TASK_STEP_AGAIN;
}

static enum task_step step_task(struct source_task *task, const struct task_wish *wish, int64_t *wake_at_ms)
{
    struct mr_error *error = NULL;
    enum task_step step = TASK_STEP_WAIT;
    bool waiting = true;
    int status;

    if (task->ending == ENDING_NOT && (wish->stopped || task_is_abandoned(&task->task)))
        ending_begin(task);
    if (task->ending != ENDING_NOT)
        return end(task, wish, wake_at_ms);
    if (!task_may_act(&task->task)) {
        if (source_task_is_exact(task))
            source_task_lease_is_lost(task);
        *wake_at_ms = clock_monotonic_ms(task->task.setup.clock) + LEASE_LOOK_MS;
        return TASK_STEP_WAIT;
    }
    if (task->exact.fenced != NULL)
        return judge(task, NULL);
    status = advance(task, wish, &waiting, wake_at_ms, &error);
    if (status == 0 && task->task.started)
        status = source_task_take_acks(task, &error);
    if (status == 0 && task->task.started && !source_task_is_exact(task))
        source_task_flush(task, false);
    else if (status == 0 && task->task.started)
        status = transact(task, wish, &waiting, wake_at_ms, &error);
    if (status == 0 && !waiting)
        status = run(task, &step, wake_at_ms, &error);
    else if (status == 0 && task->task.started)
        *wake_at_ms = earlier(*wake_at_ms, offset_commit_next_ms(task->commit));
    if (status == 0)
        return step;
    if (task_is_stopping(&task->task) && tolerance_was_interrupted(task->setup.tolerance)) {
        log_info(LOG_NAME, TASK_FORMAT ": %s: its record comes again", TASK_ARGS(&task->task), mr_error_message(error));
        mr_error_drop(error);
        ending_begin(task);
        return TASK_STEP_AGAIN;
    }
    return judge(task, error);
}

static enum task_step source_task_step(struct task *base, const struct task_wish *wish, int64_t *wake_at_ms)
{
    struct log_context context;
    enum task_step step;

    log_context_push(&context, base->connector, (int)base->setup.number);
    step = step_task(SOURCE_TASK_OF(base), wish, wake_at_ms);
    log_context_pop(&context);
    return step;
}

static void source_task_tick(struct task *base)
{
    struct source_task *task = SOURCE_TASK_OF(base);

    if (source_task_is_exact(task) || !task_may_act(base) || task_inside(base)[0] == '\0')
        return; /* its own step does it */
    offset_commit_collect(task->commit);
    offset_commit_flush_start(task->commit);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void source_task_destroy(struct task *base)
{
    struct source_task *task = SOURCE_TASK_OF(base);

    assert(task->task.self == NULL && task->user == NULL && task->first == NULL);
    refresh_let_go(task);
    plugin_wake_end(task->context.waker);
    unit_metrics_set_plugin(base->setup.metrics, NULL);
    plugin_metrics_destroy(task->context.metrics);
    if (task->setup.topics.end != NULL)
        task->setup.topics.end(task->setup.topics.argument);
    transaction_release(&task->exact.transaction);
    mr_error_drop(task->exact.fenced);
    mr_error_drop(task->exact.cause);
    mem_free(task->exact.offsets_topic);
    offset_commit_close(task->commit);
    batch_pool_destroy(task->pool);
    outgoing_list_release(&task->outgoing);
    source_pipeline_destroy(task->setup.pipeline);
    tolerance_destroy(task->setup.tolerance, clock_monotonic_ms(NULL) + LETTERS_GRACE_MS);
    mr_config_destroy(task->setup.config);
    client_config_drop(task->setup.producer_config);
    mem_free(atomic_load(&task->refresh_failure));
    task_release(base);
    mem_free(task);
}

static void source_task_abandon(struct task *base)
{
    tolerance_cancel(SOURCE_TASK_OF(base)->setup.tolerance);
}

/* A full buffer of dead letters may never have room again. */
static void source_task_interrupt(struct task *base)
{
    tolerance_stop(SOURCE_TASK_OF(base)->setup.tolerance);
}

static bool source_task_is_retrying(const struct task *base)
{
    return tolerance_is_retrying(((const struct source_task *)(const void *)base)->setup.tolerance);
}

static const struct task_ops source_task_ops = {
    .is_retrying = source_task_is_retrying,
    .abandon = source_task_abandon,
    .interrupt = source_task_interrupt,
    .step = source_task_step,
    .tick = source_task_tick,
    .create = create,
    .destroy = source_task_destroy,
};

static bool parts_create(struct source_task *task, struct mr_error **error)
{
    const struct task_common_setup *common = &task->task.setup;
    size_t limit_bytes = common->buffer_bytes_max == 0 ? SIZE_MAX / 2 : (size_t)common->buffer_bytes_max;

    task->context = (struct mr_source_context){
        .host = &context_host,
        .owner = task,
        .connector = task->task.connector,
        .task = common->number,
        .batch_records_max = task->setup.batch_records_max,
        .batch_bytes_max = (size_t)(common->buffer_bytes_max / POLL_PER_BUFFER),
        .waker = plugin_wake_create(&task->task, &task->plugin_wake),
        .metrics = plugin_metrics_create(),
    };
    unit_metrics_set_plugin(common->metrics, task->context.metrics);
    task->pool =
        batch_pool_create(&(struct batch_pool_setup){.batch_limit_bytes = limit_bytes,
                                                     .idle_max = BATCHES_IDLE_MAX,
                                                     .idle_bytes_max = BATCHES_IDLE_BYTES_MAX});
    task->commit = offset_commit_create(
        &(struct offset_commit_setup){
            .connector = common->connector,
            .number = common->number,
            .store = task->setup.offsets,
            .put = source_task_is_exact(task) ? transaction_put : NULL,
            .put_argument = &task->exact.transaction,
            .clock = common->clock,
            .interval_ms = common->offset_flush_interval_ms,
            .timeout_ms = common->offset_flush_timeout_ms,
            .keep_done = task->setup.plugin->commit_record != NULL,
            .wake = common->wake,
            .wake_argument = common->wake_argument,
        },
        error);
    return (task->exact.offsets_topic != NULL || !source_task_is_exact(task)) && task->context.waker != NULL && task->context.metrics != NULL && task->pool != NULL &&
           task->commit != NULL;
}

struct task *source_task_create(const struct source_task_setup *setup, struct mr_error **error)
{
    struct source_task *task = mem_calloc(1, sizeof(*task));
    const struct task_plugin plugin = TASK_PLUGIN_OF(setup);
    bool blocks = (setup->plugin->flags & MR_TASK_BLOCKS) != 0;

    if (task == NULL || task_init(&task->task, &source_task_ops, &setup->common, &plugin, blocks, error) != 0) {
        mem_free(task);
        source_pipeline_destroy(setup->pipeline);
        tolerance_destroy(setup->tolerance, clock_monotonic_ms(NULL));
        mr_config_destroy(setup->config);
        if (setup->topics.end != NULL)
            setup->topics.end(setup->topics.argument);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for task %s-%u", setup->common.connector,
                     setup->common.number);
        return NULL;
    }
    task->setup = *setup;
    task->exact.setup = setup->exactly_once;
    task->exact.setup.offsets_topic = NULL;
    task->exact.offsets_topic = mem_strdup(setup->exactly_once.offsets_topic);
    task->exact.transaction.post_at_ms = INT64_MAX;
    task->topics_at_ms = INT64_MAX;
    client_config_take(task->setup.producer_config);
    outgoing_list_init(&task->outgoing);
    if (parts_create(task, error))
        return &task->task;
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for task %s-%u", setup->common.connector, setup->common.number);
    source_task_destroy(&task->task);
    return NULL;
}
