/* source_task, stepped by hand: what is sent, in which order, and how far offsets are stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sdk/config_host.h"
#include "source_bench.h"
#include "support/alloc_torture.h"

/* --- a plugin that does what the test says ---- */

#define LINES_MAX 20000

static struct script {
    struct mr_source_context *context;
    /* What poll brings: records (value) and progress markers (value NULL), `per_poll` at a time. */
    struct {
        int64_t partition, offset;
        const char *value, *topic;
    } lines[LINES_MAX];
    size_t count, at, per_poll;
    char calls[1024];        /* all but poll, commit_record and commit, each followed by a blank */
    int polls, commits, stops_requested;
    char committed[1024];    /* by commit_record: "value@topic:partition:offset " */
    const char *fails;       /* this call fails … */
    enum mr_error_code code; /* … with this; 0: without saying why */
    uint32_t retry_after_ms, poll_after_ms;
    bool polls_nothing_after, breaks_record, stop_in_poll;
    void (*in_poll)(void);
    struct task *task;
} script;

static void note_call(const char *call)
{
    size_t used = strlen(script.calls);

    snprintf(script.calls + used, sizeof(script.calls) - used, "%s ", call);
}

static int answer(const char *call, struct mr_error **error)
{
    if (script.fails == NULL || strcmp(script.fails, call) != 0)
        return 0;
    if (script.code != 0)
        mr_error_set(error, script.code, "%s went wrong", call);
    if (script.retry_after_ms > 0)
        mr_error_set_retry_after_ms(*error, script.retry_after_ms);
    return -1;
}

static void *create(struct mr_source_context *context, struct mr_error **error)
{
    note_call("create");
    script.context = context;
    return answer("create", error) == 0 ? &script : NULL;
}

static int prepare(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config;
    note_call("prepare");
    return answer("prepare", error);
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config;
    note_call("start");
    return answer("start", error);
}

static int append_line(struct mr_batch *batch, size_t at, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);
    const char *value = script.lines[at].value;
    struct mr_record *record;

    if (partition == NULL || offset == NULL ||
        mr_map_put_text(arena, partition, "p", mr_int64(arena, script.lines[at].partition)) != 0 ||
        mr_map_put_text(arena, offset, "o", mr_int64(arena, script.lines[at].offset)) != 0)
        return mr_arena_failed(arena, error);
    if (value == NULL)
        return mr_batch_append_progress(batch, partition, offset) == 0 ? 0 : mr_arena_failed(arena, error);
    record = mr_batch_append(batch);
    if (record == NULL || mr_record_set_value(record, NULL, mr_string(arena, value)) != 0 ||
        (script.lines[at].topic != NULL && mr_record_set_topic_ref(record, script.lines[at].topic) != 0) ||
        mr_record_set_source(record, partition, offset) != 0)
        return mr_arena_failed(arena, error);
    return 0;
}

static int poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    (void)self;
    script.polls++;
    if (script.in_poll != NULL)
        script.in_poll();
    for (size_t i = 0; i < script.per_poll && script.at < script.count; i++)
        if (append_line(batch, script.at++, error) != 0)
            return -1;
    if (script.breaks_record && mr_batch_count(batch) > 0) {
        int ignored = mr_record_set_value(mr_batch_at(batch, 0), NULL, NULL);
        (void)ignored;
    }
    if (script.poll_after_ms > 0)
        mr_source_context_poll_after_ms(script.context, script.poll_after_ms);
    return answer("poll", error);
}

static int commit(void *self, struct mr_error **error)
{
    (void)self;
    script.commits++;
    return answer("commit", error);
}

static int commit_record(void *self, const struct mr_record *record, const struct mr_record_metadata *metadata,
                         struct mr_error **error)
{
    size_t used = strlen(script.committed);
    struct mr_bytes value = mr_value_bytes(mr_record_value(record));

    (void)self;
    snprintf(script.committed + used, sizeof(script.committed) - used, "%.*s@%s:%d:%lld ", (int)value.size,
             (const char *)value.data, metadata->topic == NULL ? "-" : metadata->topic, metadata->partition,
             (long long)metadata->offset);
    return answer("commit_record", error);
}

static void request_stop(void *self)
{
    (void)self;
    script.stops_requested++;
}

static void stop(void *self)
{
    (void)self;
    note_call("stop");
}

static void destroy(void *self)
{
    (void)self;
    note_call("destroy");
}

static const struct mr_source_task_ops ops = {
    .size = sizeof(ops), .create = create, .prepare = prepare, .start = start, .poll = poll, .commit = commit,
    .commit_record = commit_record, .request_stop = request_stop, .stop = stop, .destroy = destroy,
};

static void add_to(const char *topic, int64_t partition, const char *value)
{
    int64_t offset = 1;

    for (size_t i = 0; i < script.count; i++)
        offset += script.lines[i].partition == partition;
    script.lines[script.count].partition = partition;
    script.lines[script.count].offset = offset;
    script.lines[script.count].topic = topic;
    script.lines[script.count++].value = value;
}

static void add(int64_t partition, const char *value)
{
    add_to("lines", partition, value);
}

/* --- set-up ---- */

static int set_up(void **state)
{
    bench_reset();
    fake_producer_reset();
    fake_store_reset();
    memset(&script, 0, sizeof(script));
    script.per_poll = 100;
    script.poll_after_ms = 0;
    *state = NULL;
    return 0;
}

static struct task *create_with(const struct source_setup *setup)
{
    struct source_setup wanted = *setup;

    wanted.ops = &ops;
    script.task = source_task_of_test(&wanted);
    assert_non_null(script.task);
    return script.task;
}

static struct task *start_with(const struct source_setup *setup)
{
    struct task *task = create_with(setup);

    task_request_start(task);
    bench_run(task);
    return task;
}

static struct task *start_plain(void)
{
    return start_with(&(struct source_setup){.ops = NULL});
}

/* Stops what still runs; what is under way is given back by the producer. */
static void finish(struct task *task)
{
    if (task_state(task) != TASK_STOPPED && task_state(task) != TASK_FAILED) {
        task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms());
        if (!bench_run(task)) {
            if (!fake_producer.is_closed)
                fail_msg("the task does not end");
            fake_producer_end();
            assert_true(bench_run(task));
        }
    }
    task_destroy(task);
    assert_int_equal(0, bench.wake_references);
}

/* The producer has let go of its user: the last thing a task waits for. */
static void close_producer(struct task *task)
{
    assert_true(fake_producer.is_closed);
    fake_producer_end();
    assert_true(bench_run(task));
}

/* --- life ---- */

static void a_task_lives_from_prepare_to_stop(void **state)
{
    struct task *task = create_with(&(struct source_setup){.ops = NULL});

    (void)state;
    assert_false(bench_run(task));
    assert_string_equal("", script.calls);
    task_request_prepare(task);
    assert_false(bench_run(task));
    assert_string_equal("create prepare ", script.calls);
    assert_int_equal(0, script.polls);
    task_request_start(task);
    bench_run(task);
    assert_string_equal("create prepare start ", script.calls);
    assert_int_equal(TASK_RUNNING, task_state(task));
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    assert_int_equal(1, script.stops_requested);
    bench_run(task);
    close_producer(task);
    assert_string_equal("create prepare start stop destroy ", script.calls);
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
    finish(task);
}

static void a_task_that_was_never_started_ends_at_once(void **state)
{
    struct task *task = create_with(&(struct source_setup){.ops = NULL});

    (void)state;
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms());
    assert_true(bench_run(task));
    assert_string_equal("", script.calls);
    finish(task);
    task = create_with(&(struct source_setup){.ops = NULL});
    task_destroy(task); /* never stepped */
}

static void a_failed_beginning_is_followed_by_stop_and_destroy(void **state)
{
    static const struct {
        const char *call, *calls;
    } cases[] = {{"create", "create "},
                 {"prepare", "create prepare stop destroy "},
                 {"start", "create prepare start stop destroy "}};

    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(state);
        script.fails = cases[i / 2].call;
        script.code = i % 2 == 0 ? MR_ERR_CONFIG : 0;
        struct task *task = start_plain();
        close_producer(task);
        assert_string_equal(cases[i / 2].calls, script.calls);
        assert_int_equal(TASK_FAILED, task_state(task));
        assert_non_null(strstr(bench.trace, i % 2 == 0 ? "went wrong" : "without a reason"));
        assert_non_null(strstr(bench.trace, cases[i / 2].call));
        finish(task);
    }
}

static void a_producer_that_cannot_be_had_fails_the_task(void **state)
{
    (void)state;
    fake_producer.open_refusal = "no such key store";
    struct task *task = start_plain();
    assert_string_equal("FAILED ", bench.states);
    assert_non_null(strstr(bench.trace, "no such key store"));
    assert_string_equal("", script.calls);
    finish(task);
}

static void a_task_that_begins_paused_waits_before_the_start(void **state)
{
    struct task *task = create_with(&(struct source_setup){.ops = NULL});

    (void)state;
    task_request_pause(task);
    task_request_start(task);
    bench_run(task);
    assert_string_equal("create prepare ", script.calls);
    assert_string_equal("PREPARED PAUSED ", bench.states);
    task_request_resume(task);
    bench_run(task);
    assert_string_equal("PREPARED PAUSED RUNNING ", bench.states);
    task_request_pause(task);
    bench_run(task);
    int polls = script.polls;
    bench_advance_ms(task, 5000);
    assert_int_equal(polls, script.polls);
    task_request_resume(task);
    bench_run(task);
    assert_true(script.polls > polls);
    assert_string_equal("PREPARED PAUSED RUNNING PAUSED RUNNING ", bench.states);
    finish(task);
}

static void the_start_waits_until_the_offsets_were_read(void **state)
{
    (void)state;
    fake_store.refresh_waits = true;
    struct task *task = start_plain();
    assert_int_equal(TASK_STARTING, task_state(task));
    assert_string_equal("create prepare ", script.calls);
    task_request_pause(task);
    bench_run(task);
    assert_string_equal("PREPARED PAUSED ", bench.states);
    task_request_resume(task);
    int wakes = bench.wakes;
    fake_store.refreshed(fake_store.refreshed_argument, NULL);
    assert_true(bench.wakes > wakes);
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static void offsets_that_cannot_be_read_fail_the_start(void **state)
{
    struct mr_error *error = NULL;

    (void)state;
    fake_store.refresh_waits = true;
    struct task *task = start_plain();
    mr_error_set(&error, MR_ERR_TIMEOUT, "no broker");
    fake_store.refreshed(fake_store.refreshed_argument, error);
    mr_error_drop(error);
    bench_run(task);
    close_producer(task);
    assert_non_null(strstr(bench.trace, "could not be read"));
    assert_non_null(strstr(bench.trace, "no broker"));
    finish(task);
}

static void a_task_stopped_while_offsets_are_read_waits_for_the_answer(void **state)
{
    (void)state;
    fake_store.refresh_waits = true;
    struct task *task = start_plain();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms());
    bench_run(task);
    fake_producer_end();
    assert_false(bench_run(task)); /* the answer must find it */
    fake_store.refreshed(fake_store.refreshed_argument, NULL);
    assert_true(bench_run(task));
    assert_string_equal("create prepare stop destroy ", script.calls);
    finish(task);
}

/* --- sending ---- */

static void records_leave_in_order_and_topics_are_told_once(void **state)
{
    (void)state;
    script.per_poll = 3;
    for (int i = 0; i < 4; i++) {
        add_to("one", 0, "a");
        add_to("two", 0, "b");
    }
    struct task *task = start_plain();
    assert_string_equal("a b a b a b a b ", sent_now());
    assert_string_equal("one two ", bench.topics);
    assert_int_equal(8, fake_producer.total);
    finish(task);
}

static void nothing_is_stored_past_a_record_that_is_not_acknowledged(void **state)
{
    (void)state;
    add(0, "a0");
    add(0, "b0");
    add(1, "a1");
    add(0, "c0");
    struct task *task = start_plain();
    fake_producer_return_at(1, PRODUCER_ACKED, NULL); /* b0 */
    fake_producer_return_at(1, PRODUCER_ACKED, NULL); /* a1 */
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(-1, fake_store.stored[0]);
    assert_int_equal(1, fake_store.stored[1]);
    acknowledge(1); /* a0 */
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_store.stored[0]);
    acknowledge(1);
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_store.stored[0]);
    finish(task);
}

static void a_full_producer_holds_the_poll_back(void **state)
{
    (void)state;
    script.per_poll = 4;
    for (int i = 0; i < 8; i++)
        add(0, i % 2 == 0 ? "even" : "odd");
    fake_producer.room = 3;
    struct task *task = start_plain();
    assert_string_equal("even odd even ", sent_now());
    assert_int_equal(1, script.polls);
    bench_advance_ms(task, 5000);
    assert_int_equal(1, script.polls);
    fake_producer.room = SIZE_MAX;
    int wakes = bench.wakes;
    fake_producer_writable();
    assert_true(bench.wakes > wakes);
    bench_run(task);
    assert_string_equal("even odd even odd even odd even odd ", sent_now());
    finish(task);
}

static void a_task_polls_no_more_than_its_buffer_allows(void **state)
{
    char large[400];

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    script.per_poll = 1;
    for (int i = 0; i < 500; i++)
        add(0, large);
    struct task *task = start_with(&(struct source_setup){.buffer_bytes_max = 65536});
    size_t before = fake_producer.sent_count;
    assert_in_range(before, 20, 170);
    bench_advance_ms(task, 5000);
    assert_int_equal(before, fake_producer.sent_count);
    acknowledge(20);
    bench_run(task);
    assert_true(fake_producer.sent_count >= before - 1);
    finish(task);
}

/* All but one record are acknowledged: its task must not collect memory without end. */
static void a_stuck_record_keeps_its_batch_and_bounds_the_others(void **state)
{
    (void)state;
    script.per_poll = 1;
    add(0, "stuck");
    for (int i = 0; i < 5000; i++)
        add(1, "flows");
    struct task *task = start_with(&(struct source_setup){.buffer_bytes_max = 65536});
    for (int i = 0; i < 2000; i++) {
        while (fake_producer.sent_count > 1)
            fake_producer_return_at(1, PRODUCER_ACKED, NULL);
        bench_run(task);
    }
    assert_int_equal(5001, script.at); /* another partition flows on … */
    for (int i = 0; i < 5000; i++)
        add(0, "behind");
    for (int i = 0; i < 2000; i++) {
        while (fake_producer.sent_count > 1)
            fake_producer_return_at(1, PRODUCER_ACKED, NULL);
        fake_clock_advance_ms(&bench.clock, 100);
        bench_run(task);
    }
    assert_in_range(script.at, 5010, 5200); /* … what waits behind it is bounded */
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(-1, fake_store.stored[0]);
    assert_int_equal(5000, fake_store.stored[1]);
    size_t before = script.at;
    acknowledge_all();
    bench_run(task);
    assert_true(script.at > before + 20);
    finish(task);
}

static void after_a_swap_everything_unacknowledged_is_sent_again_in_order(void **state)
{
    (void)state;
    script.per_poll = 3;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (int i = 0; i < 8; i++)
        add(0, names[i]);
    fake_producer.room = 7;
    struct task *task = start_plain();
    assert_string_equal("a b c d e f g ", sent_now());
    acknowledge(2);
    fake_producer_return_at(2, PRODUCER_ACKED, NULL); /* e */
    fake_producer.room = SIZE_MAX;
    bench_run(task);
    fake_producer_swap();
    assert_int_equal(0, fake_producer.sent_count);
    bench_run(task);
    assert_string_equal("c d f g h ", sent_now());
    fake_producer_swap();
    bench_run(task);
    assert_string_equal("c d f g h ", sent_now());
    acknowledge_all();
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(8, fake_store.stored[0]);
    finish(task);
}

static void newer_records_do_not_overtake_those_that_a_swap_gave_back(void **state)
{
    (void)state;
    script.per_poll = 2;
    add(0, "a");
    add(0, "b");
    struct task *task = start_plain();
    fake_producer.must_rewind = true;
    fake_producer_return(PRODUCER_NOT_SENT, NULL);
    fake_producer_return(PRODUCER_NOT_SENT, NULL);
    add(0, "c"); /* the swap is over, but the task was not told yet */
    bench_advance_ms(task, 200);
    assert_string_equal("", sent_now());
    fake_producer.listener->on_swapped(fake_producer.argument);
    bench_run(task);
    assert_string_equal("a b c ", sent_now());
    finish(task);
}

/* --- what Kafka refuses ---- */

static void a_refused_record_fails_the_task(void **state)
{
    (void)state;
    add(0, "good");
    add(0, "bad");
    add(0, "late");
    struct task *task = start_plain();
    acknowledge(1);
    fake_producer_return(PRODUCER_FAILED, "Broker: Message size too large");
    bench_run(task);
    assert_int_equal(TASK_STOPPING, task_state(task));
    acknowledge(1);
    bench_run(task);
    close_producer(task);
    assert_non_null(strstr(bench.trace, "Unrecoverable exception from producer send callback"));
    assert_non_null(strstr(bench.trace, "Message size too large"));
    assert_int_equal(1, fake_store.stored[0]);
    assert_string_equal("good@lines:-1:-1 ", script.committed);
    finish(task);
}

static void a_tolerated_refusal_counts_as_dropped(void **state)
{
    (void)state;
    fake_producer.refusal = "too large";
    fake_producer.refused_value = "bad";
    add(0, "good");
    add(0, "bad");
    add(0, "worse");
    add(0, "last");
    struct task *task = start_with(&(struct source_setup){.tolerate_all = true});
    assert_string_equal("good worse last ", sent_now());
    fake_producer_return_at(1, PRODUCER_FAILED, "no");
    acknowledge_all();
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_int_equal(4, fake_store.stored[0]);
    assert_string_equal("good@lines:-1:-1 bad@-:-1:-1 worse@-:-1:-1 last@lines:-1:-1 ", script.committed);
    finish(task);
}

static void what_can_never_be_sent_fails_the_task_in_words(void **state)
{
    (void)state;
    fake_producer.refusal = "topic lines has 1 partition";
    fake_producer.refusal_code = MR_ERR_CONNECT;
    add(0, "a");
    struct task *task = start_with(&(struct source_setup){.tolerate_all = true});
    bench_run(task);
    close_producer(task);
    assert_non_null(strstr(bench.trace, "has 1 partition"));
    assert_int_equal(-1, fake_store.stored[0]);
    finish(task);
}

/* --- transforms ---- */

static const char *const exploding[] = {"transforms=x", "transforms.x.type=org.acme.Exploding", NULL};
static const char *const dropping[] = {"transforms=x", "transforms.x.type=org.acme.Exploding",
                                       "transforms.x.count=0", NULL};
static const char *const failing[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};

static void a_split_record_is_safe_when_all_of_its_parts_are(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    fake_producer.next_offset = 100;
    struct task *task = start_with(&(struct source_setup){.pipeline_lines = exploding});
    assert_string_equal("a a a b b b ", sent_now());
    acknowledge(2);
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(0, fake_store.puts);
    acknowledge(2);
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_store.stored[0]);
    assert_string_equal("a@lines:3:100 ", script.committed);
    finish(task);
}

static void filtered_records_advance_the_offset(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    struct task *task = start_with(&(struct source_setup){.pipeline_lines = dropping});
    assert_int_equal(0, fake_producer.total);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_store.stored[0]);
    assert_string_equal("a@-:-1:-1 b@-:-1:-1 ", script.committed);
    finish(task);
}

static void a_record_that_cannot_be_transformed_lets_those_before_it_pass(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    add(0, "bad");
    add(0, "d");
    struct task *task = start_with(&(struct source_setup){.pipeline_lines = failing});
    assert_string_equal("a b ", sent_now());
    assert_int_equal(TASK_STOPPING, task_state(task));
    acknowledge_all();
    bench_run(task);
    close_producer(task);
    assert_int_equal(2, fake_store.stored[0]);
    assert_non_null(strstr(bench.trace, "Tolerance exceeded in error handler"));
    finish(task);
}

static void a_tolerated_failure_is_dropped_and_the_rest_flows(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "bad");
    add(0, "c");
    struct task *task = start_with(&(struct source_setup){.pipeline_lines = failing, .tolerate_all = true});
    assert_string_equal("a c ", sent_now());
    acknowledge_all();
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_store.stored[0]);
    finish(task);
}

static void progress_without_records_is_stored_in_its_turn(void **state)
{
    (void)state;
    add(0, "a");
    add(0, NULL);
    add(1, NULL);
    struct task *task = start_plain();
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(-1, fake_store.stored[0]);
    assert_int_equal(1, fake_store.stored[1]);
    acknowledge_all();
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_store.stored[0]);
    finish(task);
}

/* --- poll ---- */

static void a_failing_poll_drains_stores_and_stops(void **state)
{
    (void)state;
    script.per_poll = 2;
    add(0, "a");
    add(0, "b");
    struct task *task = start_plain();
    script.fails = "poll";
    script.code = MR_ERR_CONNECT;
    add(0, "lost");
    bench_advance_ms(task, 200);
    assert_int_equal(TASK_STOPPING, task_state(task));
    assert_string_equal("a b ", sent_now()); /* what was appended before the error is discarded */
    assert_null(strstr(script.calls, "stop"));
    acknowledge_all();
    bench_run(task);
    assert_int_equal(2, fake_store.stored[0]);
    assert_non_null(strstr(script.calls, "stop destroy"));
    assert_string_equal("PREPARED RUNNING ", bench.states);
    close_producer(task);
    assert_string_equal("PREPARED RUNNING FAILED ", bench.states);
    assert_non_null(strstr(bench.trace, "poll went wrong"));
    finish(task);
}

static void a_poll_that_fails_without_words_fails_the_task(void **state)
{
    (void)state;
    script.fails = "poll";
    struct task *task = start_plain();
    close_producer(task);
    assert_non_null(strstr(bench.trace, "poll failed without a reason"));
    finish(task);
}

static void a_retriable_poll_is_called_again_after_the_hint(void **state)
{
    (void)state;
    script.fails = "poll";
    script.code = MR_ERR_RETRIABLE;
    script.retry_after_ms = 700;
    add(0, "a");
    struct task *task = start_plain();
    assert_int_equal(1, script.polls);
    assert_int_equal(0, fake_producer.total);
    script.fails = NULL;
    script.at = 0;
    bench_advance_ms(task, 699);
    assert_int_equal(1, script.polls);
    bench_advance_ms(task, 1);
    assert_string_equal("a ", sent_now());
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static void a_record_left_unfinished_fails_the_task_instead_of_being_sent(void **state)
{
    (void)state;
    add(0, "a");
    script.breaks_record = true;
    struct task *task = start_plain();
    close_producer(task);
    assert_int_equal(0, fake_producer.total);
    assert_non_null(strstr(bench.trace, "left a record unfinished"));
    finish(task);
}

static void a_record_without_topic_fails_the_task(void **state)
{
    (void)state;
    add_to(NULL, 0, "a");
    struct task *task = start_plain();
    close_producer(task);
    assert_non_null(strstr(bench.trace, "has no topic"));
    finish(task);
}

static void an_idle_source_is_polled_when_it_wishes(void **state)
{
    (void)state;
    struct task *task = start_plain();
    int polls = script.polls;
    bench_advance_ms(task, MR_POLL_IDLE_MS - 1);
    assert_int_equal(polls, script.polls);
    script.poll_after_ms = 5000;
    bench_advance_ms(task, 1);
    assert_int_equal(++polls, script.polls);
    bench_advance_ms(task, 4999);
    assert_int_equal(polls, script.polls);
    script.poll_after_ms = UINT32_MAX;
    bench_advance_ms(task, 1);
    assert_int_equal(++polls, script.polls);
    assert_int_equal(INT64_MAX, bench.wake_at_ms);
    int wakes = bench.wakes;
    mr_waker_wake(mr_source_context_waker(script.context));
    assert_true(bench.wakes > wakes);
    bench_run(task);
    assert_int_equal(++polls, script.polls);
    finish(task);
}

static void a_wake_after_the_end_is_harmless(void **state)
{
    (void)state;
    struct task *task = start_plain();
    struct mr_waker *waker = mr_waker_take(mr_source_context_waker(script.context));
    finish(task);
    mr_waker_wake(waker);
    mr_waker_drop(waker);
}

/* --- commits ---- */

static void a_plugin_hears_of_stored_offsets_and_its_errors_are_ignored(void **state)
{
    (void)state;
    script.fails = "commit_record";
    script.code = MR_ERR_CONNECT;
    add(0, "a");
    struct task *task = start_plain();
    assert_int_equal(0, script.commits);
    acknowledge_all();
    bench_run(task);
    script.fails = "commit";
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, script.commits);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static struct task *ticked;
static void tick_in_poll(void)
{
    if (script.polls < 2)
        return;
    assert_string_equal("poll", task_inside(ticked));
    acknowledge_all();
    fake_clock_advance_ms(&bench.clock, FLUSH_INTERVAL_MS);
    task_tick(ticked);
    assert_int_equal(1, fake_store.stored[0]);
}

static void offsets_are_stored_while_a_poll_is_inside(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = ticked = start_plain();
    script.in_poll = tick_in_poll;
    bench_advance_ms(task, 200);
    assert_int_equal(1, fake_store.stored[0]);
    assert_int_equal(1, script.commits);
    finish(task);
}

/* --- stopping ---- */

static void a_stop_waits_for_what_is_under_way(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    struct task *task = start_plain();
    int polls = script.polls;
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    assert_false(bench_run(task));
    assert_int_equal(polls, script.polls);
    acknowledge_all();
    assert_false(bench_run(task));
    assert_int_equal(2, fake_store.stored[0]);
    assert_string_equal("a@lines:-1:-1 b@lines:-1:-1 ", script.committed);
    close_producer(task);
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
    finish(task);
}

static void a_stop_sends_what_was_polled(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    fake_producer.room = 1;
    struct task *task = start_plain();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    fake_producer.room = SIZE_MAX;
    fake_producer_writable();
    bench_run(task);
    assert_string_equal("a b ", sent_now());
    acknowledge_all();
    bench_run(task);
    close_producer(task);
    assert_int_equal(2, fake_store.stored[0]);
    finish(task);
}

static void a_stop_gives_up_at_its_deadline(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    struct task *task = start_plain();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 300);
    bench_run(task);
    acknowledge(1);
    bench_run(task);
    assert_false(fake_producer.is_closed);
    assert_int_equal(bench_now_ms() + 300, bench.wake_at_ms);
    bench_advance_ms(task, 300);
    assert_true(fake_producer.is_closed);
    assert_int_equal(1, fake_store.stored[0]);
    close_producer(task);
    assert_int_equal(1, fake_store.stored[0]);
    finish(task);
}

static void a_late_stop_shortens_the_end_of_a_failing_task(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    script.fails = "poll";
    script.code = MR_ERR_CONNECT;
    bench_advance_ms(task, 150);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10);
    bench_run(task);
    assert_int_equal(bench_now_ms() + 10, bench.wake_at_ms);
    bench_advance_ms(task, 10);
    close_producer(task);
    assert_string_equal("PREPARED RUNNING FAILED ", bench.states);
    finish(task);
}

static void the_last_flush_is_tried_again_after_an_older_failure(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    fake_store.mode = STORE_HOLDS;
    acknowledge_all();
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_store.held_count);
    fake_store_answer("no broker");
    fake_store.mode = STORE_CONFIRMS;
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    assert_int_equal(1, fake_store.stored[0]);
    close_producer(task);
    finish(task);
}

static void a_store_that_never_answers_does_not_hold_the_stop(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    fake_store.mode = STORE_HOLDS;
    acknowledge_all();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    assert_false(fake_producer.is_closed);
    bench_advance_ms(task, FLUSH_TIMEOUT_MS + 1);
    assert_true(fake_producer.is_closed);
    close_producer(task);
    finish(task);
    while (fake_store.held_count > 0)
        fake_store_answer(NULL); /* after the task has gone */
}

static void stop_in_poll(void)
{
    if (script.polls == 2)
        task_request_stop(script.task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
}

static void a_stop_asked_for_inside_poll_reaches_the_plugin(void **state)
{
    (void)state;
    struct task *task = start_plain();
    script.in_poll = stop_in_poll;
    bench_advance_ms(task, 100);
    assert_int_equal(1, script.stops_requested);
    assert_int_equal(2, script.polls);
    assert_true(mr_source_context_is_stopping(script.context));
    close_producer(task);
    finish(task);
}

/* --- lease and abandoning ---- */

static void without_a_lease_nothing_leaves_and_nothing_is_stored(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    lease_set(&bench.lease, 0);
    acknowledge_all();
    add(0, "b");
    int polls = script.polls;
    bench_advance_ms(task, 10 * FLUSH_INTERVAL_MS);
    assert_int_equal(polls, script.polls);
    assert_int_equal(0, fake_store.puts);
    assert_int_equal(1, fake_producer.total);
    lease_set(&bench.lease, LEASE_FOR_EVER);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_store.stored[0]);
    assert_int_equal(2, fake_producer.total);
    lease_set(&bench.lease, 0);
    acknowledge_all();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    close_producer(task);
    assert_int_equal(1, fake_store.stored[0]);
    finish(task);
}

static void a_stop_without_a_lease_waits_for_no_acknowledgement(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    assert_int_equal(1, fake_producer.sent_count);
    lease_set(&bench.lease, 0);
    task_request_stop(task, TASK_DEPARTURE_STAY, bench_now_ms() + 10000);
    bench_run(task);
    assert_true(fake_producer.is_closed); /* and purges what it holds, being told to hurry */
    fake_producer_return(PRODUCER_NOT_SENT, NULL);
    close_producer(task);
    assert_int_equal(0, fake_store.puts);
    finish(task);
}

static void a_task_without_lease_does_not_begin(void **state)
{
    (void)state;
    lease_set(&bench.lease, 0);
    struct task *task = start_plain();
    assert_string_equal("", script.calls);
    lease_set(&bench.lease, LEASE_FOR_EVER);
    bench_advance_ms(task, 200);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static void an_abandoned_task_ends_without_touching_anything(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    acknowledge_all();
    task_abandon(task);
    assert_int_equal(1, script.stops_requested);
    bench_run(task);
    close_producer(task);
    assert_int_equal(0, fake_store.puts);
    assert_int_equal(1, fake_producer.total);
    assert_string_equal("PREPARED RUNNING ", bench.states);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_non_null(strstr(script.calls, "stop destroy"));
    finish(task);
}

static void abandon_in_poll(void)
{
    if (script.polls == 2)
        task_abandon(script.task);
}

static void what_an_abandoned_poll_brings_counts_no_more(void **state)
{
    (void)state;
    struct task *task = start_plain();
    script.in_poll = abandon_in_poll;
    script.fails = "poll";
    script.code = MR_ERR_CONNECT;
    add(0, "a");
    bench_advance_ms(task, 100);
    close_producer(task);
    assert_int_equal(0, fake_producer.total);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_string_equal("PREPARED RUNNING ", bench.states);
    finish(task);
}

/* --- states, flags, memory ---- */

static void states_move_as_the_table_says(void **state)
{
    (void)state;
    for (int from = TASK_NEW; from <= TASK_FAILED; from++)
        for (int to = TASK_NEW; to <= TASK_FAILED; to++)
            if (from >= TASK_STOPPED)
                assert_false(task_state_may_move(from, to));
            else if (from != TASK_STOPPING && to >= TASK_STOPPING)
                assert_true(task_state_may_move(from, to));
    assert_true(task_state_may_move(TASK_RUNNING, TASK_PAUSED));
    assert_true(task_state_may_move(TASK_PAUSED, TASK_RUNNING));
    assert_false(task_state_may_move(TASK_RUNNING, TASK_STARTING));
    assert_false(task_state_may_move(TASK_STOPPING, TASK_RUNNING));
    assert_string_equal("RUNNING", task_state_name(TASK_RUNNING));
}

static bool live_through(void *argument)
{
    struct source_setup setup = {.ops = &ops, .pipeline_lines = exploding};
    struct task *task;

    (void)argument;
    task = source_task_of_test(&setup);
    if (task == NULL)
        return false;
    script.at = 0;
    task_request_start(task);
    bench_run(task);
    for (int i = 0; i < 5 && task_state(task) == TASK_RUNNING; i++) {
        acknowledge_all();
        bench_run(task);
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
    }
    bool worked = task_state(task) == TASK_RUNNING && fake_store.stored[0] == 50;
    acknowledge_all();
    finish(task);
    fake_producer_reset();
    return worked;
}

static void it_survives_every_lack_of_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        add(0, "a");
    script.per_poll = 20;
    live_through(NULL); /* tables that live for ever are made now */
    fake_store_reset();
    alloc_torture(live_through, NULL);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task_lives_from_prepare_to_stop),
        TEST(a_task_that_was_never_started_ends_at_once),
        TEST(a_failed_beginning_is_followed_by_stop_and_destroy),
        TEST(a_producer_that_cannot_be_had_fails_the_task),
        TEST(a_task_that_begins_paused_waits_before_the_start),
        TEST(the_start_waits_until_the_offsets_were_read),
        TEST(offsets_that_cannot_be_read_fail_the_start),
        TEST(a_task_stopped_while_offsets_are_read_waits_for_the_answer),
        TEST(records_leave_in_order_and_topics_are_told_once),
        TEST(nothing_is_stored_past_a_record_that_is_not_acknowledged),
        TEST(a_full_producer_holds_the_poll_back),
        TEST(a_task_polls_no_more_than_its_buffer_allows),
        TEST(a_stuck_record_keeps_its_batch_and_bounds_the_others),
        TEST(after_a_swap_everything_unacknowledged_is_sent_again_in_order),
        TEST(newer_records_do_not_overtake_those_that_a_swap_gave_back),
        TEST(a_refused_record_fails_the_task),
        TEST(a_tolerated_refusal_counts_as_dropped),
        TEST(what_can_never_be_sent_fails_the_task_in_words),
        TEST(a_split_record_is_safe_when_all_of_its_parts_are),
        TEST(filtered_records_advance_the_offset),
        TEST(a_record_that_cannot_be_transformed_lets_those_before_it_pass),
        TEST(a_tolerated_failure_is_dropped_and_the_rest_flows),
        TEST(progress_without_records_is_stored_in_its_turn),
        TEST(a_failing_poll_drains_stores_and_stops),
        TEST(a_poll_that_fails_without_words_fails_the_task),
        TEST(a_retriable_poll_is_called_again_after_the_hint),
        TEST(a_record_left_unfinished_fails_the_task_instead_of_being_sent),
        TEST(a_record_without_topic_fails_the_task),
        TEST(an_idle_source_is_polled_when_it_wishes),
        TEST(a_wake_after_the_end_is_harmless),
        TEST(a_plugin_hears_of_stored_offsets_and_its_errors_are_ignored),
        TEST(offsets_are_stored_while_a_poll_is_inside),
        TEST(a_stop_waits_for_what_is_under_way),
        TEST(a_stop_sends_what_was_polled),
        TEST(a_stop_gives_up_at_its_deadline),
        TEST(a_late_stop_shortens_the_end_of_a_failing_task),
        TEST(the_last_flush_is_tried_again_after_an_older_failure),
        TEST(a_store_that_never_answers_does_not_hold_the_stop),
        TEST(a_stop_asked_for_inside_poll_reaches_the_plugin),
        TEST(without_a_lease_nothing_leaves_and_nothing_is_stored),
        TEST(a_stop_without_a_lease_waits_for_no_acknowledgement),
        TEST(a_task_without_lease_does_not_begin),
        TEST(an_abandoned_task_ends_without_touching_anything),
        TEST(what_an_abandoned_poll_brings_counts_no_more),
        TEST(states_move_as_the_table_says),
        TEST(it_survives_every_lack_of_memory),
    };
    bench_load(MR_PLUGINS "/string_converter.so," MR_TEST_PLUGINS "/exploding_transform.so," MR_TEST_PLUGINS
                          "/failing_transform.so");
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    loader_destroy(bench.loader);
    return failures;
}
