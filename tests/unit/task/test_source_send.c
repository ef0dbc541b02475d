/* source_task, stepped by hand: what is sent, in which order, and what Kafka refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source_script.h"

/* --- sending ---- */

static void records_leave_in_order_and_topics_are_told_once_when_kafka_has_them(void **state)
{
    (void)state;
    script.per_poll = 3;
    for (int i = 0; i < 4; i++) {
        add_to("one", 0, "a");
        add_to("two", 0, "b");
    }
    struct task *task = start_plain();
    assert_string_equal("a b a b a b a b ", sent_now());
    assert_string_equal("", bench.topics); /* Kafka has none of them yet */
    assert_int_equal(8, fake_producer.total);
    acknowledge_all();
    bench_run(task);
    assert_string_equal("one two ", bench.topics);
    bench.topics_epoch++; /* somebody has forgotten them */
    add_to("two", 0, "c");
    bench_advance_ms(task, 2000);
    assert_string_equal("one two ", bench.topics);
    acknowledge_all();
    bench_run(task);
    assert_string_equal("one two two ", bench.topics);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_leave_in_order_and_topics_are_told_once_when_kafka_has_them),
        TEST(nothing_is_stored_past_a_record_that_is_not_acknowledged),
        TEST(a_full_producer_holds_the_poll_back),
        TEST(a_task_polls_no_more_than_its_buffer_allows),
        TEST(a_stuck_record_keeps_its_batch_and_bounds_the_others),
        TEST(after_a_swap_everything_unacknowledged_is_sent_again_in_order),
        TEST(newer_records_do_not_overtake_those_that_a_swap_gave_back),
        TEST(a_refused_record_fails_the_task),
        TEST(a_tolerated_refusal_counts_as_dropped),
        TEST(what_can_never_be_sent_fails_the_task_in_words),
    };
    RUN_TESTS(tests);
}
