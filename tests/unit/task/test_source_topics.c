/* source_task, stepped by hand, where somebody makes the topics first: nothing is sent, nor its topic mentioned, before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source_script.h"

/* Topics begin as WAITS; the test says when they are something else. */
static struct maker {
    struct {
        const char *name;
        enum source_topic answer;
    } topics[8];
    size_t count;
    int64_t again_at_ms; /* 0: it wakes */
    int asked, ended;
} maker;

static void answer_with(const char *topic, enum source_topic answer_is)
{
    for (size_t i = 0; i < maker.count; i++) {
        if (strcmp(maker.topics[i].name, topic) == 0)
            maker.topics[i].answer = answer_is;
    }
}

static enum source_topic want(void *argument, const char *topic, int64_t *again_at_ms, struct mr_error **error)
{
    enum source_topic found = SOURCE_TOPIC_WAITS;
    size_t at = 0;

    assert_ptr_equal(&maker, argument);
    maker.asked++;
    while (at < maker.count && strcmp(maker.topics[at].name, topic) != 0)
        at++;
    if (at == maker.count) {
        assert_true(maker.count < 8);
        maker.topics[maker.count].name = topic;
        maker.topics[maker.count++].answer = SOURCE_TOPIC_WAITS;
    }
    found = maker.topics[at].answer;
    if (found == SOURCE_TOPIC_WAITS && maker.again_at_ms > 0)
        *again_at_ms = maker.again_at_ms;
    if (found == SOURCE_TOPIC_FAILED)
        mr_error_set(error, MR_ERR_CONNECT, "Task failed to create new topic %s", topic);
    return found;
}

static void end(void *argument)
{
    assert_ptr_equal(&maker, argument);
    maker.ended++;
}

static struct task *start_making(void)
{
    memset(&maker, 0, sizeof(maker));
    return start_with(&(struct source_setup){.topics = {.want = want, .end = end, .argument = &maker}});
}

static void finish_making(struct task *task)
{
    finish(task);
    assert_int_equal(1, maker.ended);
}

static bool producer_knows(const char *topic)
{
    for (size_t i = 0; i < FAKE_PRODUCER_TOPICS_MAX; i++)
        if (strcmp(fake_producer.topics[i].name, topic) == 0)
            return true;
    return false;
}

static void a_batch_waits_until_all_of_its_topics_are_there(void **state)
{
    (void)state;
    struct task *task = start_making();
    add_to("one", 0, "a");
    add_to("one", 0, "b");
    add_to("two", 0, "c");
    bench_advance_ms(task, 2000);
    assert_int_equal(2, maker.count); /* both are wanted at once */
    assert_int_equal(0, fake_producer.total);
    assert_false(producer_knows("one")); /* asking for its metadata could make the broker create it */
    int polls = script.polls;
    answer_with("one", SOURCE_TOPIC_THERE);
    bench_run(task);
    assert_int_equal(0, fake_producer.total);
    answer_with("two", SOURCE_TOPIC_THERE);
    bench_run(task);
    assert_string_equal("a b c ", sent_now());
    assert_true(script.polls <= polls + 1); /* nothing was polled meanwhile */
    acknowledge_all();
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_store.stored[0]);
    finish_making(task);
}

static void a_topic_is_asked_for_again_when_the_maker_says(void **state)
{
    (void)state;
    struct task *task = start_making();
    add_to("one", 0, "a");
    maker.again_at_ms = bench_now_ms() + MR_POLL_IDLE_MS + 100;
    bench_advance_ms(task, MR_POLL_IDLE_MS);
    int asked = maker.asked;
    answer_with("one", SOURCE_TOPIC_THERE); /* nobody wakes the task */
    bench_advance_ms(task, 200);
    assert_true(maker.asked > asked);
    assert_string_equal("a ", sent_now());
    acknowledge_all();
    finish_making(task);
}

static void a_topic_that_cannot_be_had_fails_the_task_after_the_records_before_it(void **state)
{
    (void)state;
    struct task *task = start_making();
    add_to("one", 0, "a");
    add_to("two", 0, "b");
    add_to("one", 0, "c");
    bench_advance_ms(task, 2000);
    answer_with("two", SOURCE_TOPIC_FAILED);
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task)); /* the first one may still come */
    answer_with("one", SOURCE_TOPIC_THERE);
    bench_run(task);
    assert_string_equal("a ", sent_now());
    acknowledge_all();
    bench_run(task);
    close_producer(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "Task failed to create new topic two"));
    assert_int_equal(1, fake_store.stored[0]);
    finish_making(task);
}

static void a_stop_sends_what_waits_when_its_topic_comes_in_time(void **state)
{
    (void)state;
    struct task *task = start_making();
    add_to("one", 0, "a");
    bench_advance_ms(task, 2000);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    answer_with("one", SOURCE_TOPIC_THERE);
    bench_run(task);
    assert_string_equal("a ", sent_now());
    acknowledge_all();
    bench_run(task);
    close_producer(task);
    assert_int_equal(1, fake_store.stored[0]);
    finish_making(task);
}

static void a_stop_gives_up_what_waits_for_a_topic_that_does_not_come(void **state)
{
    (void)state;
    struct task *task = start_making();
    add_to("one", 0, "a");
    bench_advance_ms(task, 2000);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    bench_advance_ms(task, FLUSH_TIMEOUT_MS);
    close_producer(task);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_int_equal(0, fake_producer.total);
    assert_int_equal(-1, fake_store.stored[0]);
    finish_making(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_waits_until_all_of_its_topics_are_there),
        TEST(a_topic_is_asked_for_again_when_the_maker_says),
        TEST(a_topic_that_cannot_be_had_fails_the_task_after_the_records_before_it),
        TEST(a_stop_sends_what_waits_when_its_topic_comes_in_time),
        TEST(a_stop_gives_up_what_waits_for_a_topic_that_does_not_come),
    };
    RUN_TESTS(tests);
}
