/* sink_task, stepped by hand: what is put, what is committed, and what happens when partitions come and go in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/thread.h"
#include "sink_bench.h"
#include "support/alloc_torture.h"

/* --- a plugin that does what the test says ---- */

#define KEPT_MAX 1000

static struct script {
    struct mr_sink_context *context;
    char calls[8192];        /* "open[0=-1] put[a b] pre_commit[0=2] …"; empty puts are only counted */
    int puts, empty_puts, stops_requested;
    const char *fails;       /* this call fails … */
    int fails_times;         /* … so often; 0: always */
    enum mr_error_code code; /* … with this; 0: without saying why */
    uint32_t retry_after_ms; /* in the error */
    void (*in_put)(struct mr_record *const *records, size_t count);
    void (*in_open)(void);
    void (*in_pre_commit)(struct mr_offsets *offsets);
    bool keeps_batches;
    struct mr_batch *kept[KEPT_MAX];
    size_t kept_count;
    struct task *task;
} script;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    size_t used = strlen(script.calls);
    va_list args;

    va_start(args, format);
    vsnprintf(script.calls + used, sizeof(script.calls) - used, format, args);
    va_end(args);
}

static int answer(const char *call, struct mr_error **error)
{
    if (script.fails == NULL || strcmp(script.fails, call) != 0)
        return 0;
    if (script.fails_times > 0 && --script.fails_times == 0)
        script.fails = NULL;
    if (script.code != 0)
        mr_error_set(error, script.code, "%s went wrong", call);
    if (script.retry_after_ms > 0)
        mr_error_set_retry_after_ms(*error, script.retry_after_ms);
    return -1;
}

static void *create(struct mr_sink_context *context, struct mr_error **error)
{
    note("create ");
    script.context = context;
    return answer("create", error) == 0 ? &script : NULL;
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config;
    note("start ");
    return answer("start", error);
}

static void note_offsets(const char *call, const struct mr_offsets *offsets)
{
    note("%s[", call);
    for (size_t i = 0; i < mr_offsets_count(offsets); i++)
        note("%s%d=%lld", i == 0 ? "" : " ", (int)mr_offsets_partition(offsets, i),
             (long long)mr_offsets_offset(offsets, i));
    note("] ");
}

static int open_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)self;
    note_offsets("open", partitions);
    if (script.in_open != NULL)
        script.in_open();
    return answer("open", error);
}

static void keep(struct mr_record *const *records, size_t count)
{
    if (count == 0 || script.kept_count == KEPT_MAX)
        return;
    script.kept[script.kept_count++] = mr_batch_take(mr_record_batch(records[0]));
}

static int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    (void)self;
    script.puts++;
    script.empty_puts += count == 0;
    if (count > 0 && count <= 20) {
        note("put[");
        for (size_t i = 0; i < count; i++) {
            struct mr_bytes value = mr_value_bytes(mr_record_value(records[i]));

            note("%s%.*s", i == 0 ? "" : " ", (int)value.size, (const char *)value.data);
        }
        note("] ");
    }
    if (script.keeps_batches)
        keep(records, count);
    if (script.in_put != NULL)
        script.in_put(records, count);
    return answer("put", error);
}

static int pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    (void)self;
    note_offsets("pre_commit", offsets);
    if (script.in_pre_commit != NULL)
        script.in_pre_commit(offsets);
    return answer("pre_commit", error);
}

static int flush(void *self, const struct mr_offsets *offsets, struct mr_error **error)
{
    (void)self;
    note_offsets("flush", offsets);
    return answer("flush", error);
}

static int close_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)self;
    note_offsets("close", partitions);
    return answer("close", error);
}

static void request_stop(void *self)
{
    (void)self;
    script.stops_requested++;
}

static void stop(void *self)
{
    (void)self;
    note("stop ");
}

static void destroy(void *self)
{
    (void)self;
    note("destroy ");
}

static const struct mr_sink_task_ops ops = {
    .size = sizeof(ops), .create = create, .start = start, .open = open_partitions, .put = put, .flush = flush,
    .pre_commit = pre_commit, .close = close_partitions, .request_stop = request_stop, .stop = stop,
    .destroy = destroy,
};

/* --- set-up ---- */

static int set_up(void **state)
{
    (void)state;
    bench_reset();
    fake_producer_reset();
    fake_consumer_reset();
    memset(&script, 0, sizeof(script));
    return 0;
}

static struct task *start_with(const struct sink_setup *setup)
{
    struct sink_setup wanted = *setup;

    if (wanted.ops == NULL)
        wanted.ops = &ops;
    script.task = sink_task_of_test(&wanted);
    assert_non_null(script.task);
    task_request_start(script.task);
    bench_run(script.task);
    return script.task;
}

/* Running, with partitions 0 … last of topic t. What was called so far is forgotten. */
static struct task *start_assigned(const struct sink_setup *setup, int32_t last)
{
    struct task *task = start_with(setup);

    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, last);
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    script.calls[0] = fake_consumer.seen[0] = '\0';
    return task;
}

static struct task *start_plain(int32_t last)
{
    return start_assigned(&(struct sink_setup){.ops = NULL}, last);
}

static void drop_kept(void)
{
    while (script.kept_count > 0)
        mr_batch_drop(script.kept[--script.kept_count]);
}

static void finish(struct task *task)
{
    if (task_state(task) != TASK_STOPPED && task_state(task) != TASK_FAILED) {
        task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
        assert_true(bench_run(task));
    }
    task_destroy(task);
    drop_kept();
    assert_false(fake_consumer.is_open);
    assert_int_equal(0, fake_consumer.batches_out);
    assert_int_equal(0, bench.wake_references);
    if (fake_producer.listener != NULL)
        fake_producer_end();
    fake_consumer_reset();
}

static void add(int32_t partition, const char *value)
{
    fake_consumer_add("t", partition, value);
}

/* --- life ---- */

static void a_task_opens_puts_commits_and_closes_in_order(void **state)
{
    (void)state;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    assert_string_equal("create start ", script.calls);
    assert_memory_equal("open:connect-files-0-", fake_consumer.seen, strlen("open:connect-files-0-"));
    add(0, "a");
    add(0, "b");
    add(1, "c");
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 1);
    bench_run(task);
    assert_string_equal("create start open[0=-1 1=-1] put[a b c] ", script.calls);
    assert_string_equal("t ", bench.topics);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 0));
    assert_int_equal(1, fake_committed("t", 1));
    script.calls[0] = fake_consumer.seen[0] = '\0';
    add(0, "d");
    bench_run(task);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    assert_true(bench_run(task));
    assert_string_equal("put[d] pre_commit[0=3 1=1] close[0=3 1=1] stop destroy ", script.calls);
    assert_string_equal("commit:t-0=3 leave ", fake_consumer.seen);
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
    assert_int_equal(1, script.stops_requested);
    finish(task);
}

static void a_hand_over_closes_without_leaving(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    task_request_stop(task, TASK_DEPARTURE_STAY, bench_now_ms() + 1000);
    bench_run(task);
    assert_int_equal(CONSUMER_CLOSE_STAY, fake_consumer.close_mode);
    finish(task);
}

static void a_task_that_begins_paused_waits_before_the_start(void **state)
{
    struct sink_setup setup = {.ops = &ops};

    (void)state;
    struct task *task = sink_task_of_test(&setup);
    task_request_pause(task);
    task_request_start(task);
    bench_run(task);
    assert_string_equal("create ", script.calls);
    assert_string_equal("PREPARED PAUSED ", bench.states);
    assert_int_equal(0, fake_consumer.opens);
    task_request_resume(task);
    bench_run(task);
    assert_string_equal("create start ", script.calls);
    assert_string_equal("PREPARED PAUSED RUNNING ", bench.states);
    finish(task);
}

static void a_failed_beginning_is_followed_by_stop_and_destroy(void **state)
{
    (void)state;
    script.fails = "start";
    script.code = MR_ERR_CONFIG;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    assert_string_equal("create start stop destroy ", script.calls);
    assert_string_equal("PREPARED FAILED ", bench.states);
    assert_int_equal(0, fake_consumer.opens);
    finish(task);
    set_up(NULL);
    script.fails = "create";
    task = start_with(&(struct sink_setup){.ops = NULL});
    assert_string_equal("create ", script.calls);
    assert_non_null(strstr(bench.trace, "create failed without a reason"));
    finish(task);
    set_up(NULL);
    fake_consumer.open_refusal = "no such trust store";
    task = start_with(&(struct sink_setup){.ops = NULL});
    assert_string_equal("create start stop destroy ", script.calls);
    assert_non_null(strstr(bench.trace, "no such trust store"));
    finish(task);
}

/* --- partitions ---- */

static void revoked_partitions_are_committed_and_closed_first(void **state)
{
    (void)state;
    struct task *task = start_plain(2);
    add(0, "a");
    add(1, "b");
    add(2, "c");
    bench_run(task);
    script.calls[0] = '\0';
    fake_consumer_group(CONSUMER_REVOKED, "t", 1, 2);
    bench_run(task);
    assert_string_equal("pre_commit[1=1 2=1] close[1=1 2=1] ", script.calls);
    assert_string_equal("commit:t-1=1 commit:t-2=1 revoke ", fake_consumer.seen);
    assert_int_equal(1, mr_offsets_count(mr_sink_context_assignment(script.context)));
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 1, 1);
    script.calls[0] = '\0';
    bench_run(task);
    assert_string_equal("open[1=1] ", script.calls);
    finish(task);
}

static void lost_partitions_are_closed_without_a_commit(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    add(0, "a");
    bench_run(task);
    script.calls[0] = '\0';
    fake_consumer_group(CONSUMER_LOST, "t", 0, 1);
    bench_run(task);
    assert_string_equal("close[0=1 1=-1] ", script.calls);
    assert_string_equal("revoke ", fake_consumer.seen);
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
}

static void a_failing_pre_commit_does_not_keep_a_revoked_partition(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    script.fails = "pre_commit";
    script.code = MR_ERR_CONNECT;
    script.calls[0] = '\0';
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    assert_string_equal("pre_commit[0=1] close[0=1] ", script.calls);
    assert_string_equal("revoke ", fake_consumer.seen);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static void a_failing_open_or_close_fails_the_task(void **state)
{
    (void)state;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    script.fails = "open";
    script.code = MR_ERR_CONNECT;
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(CONSUMER_CLOSE_LEAVE, fake_consumer.close_mode);
    finish(task);
    set_up(NULL);
    task = start_plain(0);
    script.fails = "close";
    script.fails_times = 1;
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "close failed without a reason"));
    finish(task);
    set_up(NULL);
    task = start_with(&(struct sink_setup){.ops = NULL});
    fake_consumer.committed_refusal = "no coordinator";
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_non_null(strstr(bench.trace, "committed offsets could not be read"));
    finish(task);
}

static void a_fenced_task_stops_cleanly_and_commits_nothing(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    script.calls[0] = '\0';
    fake_consumer_say(CONSUMER_FENCED, NULL);
    assert_true(bench_run(task));
    assert_string_equal("close[0=1] stop destroy ", script.calls);
    assert_string_equal("stay ", fake_consumer.seen); /* the place is its successor's */
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
    finish(task);
}

static void a_failed_consumer_fails_the_task_and_trouble_does_not(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    fake_consumer_say(CONSUMER_TROUBLE, "all brokers are down");
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    fake_consumer_say(CONSUMER_FAILED, "not authorized");
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "not authorized"));
    finish(task);
}

/* --- put ---- */

static void a_retriable_put_gets_the_same_records_again_and_keeps_its_place(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    add(0, "a");
    add(0, "b");
    bench_run(task);
    add(0, "c");
    assert_string_equal("put[a b] ", script.calls);
    assert_int_equal(bench_now_ms() + SINK_RETRY_LEAST_MS, bench.wake_at_ms);
    bench_advance_ms(task, SINK_RETRY_LEAST_MS);
    assert_string_equal("put[a b] put[a b] ", script.calls);
    assert_int_equal(bench_now_ms() + 2 * SINK_RETRY_LEAST_MS, bench.wake_at_ms);
    bench_advance_ms(task, 60000);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_int_equal(-1, fake_committed("t", 0));
    assert_null(strstr(script.calls, "put[c"));
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 1, 1); /* the group is still served */
    script.calls[0] = '\0';
    bench_run(task);
    assert_string_equal("open[1=-1] ", script.calls);
    script.fails = NULL;
    bench_advance_ms(task, SINK_RETRY_MOST_MS);
    assert_non_null(strstr(script.calls, "put[a b] put[c]"));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    finish(task);
}

static void wish_for_300_ms(struct mr_record *const *records, size_t count)
{
    (void)records, (void)count;
    mr_sink_context_retry_after_ms(script.context, 300);
}

static void a_retry_comes_when_the_error_or_the_plugin_says(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    script.in_put = wish_for_300_ms;
    add(0, "a");
    bench_run(task);
    assert_int_equal(bench_now_ms() + 300, bench.wake_at_ms);
    script.retry_after_ms = 70;
    bench_advance_ms(task, 300);
    assert_int_equal(bench_now_ms() + 70, bench.wake_at_ms);
    int puts = script.puts;
    mr_waker_wake(mr_sink_context_waker(script.context)); /* or when the plugin wakes its task */
    bench_run(task);
    assert_int_equal(puts + 1, script.puts);
    finish(task);
}

static void records_of_revoked_partitions_are_not_put_again(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    add(0, "a");
    add(1, "b");
    bench_run(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    script.calls[0] = '\0';
    bench_advance_ms(task, SINK_RETRY_LEAST_MS);
    assert_string_equal("close[0=0] put[b] ", strstr(script.calls, "close"));
    assert_int_equal(-1, fake_committed("t", 0));
    /* It comes back before the retry works: its records are read anew. */
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    script.fails = NULL;
    script.calls[0] = '\0';
    bench_advance_ms(task, 2 * SINK_RETRY_LEAST_MS);
    assert_string_equal("put[b] put[a] ", script.calls);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    assert_int_equal(1, fake_committed("t", 1));
    finish(task);
}

static void when_nothing_is_left_to_retry_the_rest_goes_on(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    script.retry_after_ms = 100000;
    add(0, "a");
    bench_run(task);
    add(1, "b");
    script.fails = NULL;
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    script.calls[0] = '\0';
    bench_run(task);
    assert_non_null(strstr(script.calls, "put[b]"));
    finish(task);
}

static void a_failed_put_fails_the_task_and_commits_what_was_before(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    script.fails = "put";
    script.code = MR_ERR_DATA;
    add(0, "b");
    script.calls[0] = '\0';
    bench_run(task);
    assert_string_equal("put[b] pre_commit[0=1] close[0=1] stop destroy ", script.calls);
    assert_int_equal(1, fake_committed("t", 0));
    assert_string_equal("PREPARED RUNNING FAILED ", bench.states);
    assert_non_null(strstr(bench.trace, "Exiting sink task due to unrecoverable exception."));
    assert_non_null(strstr(bench.trace, "put went wrong"));
    assert_int_equal(CONSUMER_CLOSE_LEAVE, fake_consumer.close_mode);
    finish(task);
}

static void empty_puts_come_at_least_each_interval_and_when_woken(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    bench_advance_ms(task, 10 * FLUSH_INTERVAL_MS);
    assert_in_range(script.empty_puts, 9, 11);
    int before = script.empty_puts;
    mr_waker_wake(mr_sink_context_waker(script.context));
    bench_run(task);
    assert_int_equal(before + 1, script.empty_puts);
    script.in_put = wish_for_300_ms;
    mr_waker_wake(mr_sink_context_waker(script.context));
    bench_run(task);
    before = script.empty_puts;
    bench_advance_ms(task, 900);
    assert_int_equal(before + 3, script.empty_puts);
    finish(task);
}

static void one_put_gets_at_most_max_poll_records(void **state)
{
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.max_poll_records = "3"}, 0);
    for (int i = 0; i < 7; i++)
        add(0, "x");
    bench_run(task);
    assert_string_equal("put[x x x] put[x x x] put[x] ", script.calls);
    finish(task);
}

static size_t most_at_once;
static void note_most(struct mr_record *const *records, size_t count)
{
    (void)records;
    most_at_once = count > most_at_once ? count : most_at_once;
}

static void large_records_are_read_few_at_a_time(void **state)
{
    static char large[10001];

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    most_at_once = 0;
    script.in_put = note_most;
    struct task *task = start_assigned(&(struct sink_setup){.buffer_bytes_max = 100000}, 0);
    for (int i = 0; i < 200; i++)
        add(0, large);
    bench_run(task);
    assert_in_range(most_at_once, 10, 64);
    most_at_once = 0;
    for (int i = 0; i < 200; i++)
        add(0, large);
    bench_run(task);
    assert_in_range(most_at_once, 9, 10);
    finish(task);
}

/* --- commits ---- */

static void lower_keep_and_invent(struct mr_offsets *offsets)
{
    assert_int_equal(0, mr_offsets_put(offsets, "t", 0, 1));     /* lower */
    mr_offsets_remove(offsets, "t", 1);                          /* hold back */
    assert_int_equal(0, mr_offsets_put(offsets, "t", 2, 100));   /* beyond what was delivered */
    assert_int_equal(0, mr_offsets_put(offsets, "other", 7, 1)); /* not ours */
}

static void pre_commit_decides_what_is_committed(void **state)
{
    (void)state;
    struct task *task = start_plain(3);
    for (int32_t partition = 0; partition < 4; partition++) {
        add(partition, "a");
        add(partition, "b");
    }
    script.in_pre_commit = lower_keep_and_invent;
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    assert_int_equal(-1, fake_committed("t", 1));
    assert_int_equal(-1, fake_committed("t", 2));
    assert_int_equal(2, fake_committed("t", 3));
    script.in_pre_commit = mr_offsets_clear;
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_consumer.commits);
    script.in_pre_commit = NULL;
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 2));
    int commits = fake_consumer.commits;
    bench_advance_ms(task, 5 * FLUSH_INTERVAL_MS); /* nothing new: asked, but not committed again */
    assert_int_equal(commits, fake_consumer.commits);
    finish(task);
}

static void without_pre_commit_flush_vouches_for_all(void **state)
{
    struct mr_sink_task_ops flushing = ops;

    (void)state;
    flushing.pre_commit = NULL;
    struct task *task = start_assigned(&(struct sink_setup){.ops = &flushing}, 0);
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_non_null(strstr(script.calls, "flush[0=1]"));
    assert_int_equal(1, fake_committed("t", 0));
    finish(task);
    set_up(NULL);
    flushing.flush = NULL;
    task = start_assigned(&(struct sink_setup){.ops = &flushing}, 0);
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    finish(task);
}

static void a_failing_pre_commit_rewinds_to_what_was_committed(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    add(0, "b");
    add(0, "c");
    add(1, "x");
    bench_run(task);
    script.fails = "pre_commit";
    script.code = MR_ERR_CONNECT;
    script.fails_times = 1;
    script.calls[0] = '\0';
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_string_equal("pre_commit[0=3 1=1] put[b c x] ", script.calls);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_int_equal(1, fake_consumer.seeks);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    assert_int_equal(1, fake_committed("t", 1));
    finish(task);
}

static void commits_are_tried_again_and_late_answers_ignored(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    fake_consumer.holds_commits = true;
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_consumer.commits);
    fake_consumer_confirm("rebalance in progress");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_consumer.commits);
    uint64_t late = fake_consumer.held_token;
    bench_advance_ms(task, 2 * FLUSH_INTERVAL_MS); /* no answer: given up */
    assert_true(fake_consumer.commits >= 3);
    fake_consumer_say(CONSUMER_COMMITTED, NULL);
    fake_consumer.events[0].event.token = late;
    bench_run(task);
    fake_consumer.commit_refusal = "not a member";
    bench_advance_ms(task, 5 * FLUSH_INTERVAL_MS);
    assert_int_equal(TASK_RUNNING, task_state(task));
    fake_consumer.commit_refusal = NULL;
    fake_consumer.holds_commits = false;
    bench_advance_ms(task, 2 * FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    finish(task);
}

static void ask_for_a_commit(struct mr_record *const *records, size_t count)
{
    (void)records, (void)count;
    mr_sink_context_request_commit(script.context);
}

static void ask_again(struct mr_offsets *offsets)
{
    (void)offsets;
    mr_sink_context_request_commit(script.context);
}

static void a_plugin_may_ask_for_a_commit(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.in_put = ask_for_a_commit;
    script.in_pre_commit = ask_again; /* must not go round in circles */
    add(0, "a");
    bench_run(task);
    assert_int_equal(1, fake_committed("t", 0));
    script.calls[0] = '\0';
    mr_waker_wake(mr_sink_context_waker(script.context)); /* also from an empty put */
    bench_run(task);
    assert_string_equal("pre_commit[0=1] ", script.calls);
    finish(task);
}

/* --- wishes ---- */

static void seek_in_open(void)
{
    struct mr_error *error = NULL;

    assert_int_equal(0, mr_sink_context_seek(script.context, "t", 0, 2, NULL));
    assert_int_equal(-1, mr_sink_context_seek(script.context, "t", 9, 2, &error));
    assert_int_equal(MR_ERR_ILLEGAL_STATE, mr_error_code(error));
    mr_error_clear(&error);
    assert_int_equal(-1, mr_sink_context_seek(script.context, "t", 0, -2, &error));
    mr_error_clear(&error);
    assert_int_equal(-1, mr_sink_context_pause(script.context, "t", 9, &error));
    mr_error_clear(&error);
}

static void a_plugin_may_begin_where_it_wishes(void **state)
{
    (void)state;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    add(0, "a");
    add(0, "b");
    add(0, "c");
    script.in_open = seek_in_open;
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_non_null(strstr(script.calls, "put[c]"));
    assert_null(strstr(script.calls, "a"  " b"));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    finish(task);
}

static void pause_then_resume(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count > 0)
        assert_int_equal(0, mr_sink_context_pause(script.context, "t", 0, NULL));
    else
        assert_int_equal(0, mr_sink_context_resume(script.context, "t", 0, NULL));
}

static void a_paused_partition_is_not_read(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    script.in_put = pause_then_resume;
    add(0, "a");
    bench_run(task);
    add(0, "b");
    add(1, "x");
    bench_run(task);
    assert_string_equal("put[a] put[x] ", script.calls);
    bench_advance_ms(task, FLUSH_INTERVAL_MS); /* an empty put resumes it */
    assert_non_null(strstr(script.calls, "put[b]"));
    finish(task);
}

static void seek_back_and_fail(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count > 1)
        assert_int_equal(0, mr_sink_context_seek(script.context, "t", 0, 0, NULL));
    script.in_put = NULL;
}

static void a_seek_during_a_retry_takes_its_records_out(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    script.in_put = seek_back_and_fail;
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    script.fails_times = 1;
    add(0, "a");
    add(1, "x");
    bench_run(task);
    bench_advance_ms(task, SINK_RETRY_LEAST_MS);
    assert_string_equal("put[a x] put[x] put[a] ", script.calls);
    finish(task);
}

static void a_seek_that_fails_fails_the_task(void **state)
{
    (void)state;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    script.in_open = seek_in_open;
    fake_consumer.seek_refusal = "timed out";
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_non_null(strstr(bench.trace, "cannot go to offset 2 of t-0"));
    finish(task);
}

/* --- a paused target ---- */

static void a_pause_commits_at_once_and_reads_nothing(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    task_request_pause(task);
    bench_run(task);
    assert_int_equal(1, fake_committed("t", 0));
    add(0, "b");
    bench_advance_ms(task, 3 * FLUSH_INTERVAL_MS);
    assert_null(strstr(script.calls, "put[b]"));
    assert_true(script.empty_puts > 0);
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 1, 1);
    bench_run(task);
    assert_non_null(strstr(script.calls, "open[1=-1]"));
    task_request_resume(task);
    bench_run(task);
    assert_non_null(strstr(script.calls, "put[b]"));
    assert_string_equal("PREPARED RUNNING PAUSED RUNNING ", bench.states);
    finish(task);
}

/* --- errors of records, dead letters ---- */

static const char *const failing[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};

static void a_record_that_cannot_be_converted_fails_the_task_before_it(void **state)
{
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.pipeline_lines = failing}, 0);
    add(0, "a");
    bench_run(task);
    add(0, "b");
    add(0, "bad");
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(1, fake_committed("t", 0));
    assert_null(strstr(script.calls, "put[b]"));
    finish(task);
}

static void offsets_wait_for_dead_letters(void **state)
{
    (void)state;
    struct task *task = start_assigned(
        &(struct sink_setup){.pipeline_lines = failing, .tolerate_all = true, .has_dead_letters = true}, 0);
    add(0, "a");
    add(0, "bad");
    add(0, "c");
    bench_run(task);
    assert_string_equal("put[a c] ", script.calls);
    assert_int_equal(1, fake_producer.sent_count);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0)); /* up to the bad one */
    fake_producer_return(PRODUCER_ACKED, NULL);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    finish(task);
}

static void a_dead_letter_that_cannot_be_written_fails_the_task(void **state)
{
    (void)state;
    struct task *task = start_assigned(
        &(struct sink_setup){.pipeline_lines = failing, .tolerate_all = true, .has_dead_letters = true}, 0);
    add(0, "a");
    add(0, "bad");
    add(0, "c");
    bench_run(task);
    fake_producer_return(PRODUCER_FAILED, "record too large");
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "record too large"));
    assert_int_equal(1, fake_committed("t", 0)); /* and never past it */
    finish(task);
}

static struct mr_future *letter;
static int report_status;
static void report_first(struct mr_record *const *records, size_t count)
{
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(script.context);
    struct mr_error *reason = NULL;

    if (count == 0 || reporter == NULL)
        return;
    mr_error_set(&reason, MR_ERR_DATA, "does not fit");
    report_status = mr_errant_report(reporter, records[0], reason, &letter, NULL);
    mr_error_drop(reason);
}

static void a_reported_record_holds_its_offset_until_the_letter_is_safe(void **state)
{
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.tolerate_all = true, .has_dead_letters = true}, 0);
    script.in_put = report_first;
    add(0, "a");
    add(0, "b");
    bench_run(task);
    assert_int_equal(0, report_status);
    assert_false(mr_future_is_done(letter));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(-1, fake_committed("t", 0));
    fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(0, mr_future_wait(letter, 0, NULL));
    mr_future_drop(letter);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 0));
    finish(task);
}

static void a_report_without_tolerance_fails_the_task_even_if_overlooked(void **state)
{
    (void)state;
    letter = NULL;
    struct task *task = start_assigned(&(struct sink_setup){.has_dead_letters = true}, 0);
    script.in_put = report_first;
    add(0, "a");
    bench_run(task);
    assert_int_equal(-1, report_status);
    mr_future_drop(letter);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
}

static void without_dead_letters_there_is_no_reporter(void **state)
{
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.tolerate_all = true}, 0);
    assert_null(mr_sink_context_errant_reporter(script.context));
    finish(task);
}

/* --- plugins that keep records ---- */

static void a_plugin_that_keeps_too_much_is_asked_to_let_go(void **state)
{
    (void)state;
    script.keeps_batches = true;
    struct task *task = start_assigned(&(struct sink_setup){.buffer_bytes_max = 65536, .max_poll_records = "10"}, 0);
    static char value[1001];
    memset(value, 'x', sizeof(value) - 1);
    for (int i = 0; i < 200; i++)
        add(0, value);
    bench_run(task);
    assert_in_range(script.kept_count, 6, 8);
    assert_int_equal(1, fake_consumer.commits); /* asked for at once, and once */
    size_t kept = script.kept_count;
    bench_advance_ms(task, 500);
    assert_int_equal(kept, script.kept_count);
    int wakes = bench.wakes;
    drop_kept();
    assert_true(bench.wakes > wakes);
    bench_run(task);
    assert_in_range(script.kept_count, 6, 8);
    finish(task);
}

static void records_may_be_kept_over_rebalance_stop_and_end(void **state)
{
    (void)state;
    script.keeps_batches = true;
    struct task *task = start_plain(1);
    add(0, "a");
    bench_run(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 1);
    bench_run(task);
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 1);
    bench_run(task);
    add(0, "b");
    bench_run(task);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    assert_true(bench_run(task));
    task_destroy(task);
    assert_int_equal(0, bench.wake_references); /* nobody waits for the records */
    assert_int_equal(2, fake_consumer.batches_out);
    for (size_t i = 0; i < script.kept_count; i++) {
        struct mr_record *record = mr_batch_at(script.kept[i], 0);

        assert_string_equal("t", mr_record_origin_topic(record));
        assert_memory_equal(i == 0 ? "a" : "b", mr_record_origin_value(record).data, 1);
    }
    drop_kept();
    assert_int_equal(0, fake_consumer.batches_out);
}

/* --- lease and abandoning ---- */

static void without_a_lease_nothing_is_put_or_committed_and_the_place_is_kept(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    lease_set(&bench.lease, 0);
    add(0, "b");
    script.calls[0] = '\0';
    bench_advance_ms(task, 5 * FLUSH_INTERVAL_MS);
    assert_string_equal("", script.calls);
    assert_int_equal(0, fake_consumer.commits);
    lease_set(&bench.lease, LEASE_FOR_EVER);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_non_null(strstr(script.calls, "put[b]"));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 0));
    add(0, "c");
    bench_run(task);
    lease_set(&bench.lease, 0);
    script.calls[0] = '\0';
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    bench_run(task);
    assert_string_equal("close[0=3] stop destroy ", script.calls);
    assert_int_equal(2, fake_committed("t", 0));
    finish(task);
}

static void abandon_in_put(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count == 0)
        return;
    task_abandon(script.task);
    assert_false(fake_consumer.is_open); /* its partitions are free although put has not returned */
    assert_string_equal("put", task_inside(script.task));
}

static void an_abandoned_put_keeps_no_partitions(void **state)
{
    static const enum mr_error_code codes[] = {0, MR_ERR_RETRIABLE, MR_ERR_CONNECT};

    for (size_t i = 0; i < 3; i++) {
        set_up(state);
        script.keeps_batches = true;
        struct task *task = start_plain(0);
        script.in_put = abandon_in_put;
        script.fails = i == 0 ? NULL : "put";
        script.code = codes[i];
        add(0, "a");
        assert_true(bench_run(task));
        assert_string_equal("put[a] stop destroy ", script.calls);
        assert_string_equal("leave ", fake_consumer.seen);
        assert_string_equal("PREPARED RUNNING ", bench.states);
        assert_int_equal(TASK_STOPPED, task_state(task));
        assert_int_equal(1, fake_consumer.closes);
        finish(task);
    }
}

static void abandon_in_pre_commit(struct mr_offsets *offsets)
{
    (void)offsets;
    task_abandon(script.task);
}

static void abandon_in_open(void)
{
    task_abandon(script.task);
}

static void a_task_may_be_abandoned_in_any_call(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.in_pre_commit = abandon_in_pre_commit;
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
    set_up(NULL);
    task = start_plain(0);
    script.in_pre_commit = abandon_in_pre_commit;
    add(0, "a");
    bench_run(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    assert_true(bench_run(task));
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
    set_up(NULL);
    task = start_with(&(struct sink_setup){.ops = NULL});
    script.in_open = abandon_in_open;
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    assert_true(bench_run(task));
    finish(task);
    set_up(NULL);
    task = start_plain(0);
    task_abandon(task); /* between calls: the task closes its consumer itself */
    assert_true(fake_consumer.is_open);
    assert_true(bench_run(task));
    assert_int_equal(1, fake_consumer.closes);
    finish(task);
}

static struct hang {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_inside, may_go;
} hang;

static void hang_in_put(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count == 0)
        return;
    mutex_lock(&hang.lock);
    hang.is_inside = true;
    cond_broadcast(&hang.changed);
    while (!hang.may_go)
        cond_wait(&hang.changed, &hang.lock);
    mutex_unlock(&hang.lock);
}

static void *step_until_the_end(void *argument)
{
    bench_run(argument);
    return NULL;
}

static void a_put_that_hangs_is_abandoned_from_another_thread(void **state)
{
    pthread_t thread;
    char why[128];

    (void)state;
    mutex_init(&hang.lock);
    cond_init(&hang.changed);
    script.keeps_batches = true;
    struct task *task = start_plain(0);
    script.in_put = hang_in_put;
    add(0, "a");
    assert_true(thread_start(&thread,
                             &(struct thread_setup){.name = "step", .run = step_until_the_end, .argument = task}, why,
                             sizeof(why)));
    mutex_lock(&hang.lock);
    while (!hang.is_inside)
        cond_wait(&hang.changed, &hang.lock);
    mutex_unlock(&hang.lock);
    task_abandon(task);
    assert_false(fake_consumer.is_open);
    mutex_lock(&hang.lock);
    hang.may_go = true;
    cond_broadcast(&hang.changed);
    mutex_unlock(&hang.lock);
    thread_join(thread);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
    cond_destroy(&hang.changed);
    mutex_destroy(&hang.lock);
}

/* --- memory ---- */

static bool live_through(void *argument)
{
    struct sink_setup setup = {.ops = &ops, .pipeline_lines = failing, .tolerate_all = true};
    struct task *task;

    (void)argument;
    memset(&script, 0, sizeof(script));
    bench.states[0] = '\0';
    task = sink_task_of_test(&setup);
    if (task == NULL) {
        fake_consumer_reset();
        return false;
    }
    add(0, "a");
    add(1, "bad");
    add(1, "c");
    task_request_start(task);
    bench_run(task);
    if (task_state(task) == TASK_RUNNING) {
        fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 2);
        bench_run(task);
    }
    for (int i = 0; i < 3 && task_state(task) == TASK_RUNNING; i++)
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
    if (task_state(task) == TASK_RUNNING) {
        fake_consumer_group(CONSUMER_REVOKED, "t", 0, 1);
        bench_run(task);
    }
    bool worked = task_state(task) == TASK_RUNNING && fake_committed("t", 0) == 1 && fake_committed("t", 1) == 2;
    finish(task);
    return worked;
}

static void it_survives_every_lack_of_memory(void **state)
{
    (void)state;
    live_through(NULL); /* tables that live for ever are made now */
    alloc_torture(live_through, NULL);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task_opens_puts_commits_and_closes_in_order),
        TEST(a_hand_over_closes_without_leaving),
        TEST(a_task_that_begins_paused_waits_before_the_start),
        TEST(a_failed_beginning_is_followed_by_stop_and_destroy),
        TEST(revoked_partitions_are_committed_and_closed_first),
        TEST(lost_partitions_are_closed_without_a_commit),
        TEST(a_failing_pre_commit_does_not_keep_a_revoked_partition),
        TEST(a_failing_open_or_close_fails_the_task),
        TEST(a_fenced_task_stops_cleanly_and_commits_nothing),
        TEST(a_failed_consumer_fails_the_task_and_trouble_does_not),
        TEST(a_retriable_put_gets_the_same_records_again_and_keeps_its_place),
        TEST(a_retry_comes_when_the_error_or_the_plugin_says),
        TEST(records_of_revoked_partitions_are_not_put_again),
        TEST(when_nothing_is_left_to_retry_the_rest_goes_on),
        TEST(a_failed_put_fails_the_task_and_commits_what_was_before),
        TEST(empty_puts_come_at_least_each_interval_and_when_woken),
        TEST(one_put_gets_at_most_max_poll_records),
        TEST(large_records_are_read_few_at_a_time),
        TEST(pre_commit_decides_what_is_committed),
        TEST(without_pre_commit_flush_vouches_for_all),
        TEST(a_failing_pre_commit_rewinds_to_what_was_committed),
        TEST(commits_are_tried_again_and_late_answers_ignored),
        TEST(a_plugin_may_ask_for_a_commit),
        TEST(a_plugin_may_begin_where_it_wishes),
        TEST(a_paused_partition_is_not_read),
        TEST(a_seek_during_a_retry_takes_its_records_out),
        TEST(a_seek_that_fails_fails_the_task),
        TEST(a_pause_commits_at_once_and_reads_nothing),
        TEST(a_record_that_cannot_be_converted_fails_the_task_before_it),
        TEST(offsets_wait_for_dead_letters),
        TEST(a_dead_letter_that_cannot_be_written_fails_the_task),
        TEST(a_reported_record_holds_its_offset_until_the_letter_is_safe),
        TEST(a_report_without_tolerance_fails_the_task_even_if_overlooked),
        TEST(without_dead_letters_there_is_no_reporter),
        TEST(a_plugin_that_keeps_too_much_is_asked_to_let_go),
        TEST(records_may_be_kept_over_rebalance_stop_and_end),
        TEST(without_a_lease_nothing_is_put_or_committed_and_the_place_is_kept),
        TEST(an_abandoned_put_keeps_no_partitions),
        TEST(a_task_may_be_abandoned_in_any_call),
        TEST(a_put_that_hangs_is_abandoned_from_another_thread),
        TEST(it_survives_every_lack_of_memory),
    };
    bench_load(MR_PLUGINS "/string_converter.so," MR_TEST_PLUGINS "/failing_transform.so");
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    loader_destroy(bench.loader);
    return failures;
}
