/* source_task, stepped by hand: what polls bring and what transforms make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log_sink.h"
#include "source_script.h"
#include "task/source_task_internal.h"

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

static const char *const exploding_big[] = {"transforms=x", "transforms.x.type=org.acme.Exploding",
                                            "transforms.x.count=60000", "transforms.x.predicate=p", "predicates=p",
                                            "predicates.p.type=org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
                                            "predicates.p.pattern=big", NULL};

static void a_record_of_which_too_much_is_made_is_a_bad_record_like_others(void **state)
{
    for (int tolerates = 0; tolerates < 2; tolerates++) {
        set_up(state);
        add(0, "a");
        add_to("big", 0, "b"); /* 60000 copies are more than a record may have */
        add_to("big", 0, "c");
        add(0, "d");
        struct task *task =
            start_with(&(struct source_setup){.pipeline_lines = exploding_big, .tolerate_all = tolerates == 1});
        assert_string_equal(tolerates == 1 ? "a d " : "a ", sent_now());
        acknowledge_all();
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
        if (tolerates == 0) {
            close_producer(task);
            assert_non_null(strstr(bench.trace, "what is made of one record takes more than"));
            assert_non_null(strstr(bench.trace, "DataException"));
        }
        assert_int_equal(tolerates == 1 ? 4 : 1, fake_store.stored[0]);
        finish(task);
    }
}

static void an_idle_task_gives_back_what_it_used(void **state)
{
    (void)state;
    struct task *task = start_plain();
    const struct source_task *inside = SOURCE_TASK_OF(task);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 300; i++)
            add(0, "a line");
        bench_advance_ms(task, 10 * MR_POLL_IDLE_MS);
        assert_false(inside->is_lean); /* records are under way */
        acknowledge_all();
        bench_run(task);
        assert_true(inside->is_lean);
        assert_int_equal(0, inside->outgoing.capacity);
    }
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

static char error_lines[2048];
static void keep_errors(void *state, const struct log_line *line)
{
    size_t used = strlen(error_lines);

    (void)state;
    if (line->level == LOG_LEVEL_ERROR)
        snprintf(error_lines + used, sizeof(error_lines) - used, "%s %s|", line->context, line->message);
}

static void a_failure_is_one_line_with_task_plugin_and_cause(void **state)
{
    static const struct log_sink sink = {.write = keep_errors};

    (void)state;
    error_lines[0] = '\0';
    log_sink_set(&sink);
    struct task *task = start_with(&(struct source_setup){.pipeline_lines = failing});
    add(0, "bad");
    bench_advance_ms(task, 2000);
    log_sink_set(NULL);
    close_producer(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_string_equal("[files|task-0] task files-0 (org.acme.Scripted) failed: Tolerance exceeded in error handler; "
                        "caused by: Executing stage 'TRANSFORMATION' with class 'org.acme.Failing' (alias 'x'), where "
                        "source record is SourceRecord{sourcePartition={p=0}, sourceOffset={o=1}, topic='lines'}; "
                        "caused by: a bad record|",
                        error_lines);
    assert_non_null(strstr(bench.trace, "Caused by: org.apache.kafka.connect.errors.ConnectException: Executing stage"));
    finish(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_split_record_is_safe_when_all_of_its_parts_are),
        TEST(filtered_records_advance_the_offset),
        TEST(a_record_that_cannot_be_transformed_lets_those_before_it_pass),
        TEST(a_tolerated_failure_is_dropped_and_the_rest_flows),
        TEST(a_record_of_which_too_much_is_made_is_a_bad_record_like_others),
        TEST(an_idle_task_gives_back_what_it_used),
        TEST(progress_without_records_is_stored_in_its_turn),
        TEST(a_failing_poll_drains_stores_and_stops),
        TEST(a_poll_that_fails_without_words_fails_the_task),
        TEST(a_retriable_poll_is_called_again_after_the_hint),
        TEST(a_record_left_unfinished_fails_the_task_instead_of_being_sent),
        TEST(a_record_without_topic_fails_the_task),
        TEST(an_idle_source_is_polled_when_it_wishes),
        TEST(a_wake_after_the_end_is_harmless),
        TEST(a_failure_is_one_line_with_task_plugin_and_cause),
    };
    RUN_TESTS(tests);
}
