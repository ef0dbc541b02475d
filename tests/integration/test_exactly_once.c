/* Exactly-once source tasks from stored text to a mock cluster: what they ask of the cluster, and in which order. That nothing is doubled or
 * lost is shown with real brokers: the mock has no readers of committed records alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "support/executor_probe.h"

struct bench {
    struct probe probe;
    rd_kafka_t *rk; /* asks for ends, and owns the cluster */
    rd_kafka_mock_cluster_t *cluster;
};

static int set_up(void **state)
{
    char properties[1024], words[256];
    struct bench *bench = calloc(1, sizeof(*bench));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", words, sizeof(words)), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "log_level", "0", words, sizeof(words)), RD_KAFKA_CONF_OK);
    bench->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof(words));
    assert_non_null(bench->rk);
    bench->cluster = rd_kafka_handle_mock_cluster(bench->rk);
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "counts", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "o", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    snprintf(properties, sizeof(properties), "%sexactly.once.source.support=enabled\nbootstrap.servers=%s\n", PROBE_WORKER,
             rd_kafka_mock_cluster_bootstraps(bench->cluster));
    probe_open(&bench->probe, properties);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    probe_close(&bench->probe);
    rd_kafka_destroy(bench->rk);
    free(bench);
    return 0;
}

static int64_t end_of(const struct bench *bench, const char *topic)
{
    int64_t low = 0, high = 0;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(bench->rk, topic, 0, &low, &high, PROBE_WAIT_MS);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    return high;
}

struct wish {
    const struct bench *bench;
    const char *topic;
    int64_t count;
};

static bool is_in_log(void *argument)
{
    const struct wish *wish = argument;
    return end_of(wish->bench, wish->topic) >= wish->count;
}

static void expect_in_log(const struct bench *bench, const char *topic, int64_t count)
{
    struct wish wish = {bench, topic, count};
    if (!eventually(PROBE_WAIT_MS, is_in_log, &wish))
        fail_msg("%s: %lld records, not %lld", topic, (long long)end_of(bench, topic), (long long)count);
}

static void stop(struct bench *bench, const char *end)
{
    executor_stop_task(bench->probe.executor, "a", 0, TASK_DEPARTURE_STAY, deadline_after_ms(20000));
    probe_expect(&bench->probe, end);
}

static void records_and_their_offsets_are_written_once_the_cluster_has_let_it_in(void **state)
{
    struct bench *bench = *state;
    bench->probe.holds_answers = true;
    probe_start_task(&bench->probe, "a", "limit=250\n", false);
    probe_expect(&bench->probe, "asks a-0 round");
    assert_false(probe_was_told(&bench->probe, "asks a-0 owner"));
    probe_answer(&bench->probe, "a", NULL);
    probe_expect(&bench->probe, "asks a-0 owner");
    assert_false(probe_was_told(&bench->probe, "task a-0 RUNNING"));
    probe_answer(&bench->probe, "a", NULL);
    probe_expect(&bench->probe, "task a-0 RUNNING");
    expect_in_log(bench, "counts", 250);
    expect_in_log(bench, "o", 3); /* three batches, three transactions */
    stop(bench, "task a-0 STOPPED");
    assert_int_equal(end_of(bench, "counts"), 250);
}

static void a_question_can_be_refused_for_good(void **state)
{
    struct bench *bench = *state;
    struct mr_error *why = NULL;
    bench->probe.holds_answers = true;
    probe_start_task(&bench->probe, "a", "", false);
    probe_expect(&bench->probe, "asks a-0 round");
    mr_error_set(&why, MR_ERR_NOT_SUPPORTED, "the brokers allow no round");
    probe_answer(&bench->probe, "a", why);
    mr_error_drop(why);
    probe_expect(&bench->probe, "task a-0 FAILED");
    probe_expect(&bench->probe, "the brokers allow no round");
}

static void a_task_that_waits_for_an_answer_is_stopped_at_once(void **state)
{
    struct bench *bench = *state;
    bench->probe.holds_answers = true;
    probe_start_task(&bench->probe, "a", "", false);
    probe_expect(&bench->probe, "asks a-0 round");
    stop(bench, "task a-0 STOPPED");
    executor_answer_task(bench->probe.executor, "a", 0, 1, NULL); /* in vain */
}

static void an_answer_to_a_former_question_is_none(void **state)
{
    struct bench *bench = *state;
    bench->probe.holds_answers = true;
    probe_start_task(&bench->probe, "a", "", false);
    probe_expect(&bench->probe, "asks a-0 round 1");
    executor_answer_task(bench->probe.executor, "a", 0, 77, NULL);
    probe_answer(&bench->probe, "a", NULL);
    probe_expect(&bench->probe, "asks a-0 owner 2");
    stop(bench, "task a-0 STOPPED");
}

#define API_END_TXN 26

/* As when a second producer has its id: the mock does not look at epochs by itself. */
static void shut_out(const struct bench *bench)
{
    rd_kafka_mock_push_request_errors(bench->cluster, API_END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
}

static void whoever_is_shut_out_asks_by_whom(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "batch=1\n", false);
    expect_in_log(bench, "o", 1);
    bench->probe.holds_answers = true;
    shut_out(bench);
    probe_expect(&bench->probe, "asks a-0 successor");
    assert_false(probe_was_told(&bench->probe, "task a-0 FAILED"));
    stop(bench, "task a-0 STOPPED");
}

static void whoever_is_shut_out_by_nobody_known_fails(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "batch=1\n", false);
    expect_in_log(bench, "o", 1);
    shut_out(bench);
    probe_expect(&bench->probe, "task a-0 FAILED");
    probe_expect(&bench->probe, "transaction.timeout.ms");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_and_their_offsets_are_written_once_the_cluster_has_let_it_in),
        TEST(a_question_can_be_refused_for_good),
        TEST(a_task_that_waits_for_an_answer_is_stopped_at_once),
        TEST(an_answer_to_a_former_question_is_none),
        TEST(whoever_is_shut_out_asks_by_whom),
        TEST(whoever_is_shut_out_by_nobody_known_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
