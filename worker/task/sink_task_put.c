/* From the consumer to the plugin's put, and again when put asks for it. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/log.h"
#include "base/mem.h"
#include "errors/tolerance.h"
#include "kafka/client_config.h"
#include "metrics/task_metrics.h"
#include "task/sink_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.sink"
#define LET_GO_BATCHES 16     /* so many in a row: the plugin keeps none */
#define READ_FIRST_RECORDS 64 /* while nothing is known about their size */
#define RECORD_BYTES_GUESS 1024 /* before the first was read */
/* Consumed bytes stay in the messages: a batch's arena holds what converters and transforms make of them. */
#define ARENA_PER_CONSUMED_BYTE 32
#define ARENA_PER_BUDGET_BYTE 4

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a batch of records");
}

/* When the last holder of the records lets go: the fetch buffers follow, and reading may go on. A plugin may hold them beyond
 * the task's end; what is left of the task then must not wait for it. */
struct sink_pin {
    struct consumer_batch *messages;
    struct mr_waker *waker;
};

static void pin_release(void *argument)
{
    struct sink_pin *pin = argument;

    consumer_batch_drop(pin->messages);
    mr_waker_wake(pin->waker);
    mr_waker_drop(pin->waker);
    mem_free(pin);
}

/* The task itself lets go: it is awake, and looks what it may read in the same step or the next. */
static void pin_wakes_nobody(struct sink_pin *pin)
{
    mr_waker_drop(pin->waker);
    pin->waker = NULL;
}

/* A plugin that keeps batches beyond put is given such as pin nothing but themselves. */
static void note_let_go(struct sink_task *task, bool is_let_go)
{
    bool was_soon = task->let_go_count >= LET_GO_BATCHES;

    task->let_go_count = !is_let_go ? 0 : was_soon ? LET_GO_BATCHES : task->let_go_count + 1;
    if (task->consumer != NULL && was_soon != (task->let_go_count >= LET_GO_BATCHES))
        consumer_lets_go_soon(task->consumer, !was_soon);
}

static void let_batch_go(struct sink_task *task)
{
    bool is_mine_alone = batch_is_mine_alone(task->batch);

    if (is_mine_alone)
        pin_wakes_nobody(task->pin);
    note_let_go(task, is_mine_alone);
    mr_batch_drop(task->batch);
    task->batch = NULL;
    task->pin = NULL;
}

void sink_task_drop_batch(struct sink_task *task)
{
    task->output.records.count = 0;
    task->put_again = false;
    atomic_store_explicit(&task->task.health->put_again_ms, 0, memory_order_relaxed);
    task->isolation.is_on = false;
    task->run_count = 0;
    if (task->batch != NULL)
        let_batch_go(task);
}

/* --- offsets of what put has taken ---------------------------------------------------------------------------------- */

/* Nothing was committed for the partition yet: here the assignment began. */
static void note_beginnings(struct sink_task *task)
{
    for (size_t i = 0; i < task->run_count; i++) {
        const struct sink_run *run = &task->runs[i];
        struct sink_partition *partition = sink_partition_find(task, run->topic, run->partition);

        if (partition != NULL && partition->committed == OFFSET_UNKNOWN)
            partition->committed = partition->in_group = partition->current = run->first;
    }
}

/* The offset of the last record of the run before `limit`; of none: OFFSET_UNKNOWN. */
static int64_t last_before(const struct sink_task *task, const struct sink_run *run, const struct mr_record *limit, bool *found)
{
    int64_t last = OFFSET_UNKNOWN;

    for (uint32_t i = run->begin; limit != NULL && i < run->end; i++) {
        const struct mr_record *entry = batch_entry_at(task->batch, i);

        if (entry == limit) {
            *found = true;
            return last;
        }
        last = record_origin(entry)->offset;
    }
    return run->last;
}

void sink_task_advance(struct sink_task *task, const struct mr_record *limit)
{
    bool found = false;

    for (size_t i = 0; i < task->run_count && !found; i++) {
        const struct sink_run *run = &task->runs[i];
        int64_t last = last_before(task, run, limit, &found);
        struct sink_partition *partition =
            run->is_given_up || last == OFFSET_UNKNOWN ? NULL : sink_partition_find(task, run->topic, run->partition);

        if (partition != NULL)
            partition->current = last + 1;
    }
    sink_task_count_open(task);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* The origin with the headers that the message did not bring along parsed. */
static int take_headers(struct mr_arena *arena, const struct consumer_message *message, const struct record_origin **full,
                        struct mr_error **error)
{
    size_t count = consumer_message_header_count(message);
    struct record_raw_header *headers;
    struct record_origin *origin;

    if (count == 0)
        return 0;
    headers = mr_arena_alloc(arena, count * sizeof(*headers));
    origin = mr_arena_copy(arena, &message->origin, sizeof(message->origin));
    if (headers == NULL || origin == NULL)
        return mr_arena_failed(arena, error);
    for (size_t i = 0; i < count; i++)
        if (!consumer_message_header(message, i, &headers[i].key, &headers[i].value))
            return mr_error_set(error, MR_ERR_DATA, "the headers of %s-%d@%lld cannot be read", origin->topic,
                                (int)origin->partition, (long long)origin->offset);
    origin->headers = headers;
    origin->header_count = (uint32_t)count;
    *full = origin;
    return 0;
}

static int take_message(struct mr_batch *batch, const struct consumer_message *message, struct mr_error **error)
{
    const struct record_origin *origin = &message->origin;

    if (message->native != NULL && take_headers(mr_batch_arena(batch), message, &origin, error) != 0)
        return -1;
    return batch_append_consumed(batch, origin) != NULL ? 0 : mr_arena_failed(mr_batch_arena(batch), error);
}

/* The batch owns the messages from here on. */
static int pin_messages(struct sink_task *task, struct mr_batch *batch, struct consumer_batch *messages)
{
    struct sink_pin *pin = mem_alloc(sizeof(*pin));

    if (pin == NULL)
        return -1;
    *pin = (struct sink_pin){.messages = messages, .waker = mr_waker_take(task->released_waker)};
    if (batch_on_release(batch, pin_release, pin) == 0) {
        task->pin = pin;
        return 0;
    }
    mr_waker_drop(pin->waker);
    mem_free(pin);
    return -1;
}

static int run_begin(struct sink_task *task, const struct record_origin *origin, uint32_t at, struct mr_error **error)
{
    if (task->run_count == task->run_capacity) {
        size_t capacity = task->run_capacity == 0 ? 8 : task->run_capacity * 2;
        struct sink_run *grown = mem_realloc(task->runs, capacity * sizeof(*grown));

        if (grown == NULL)
            return no_memory(error);
        task->runs = grown;
        task->run_capacity = capacity;
    }
    task->runs[task->run_count++] = (struct sink_run){.topic = origin->topic,
                                                      .partition = origin->partition,
                                                      .begin = at,
                                                      .end = at + 1,
                                                      .first = origin->offset,
                                                      .last = origin->offset};
    return 0;
}

static int note_run(struct sink_task *task, const struct record_origin *origin, uint32_t at, struct mr_error **error)
{
    struct sink_run *run = task->run_count == 0 ? NULL : &task->runs[task->run_count - 1];

    if (run == NULL || run->partition != origin->partition ||
        (run->topic != origin->topic && strcmp(run->topic, origin->topic) != 0))
        return run_begin(task, origin, at, error);
    run->end = at + 1;
    run->last = origin->offset;
    return 0;
}

/* What converters and transforms may make of the messages; a budget beyond all measure is none. */
static size_t arena_limit(uint64_t budget_bytes, uint64_t consumed_bytes)
{
    if (budget_bytes > SIZE_MAX / 4 / ARENA_PER_BUDGET_BYTE || consumed_bytes > SIZE_MAX / 4 / ARENA_PER_CONSUMED_BYTE)
        return SIZE_MAX / 2;
    return (size_t)(budget_bytes * ARENA_PER_BUDGET_BYTE + consumed_bytes * ARENA_PER_CONSUMED_BYTE);
}

static struct mr_batch *batch_of(struct sink_task *task, struct consumer_batch *messages, struct mr_error **error)
{
    struct mr_batch *batch = batch_pool_take(task->pool);
    uint64_t budget_bytes = task->task.setup.buffer_bytes_max;

    if (batch != NULL && budget_bytes > 0) {
        size_t limit_bytes = arena_limit(budget_bytes, consumer_batch_byte_count(messages));

        /* One record may take all that a batch is to have, while others have theirs. */
        arena_set_limit(mr_batch_arena(batch), limit_bytes);
        batch->share_bytes = limit_bytes;
        batch->work_bytes_max = 2 * limit_bytes;
    }
    if (batch == NULL || pin_messages(task, batch, messages) != 0) {
        consumer_batch_drop(messages);
        mr_batch_drop(batch);
        no_memory(error);
        return NULL;
    }
    for (size_t i = 0; i < consumer_batch_count(messages); i++) {
        const struct consumer_message *message = consumer_batch_at(messages, i);

        if (take_message(batch, message, error) != 0 || note_run(task, &message->origin, (uint32_t)i, error) != 0) {
            mr_batch_drop(batch);
            return NULL;
        }
    }
    return batch;
}

static int run_pipeline(struct sink_task *task, struct mr_error **error)
{
    int status;

    task_pipeline_begin(&task->task);
    status = sink_pipeline_run(task->setup.pipeline, task->batch, &task->output, error);
    task_pipeline_end(&task->task);
    return status;
}

static bool rate_lets_read(struct sink_task *task)
{
    struct task_health *health = task->task.health;
    int64_t wait_ms = rate_wait_ms(&task->rate, task_now_us(&task->task));

    if (wait_ms == 0) {
        task->rate_at_ms = INT64_MAX;
        return true;
    }
    if (task->rate_at_ms == INT64_MAX)
        atomic_fetch_add_explicit(&health->rate_waits, 1, memory_order_relaxed);
    task->rate_at_ms = clock_monotonic_ms(task->task.setup.clock) + wait_ms;
    atomic_store_explicit(&health->rate_until_ms, task->rate_at_ms, memory_order_relaxed);
    return false;
}

/* Letters that nobody takes hold the task up: the watch is to see it. */
static bool letters_lack_room(struct sink_task *task)
{
    bool lacked = task->lacks_room;

    task->lacks_room = !tolerance_has_room(task->setup.tolerance);
    if (task->lacks_room)
        watch_begin(&task->task, &task->task.watched.letters_ms);
    else if (lacked)
        watch_since(&task->task.watched.letters_ms, 0);
    return task->lacks_room;
}

/* What may be kept of records that were read: the rest is for those that are fetched ahead. */
static uint64_t read_budget_bytes(const struct sink_task *task)
{
    uint64_t bytes = task->task.setup.buffer_bytes_max;

    return bytes - bytes / CONSUMER_AHEAD_SHARE;
}

static bool may_read(struct sink_task *task)
{
    uint64_t budget_bytes = read_budget_bytes(task);
    bool was_over_budget = task->over_budget;

    if (letters_lack_room(task))
        return false; /* wakes us when letters have gone */
    task->over_budget = budget_bytes > 0 && consumer_pinned_bytes(task->consumer) >= budget_bytes;
    if (task->over_budget && !was_over_budget) {
        log_info(LOG_NAME, "the plugin keeps %llu bytes of records, three quarters of millrace.task.buffer.bytes: reading waits",
                 (unsigned long long)consumer_pinned_bytes(task->consumer));
        task->commit_wished = true; /* lets it flush; when it lets go we are woken */
    }
    return !task->over_budget && rate_lets_read(task);
}

/* One read stays about within the byte budget. */
static size_t records_to_read(const struct sink_task *task)
{
    size_t most = client_config_max_poll_records(task->setup.consumer_config);
    uint64_t budget_bytes = read_budget_bytes(task), fitting;
    size_t rated = rate_records(&task->rate, task->record_bytes == 0 ? RECORD_BYTES_GUESS : task->record_bytes);

    if (rated < most)
        most = rated;
    if (budget_bytes == 0)
        return most;
    fitting = task->record_bytes == 0 ? READ_FIRST_RECORDS : budget_bytes / task->record_bytes;
    return fitting == 0 ? 1 : fitting < most ? (size_t)fitting : most;
}

/* Grows at once, shrinks slowly. */
static void note_size(struct sink_task *task, const struct consumer_batch *messages)
{
    uint64_t bytes = consumer_batch_byte_count(messages) / consumer_batch_count(messages) + 1;

    task->record_bytes = bytes > task->record_bytes ? bytes : (task->record_bytes * 7 + bytes) / 8;
}

/* As in Kafka Connect: topics of records that could be converted, also of those that a transform drops. */
static void tell_topics(struct sink_task *task)
{
    task_topics_renew(&task->task);
    for (size_t i = 0; i < task->run_count; i++)
        task_topics_tell(&task->task, task->runs[i].topic);
}

/* 1: a batch is at hand; 0: nothing to read now; -1: failed. */
static int read_batch(struct sink_task *task, struct mr_error **error)
{
    struct consumer_batch *messages;

    if (task->partition_count == 0 || !may_read(task))
        return 0;
    messages = consumer_read(task->consumer, records_to_read(task));
    if (messages == NULL)
        return 0;
    note_size(task, messages);
    rate_take(&task->rate, consumer_batch_count(messages), consumer_batch_byte_count(messages));
    task_metrics_read(task->task.cells, consumer_batch_count(messages), task_now_us(&task->task));
    task_metrics_read_bytes(task->task.cells, consumer_batch_byte_count(messages));
    task->batch = batch_of(task, messages, error);
    if (task->batch == NULL)
        return -1;
    note_beginnings(task);
    if (run_pipeline(task, error) != 0)
        return -1;
    tell_topics(task);
    /* What was made of the messages stays as long as they do. */
    consumer_batch_charge(messages, mr_arena_used_bytes(mr_batch_arena(task->batch)));
    return 1;
}

/* --- records that are given up -------------------------------------------------------------------------------- */

static bool is_among(const char *topic, int32_t partition, const struct consumer_partition *partitions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (partition == partitions[i].partition && strcmp(topic, partitions[i].topic) == 0)
            return true;
    return false;
}

void sink_task_drop_records(struct sink_task *task, const struct consumer_partition *partitions, size_t count)
{
    size_t kept = 0;

    /* The partition may come back before the batch is put: its offsets must not move then. */
    for (size_t i = 0; i < task->run_count; i++)
        if (is_among(task->runs[i].topic, task->runs[i].partition, partitions, count))
            task->runs[i].is_given_up = true;
    for (size_t i = 0; i < task->output.records.count; i++) {
        struct mr_record *record = task->output.records.items[i];
        const struct record_origin *origin = record_origin(record);

        if (task->isolation.is_on)
            sink_task_isolate_move(task, i, kept);
        if (!is_among(origin->topic, origin->partition, partitions, count))
            task->output.records.items[kept++] = record;
    }
    if (task->isolation.is_on) {
        sink_task_isolate_move(task, task->output.records.count, kept);
        task->put_again = task->put_again || !sink_task_isolate_moved(task);
        kept = task->isolation.is_on ? kept : 0; /* all that is left was put */
    }
    task->output.records.count = kept;
    if (task->put_again && kept == 0)
        task->retry_at_ms = 0; /* nothing is left to be put again: the rest goes on */
}

/* --- putting ---------------------------------------------------------------------------------------------------------- */

/* What put is given: all of the output, or a part of it. */
static struct mr_record *const *records_to_put(const struct sink_task *task, size_t *count)
{
    const struct isolation *isolation = &task->isolation;

    *count = isolation->is_on ? isolation->end - isolation->at : task->output.records.count;
    return task->output.records.items + (isolation->is_on ? isolation->at : 0);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void show_breaker(struct sink_task *task)
{
    struct task_health *health = task->task.health;

    atomic_store_explicit(&health->breaker, (int32_t)task->breaker.state, memory_order_relaxed);
    atomic_store_explicit(&health->put_failures, task->breaker.failures, memory_order_relaxed);
    atomic_store_explicit(&health->put_again_ms, task->put_again ? task->retry_at_ms : 0, memory_order_relaxed);
}

static void put_later(struct sink_task *task, struct mr_error *why)
{
    uint32_t hint_ms = mr_error_retry_after_ms(why), delay_ms;
    size_t count;

    records_to_put(task, &count);
    if (hint_ms == 0 && task->delay_is_wished)
        hint_ms = task->wished_delay_ms;
    delay_ms = breaker_failed(&task->breaker, hint_ms);
    log_warn(LOG_NAME, "put failed and gets the same %zu records again in %u ms: %s", count, delay_ms,
             mr_error_message(why));
    if (task->breaker.failures == SINK_BREAKER_FAILURES)
        log_warn(LOG_NAME, "put has failed %u times in a row: its target is left alone, and tried again once in a while",
                 task->breaker.failures);
    task->put_again = true;
    task->retry_at_ms = clock_monotonic_ms(task->task.setup.clock) + delay_ms;
    atomic_fetch_add_explicit(&task->task.health->put_retries, 1, memory_order_relaxed);
    show_breaker(task);
    mr_error_drop(why);
}

/* Records of a partition are about as old as the first of them, which is looked at alone. */
static void note_age(const struct sink_task *task)
{
    int64_t oldest_ms = INT64_MAX;

    for (size_t i = 0; i < task->run_count; i++) {
        int64_t written_ms = record_origin(batch_entry_at(task->batch, task->runs[i].begin))->timestamp_ms;

        if (written_ms > 0 && written_ms < oldest_ms)
            oldest_ms = written_ms;
    }
    if (oldest_ms != INT64_MAX)
        task_metrics_aged(task->task.cells, (clock_wall_ms(task->task.setup.clock) - oldest_ms) * 1000);
}

/* put took what it was given. */
static void note_target(struct sink_task *task)
{
    bool had_failed = task->breaker.failures > 0;

    if (breaker_worked(&task->breaker))
        log_info(LOG_NAME, "put works again");
    if (had_failed)
        show_breaker(task);
}

/* It got on with them and wants the rest at once: it goes on, no more. */
static bool put_goes_on(const struct mr_error *why)
{
    return mr_error_retry_after_ms(why) == SINK_RETRY_AT_ONCE_MS;
}

static void put_rest(struct sink_task *task, struct mr_error *why)
{
    size_t count;

    records_to_put(task, &count);
    log_info(LOG_NAME, "put is to go on with the same %zu records: %s", count, mr_error_message(why));
    task->put_again = true;
    task->retry_at_ms = clock_monotonic_ms(task->task.setup.clock) + SINK_RETRY_AT_ONCE_MS;
    atomic_fetch_add_explicit(&task->task.health->put_retries, 1, memory_order_relaxed);
    note_target(task);
    show_breaker(task);
    mr_error_drop(why);
}

static void set_next_empty_put(struct sink_task *task)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock);

    task->empty_put_at_ms = now_ms + task->task.setup.offset_flush_interval_ms;
    if (task->delay_is_wished)
        task->empty_put_at_ms = earlier(task->empty_put_at_ms, now_ms + task->wished_delay_ms);
}

static int call_put(struct sink_task *task, struct mr_error **why)
{
    size_t count;
    struct mr_record *const *records = records_to_put(task, &count);
    int status;

    task->delay_is_wished = false;
    if (task->breaker.state != TASK_BREAKER_CLOSED) {
        breaker_tries(&task->breaker);
        show_breaker(task);
    }
    task_call_begin(&task->task, "put");
    status = task->setup.plugin->put(task->task.self, records, count, why);
    task_call_end(&task->task);
    return status;
}

/* put took what it was given. */
static void note_put(struct sink_task *task, int64_t begun_us)
{
    size_t count;

    records_to_put(task, &count);
    task_metrics_put(task->task.cells, count, begun_us, task_now_us(&task->task));
    set_next_empty_put(task);
    if (count > 0) { /* housekeeping says nothing about the target */
        log_debug(LOG_NAME, "put has taken records: %zu", count);
        watch_begin(&task->task, &task->task.watched.owed_ms);
        note_target(task);
    }
    if (task->isolation.is_on) {
        sink_task_isolate_next(task);
        return;
    }
    if (task->batch != NULL) {
        note_age(task);
        sink_task_advance(task, NULL);
    }
    sink_task_drop_batch(task);
}

/* Puts what is in `output` (nothing, for housekeeping), or a part of it. */
static int put(struct sink_task *task, struct mr_error **error)
{
    struct mr_error *why = NULL;
    int64_t begun_us = task_now_us(&task->task);
    int status = call_put(task, &why);

    if (task->consumer == NULL || task_is_abandoned(&task->task)) {
        mr_error_drop(why); /* abandoned: whatever it said counts no more */
        return 0;
    }
    if (tolerance_errant_failure(task->setup.tolerance, error) != 0) {
        mr_error_drop(why);
        return -1;
    }
    if (status != 0 && why != NULL && mr_error_is_retriable(why)) {
        if (put_goes_on(why))
            put_rest(task, why);
        else
            put_later(task, why);
        return sink_task_apply_wishes(task, error);
    }
    if (status != 0 && sink_task_may_isolate(task, why))
        return sink_task_isolate(task, why, error) != 0 ? -1 : sink_task_apply_wishes(task, error);
    if (status != 0) {
        size_t count;
        struct mr_record *const *records = records_to_put(task, &count);

        *error = why;
        if (why == NULL)
            mr_error_set(error, MR_ERR_CONNECT, "put failed without a reason");
        sink_task_blame_put(task, records, count, error);
        return mr_error_wrap(error, "Exiting sink task due to unrecoverable exception.");
    }
    mr_error_drop(why);
    note_put(task, begun_us);
    return sink_task_apply_wishes(task, error);
}

/* An idle task keeps no memory of its busy times. */
static void be_lean(struct sink_task *task)
{
    batch_pool_trim(task->pool);
    sink_output_release(&task->output);
    sink_output_init(&task->output);
}

int sink_task_put(struct sink_task *task, bool paused, bool *idle, struct mr_error **error)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock);
    bool had_batch;
    int read = 0;

    *idle = true;
    if (task->put_again && now_ms < task->retry_at_ms && !plugin_wake_take(task->plugin_wake))
        return 0;
    bool has_rest = task->put_again || task->isolation.is_on;
    if (!has_rest && !paused)
        read = read_batch(task, error);
    if (read < 0)
        return -1;
    if (read == 0 && !has_rest && now_ms < task->empty_put_at_ms && !plugin_wake_take(task->plugin_wake))
        return 0;
    if (!task_may_act(&task->task)) {
        task->put_again = task->batch != NULL; /* it is put when the lease is back */
        task->retry_at_ms = now_ms + LEASE_LOOK_MS;
        return 0;
    }
    had_batch = task->batch != NULL;
    if (put(task, error) != 0)
        return -1;
    if (!had_batch) /* nothing came for a while */
        be_lean(task);
    /* After a retry that worked there may be records that nobody wakes us for any more. */
    *idle = !had_batch || task->put_again;
    return 0;
}
