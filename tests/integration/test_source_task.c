/* Source tasks from stored text to a mock cluster, offsets in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <millrace/arena.h>
#include <millrace/value.h>

#define PROBE_MORE_PLUGINS "," MR_TEST_PLUGINS "/failing_transform.so," MR_TEST_PLUGINS "/strict_sink.so"
#include "support/executor_probe.h"

#define ARENA_MAX 65536

struct bench {
    struct probe probe;
    rd_kafka_t *rk; /* a consumer, and the owner of the cluster */
    rd_kafka_mock_cluster_t *cluster;
};

static rd_kafka_t *open_consumer(rd_kafka_mock_cluster_t **cluster)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "group.id", "reader", words, sizeof(words)), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", words, sizeof(words)), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "log_level", "0", words, sizeof(words)), RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof(words));
    assert_non_null(rk);
    *cluster = rd_kafka_handle_mock_cluster(rk);
    assert_non_null(*cluster);
    return rk;
}

static int set_up(void **state)
{
    char properties[1024];
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->rk = open_consumer(&bench->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "counts", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    snprintf(properties, sizeof(properties), "%sbootstrap.servers=%s\n", PROBE_WORKER,
             rd_kafka_mock_cluster_bootstraps(bench->cluster));
    probe_open(&bench->probe, properties);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    probe_close(&bench->probe);
    rd_kafka_consumer_close(bench->rk);
    rd_kafka_destroy(bench->rk);
    free(bench);
    return 0;
}

/* How far the store says that task 0 of the connector came; 0: nothing. */
static int64_t stored(const struct bench *bench, const char *connector)
{
    struct mr_error *error = NULL;
    struct mr_arena *arena = mr_arena_create(ARENA_MAX);
    struct mr_value *partition = mr_map_create(arena, 1);
    assert_int_equal(mr_map_put_text(arena, partition, "task", mr_int64(arena, 0)), 0);
    const struct mr_value *offset = offset_store_get(bench->probe.offsets, connector, partition, arena, &error);
    assert_non_null(offset);
    int64_t count = mr_value_is_null(offset) ? 0 : mr_value_integer(mr_map_get(offset, "count"));
    mr_arena_destroy(arena);
    return count;
}

static int64_t end_of(const struct bench *bench, const char *topic)
{
    int64_t low = 0, high = 0;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(bench->rk, topic, 0, &low, &high, PROBE_WAIT_MS);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    return high;
}

/* The end of the topic. */
static int64_t end_of_log(const struct bench *bench)
{
    return end_of(bench, "counts");
}

struct wish {
    const struct bench *bench;
    const char *connector;
    int64_t count;
};

static bool is_stored(void *argument)
{
    const struct wish *wish = argument;
    return stored(wish->bench, wish->connector) >= wish->count;
}

static bool is_in_log(void *argument)
{
    const struct wish *wish = argument;
    return end_of_log(wish->bench) >= wish->count;
}

static void expect_stored(const struct bench *bench, const char *connector, int64_t count)
{
    struct wish wish = {bench, connector, count};
    if (!eventually(PROBE_WAIT_MS, is_stored, &wish))
        fail_msg("stored %lld, not %lld", (long long)stored(bench, connector), (long long)count);
}

static void expect_in_log(const struct bench *bench, int64_t count)
{
    struct wish wish = {bench, NULL, count};
    if (!eventually(PROBE_WAIT_MS, is_in_log, &wish))
        fail_msg("%lld records, not %lld", (long long)end_of_log(bench), (long long)count);
}

/* Record n of the topic is the text n, none is missing and none comes twice. */
static void expect_counted_to(const struct bench *bench, int64_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "counts", 0)->offset = 0;
    assert_int_equal(rd_kafka_assign(bench->rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    int64_t deadline_ms = deadline_after_ms(PROBE_WAIT_MS);
    for (int64_t n = 1; n <= count;) {
        char expected[32];
        rd_kafka_message_t *message = rd_kafka_consumer_poll(bench->rk, 100);
        assert_true(eventually_now_ms() < deadline_ms);
        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            snprintf(expected, sizeof(expected), "%lld", (long long)n++);
            assert_int_equal(message->len, strlen(expected));
            assert_memory_equal(message->payload, expected, message->len);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_assign(bench->rk, NULL);
}

static void stop(struct bench *bench, const char *connector)
{
    char line[64];
    snprintf(line, sizeof(line), "task %s-0 STOPPED", connector);
    executor_stop_task(bench->probe.executor, connector, 0, TASK_DEPARTURE_STAY, deadline_after_ms(PROBE_WAIT_MS));
    probe_expect(&bench->probe, line);
    probe_forget(&bench->probe);
}

static void records_arrive_in_order_and_their_offsets_are_stored(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "limit=5000\n", false);
    probe_expect(&bench->probe, "task a-0 RUNNING 1.5");
    probe_expect(&bench->probe, "topic a-0 counts");
    expect_stored(bench, "a", 5000);
    assert_int_equal(end_of_log(bench), 5000);
    expect_counted_to(bench, 5000);
}

static void offsets_never_run_ahead_of_what_kafka_has(void **state)
{
    struct bench *bench = *state;
    rd_kafka_mock_broker_set_rtt(bench->cluster, 1, 30);
    probe_start_task(&bench->probe, "a", "batch=7\n", false);
    int64_t before;
    do {
        before = stored(bench, "a");
        assert_true(before <= end_of_log(bench));
    } while (before < 50);
    stop(bench, "a");
    assert_int_equal(stored(bench, "a"), end_of_log(bench)); /* a clean stop leaves nothing to repeat */
}

static void a_task_goes_on_where_its_predecessor_stopped(void **state)
{
    struct bench *bench = *state;
    for (int i = 1; i <= 5; i++) {
        probe_start_task(&bench->probe, "a", "batch=13\n", false);
        expect_in_log(bench, end_of_log(bench) + 1);
        stop(bench, "a");
    }
    expect_counted_to(bench, end_of_log(bench));
}

static void a_paused_task_stores_its_offsets_and_reads_no_more(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "", false);
    expect_in_log(bench, 1000);
    executor_set_task_paused(bench->probe.executor, "a", 0, true);
    probe_expect(&bench->probe, "task a-0 PAUSED");
    struct wish wish = {bench, "a", 0};
    do { /* what was under way arrives */
        wish.count = end_of_log(bench);
        expect_stored(bench, "a", wish.count);
    } while (end_of_log(bench) != stored(bench, "a"));
    executor_set_task_paused(bench->probe.executor, "a", 0, false);
    probe_expect_times(&bench->probe, "task a-0 RUNNING", 2);
    expect_in_log(bench, wish.count + 1000);
    stop(bench, "a");
    expect_counted_to(bench, end_of_log(bench));
}

static void a_blocking_source_has_its_offsets_stored_while_it_blocks(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "connector.class=BlockingSource\n", false);
    expect_stored(bench, "a", 100); /* poll is inside and stays there */
    stop(bench, "a");
    assert_int_equal(end_of_log(bench), 100);
}

static void a_hung_poll_is_abandoned_and_its_successor_runs(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "misbehave=poll:hang\n", false);
    expect_in_log(bench, 100);
    executor_stop_task(bench->probe.executor, "a", 0, TASK_DEPARTURE_STAY, deadline_after_ms(100));
    probe_expect(&bench->probe, "task a-0 STOPPED");
    probe_forget(&bench->probe);
    int64_t before = stored(bench, "a");
    probe_start_task(&bench->probe, "a", "limit=500\n", false);
    probe_expect(&bench->probe, "task a-0 RUNNING");
    expect_stored(bench, "a", 500);
    assert_true(before <= 100);
    probe_release(&bench->probe); /* the abandoned one comes back and ends without a word */
    stop(bench, "a");
    assert_false(probe_was_told(&bench->probe, "STOPPED"));
}

static void a_hung_request_to_stop_holds_up_nobody_else(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "misbehave=request_stop:hang\n", false);
    probe_start_task(&bench->probe, "b", "topic=others\nlimit=100\n", false);
    probe_expect(&bench->probe, "task a-0 RUNNING");
    probe_expect(&bench->probe, "task b-0 RUNNING");
    executor_stop_task(bench->probe.executor, "a", 0, TASK_DEPARTURE_STAY, deadline_after_ms(300));
    executor_stop_task(bench->probe.executor, "b", 0, TASK_DEPARTURE_STAY, deadline_after_ms(PROBE_WAIT_MS));
    probe_expect(&bench->probe, "task b-0 STOPPED");
    probe_expect(&bench->probe, "task a-0 STOPPED");
}

static void a_failing_poll_fails_the_task_and_keeps_what_was_acknowledged(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "misbehave=poll:fail\n", false);
    probe_expect(&bench->probe, "task a-0 FAILED 1.5: org.apache.kafka.connect.errors.ConnectException: poll was told");
    assert_int_equal(stored(bench, "a"), 100);
}

/* --- dead letters ---- */

#define LETTERS                                                                                                        \
    "transforms=x\ntransforms.x.type=org.acme.Failing\ntransforms.x.bad=7\nerrors.tolerance=all\n"                     \
    "millrace.errors.deadletterqueue.topic.name=letters\nmillrace.errors.deadletterqueue.topic.replication.factor=1\n"  \
    "millrace.errors.deadletterqueue.context.headers.enable=true\n"

static rd_kafka_message_t *first_letter(const struct bench *bench)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "letters", 0)->offset = 0;
    assert_int_equal(rd_kafka_assign(bench->rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(bench->rk, PROBE_WAIT_MS);
    assert_non_null(message);
    assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_assign(bench->rk, NULL);
    return message;
}

static void expect_header(const rd_kafka_message_t *message, const char *name, const char *text)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_get_last(headers, name, &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(value, text, size);
}

static void a_record_that_a_transform_refuses_becomes_a_letter(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "letters", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    probe_start_task(&bench->probe, "a", "limit=20\n" LETTERS, false);
    expect_stored(bench, "a", 20);
    assert_int_equal(end_of_log(bench), 19);
    assert_int_equal(end_of(bench, "letters"), 1);
    rd_kafka_message_t *letter = first_letter(bench);
    assert_int_equal(letter->len, 1);
    assert_memory_equal(letter->payload, "7", 1);
    expect_header(letter, "__connect.errors.stage", "TRANSFORMATION");
    expect_header(letter, "__connect.errors.topic", "counts");
    expect_header(letter, "__connect.errors.source.partition", "{\"task\":0}");
    expect_header(letter, "__connect.errors.source.offset", "{\"count\":7}");
    rd_kafka_message_destroy(letter);
    stop(bench, "a");
}

static void what_kafka_refuses_becomes_letters(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "letters", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_mock_push_request_errors(bench->cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    probe_start_task(&bench->probe, "a", "limit=20\n" LETTERS "transforms.x.bad=none\n", false);
    expect_stored(bench, "a", 20);
    assert_true(end_of(bench, "letters") > 0);
    assert_int_equal(end_of_log(bench) + end_of(bench, "letters"), 20); /* each in the one or the other */
    rd_kafka_message_t *letter = first_letter(bench);
    expect_header(letter, "__connect.errors.stage", "KAFKA_PRODUCE");
    rd_kafka_message_destroy(letter);
    stop(bench, "a");
}

static void a_letter_topic_that_cannot_be_had_fails_the_task_before_it_starts(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "letters", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_mock_topic_set_error(bench->cluster, "letters", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    probe_start_task(&bench->probe, "a", "limit=20\n" LETTERS, false);
    probe_expect(&bench->probe, "Could not initialize dead letter queue with topic=letters");
    assert_int_equal(stored(bench, "a"), 0);
    assert_int_equal(end_of_log(bench), 0);
}

#define TAKEN MR_TEST_BUILD_DIR "/strict_sink.taken"

static bool has_letter(void *argument)
{
    return end_of(argument, "letters") >= 1;
}

/* How many lines of the file are numbers in rising order, from 1 on and without 50; those between say what was refused. */
static int taken_in_order(void)
{
    char line[64];
    int next = 1;
    FILE *file = fopen(TAKEN, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (line[0] != 'r' && atoi(line) == next)
            next += next == 49 ? 2 : 1;
    if (file != NULL)
        fclose(file);
    return next - 1;
}

static bool took_all(void *argument)
{
    (void)argument;
    return taken_in_order() == 100;
}

static void only_the_record_at_fault_leaves_a_refused_batch(void **state)
{
    struct bench *bench = *state;
    remove(TAKEN);
#if RD_KAFKA_VERSION >= 0x020c0000 /* older mocks cannot be told to be quick */
    rd_kafka_mock_group_initial_rebalance_delay_ms(bench->cluster, 0);
#endif
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "letters", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    probe_start_task(&bench->probe, "a", "limit=100\n", false);
    expect_in_log(bench, 100);
    probe_start_task(&bench->probe, "s",
                     "connector.class=org.acme.StrictSink\ntopics=counts\nbad=50\nfile=" TAKEN "\nerrors.tolerance=all\n"
                     "millrace.errors.isolate=true\nerrors.deadletterqueue.topic.name=letters\n"
                     "errors.deadletterqueue.topic.replication.factor=1\n"
                     "errors.deadletterqueue.context.headers.enable=true\n",
                     false);
    assert_true(eventually(PROBE_WAIT_MS, has_letter, bench));
    assert_true(eventually(PROBE_WAIT_MS, took_all, NULL));
    rd_kafka_message_t *letter = first_letter(bench);
    assert_int_equal(letter->len, 2);
    assert_memory_equal(letter->payload, "50", 2);
    expect_header(letter, "__connect.errors.stage", "TASK_PUT");
    expect_header(letter, "__connect.errors.offset", "49");
    rd_kafka_message_destroy(letter);
    stop(bench, "s");
    stop(bench, "a");
    assert_int_equal(end_of(bench, "letters"), 1);
    remove(TAKEN);
}

/* A sink is built by the same hands; what it does is for its own tests. */
static void a_sink_task_runs_pauses_and_leaves(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "s", "connector.class=ThingSink\ntopics=counts\n", false);
    probe_expect(&bench->probe, "task s-0 RUNNING 1.0");
    executor_set_task_paused(bench->probe.executor, "s", 0, true);
    probe_expect(&bench->probe, "task s-0 PAUSED");
    stop(bench, "s");
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "letters", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    probe_start_task(&bench->probe, "l",
                     "connector.class=ThingSink\ntopics.regex=co.*\nerrors.tolerance=all\n"
                     "errors.deadletterqueue.topic.name=letters\n"
                     "errors.deadletterqueue.topic.replication.factor=1\n",
                     false);
    probe_expect(&bench->probe, "task l-0 RUNNING 1.0");
    stop(bench, "l");
}

static void stopping_the_executor_flushes_all_tasks(void **state)
{
    struct bench *bench = *state;
    probe_start_task(&bench->probe, "a", "batch=10\n", false);
    probe_start_task(&bench->probe, "b", "topic=others\n", true);
    expect_in_log(bench, 100);
    assert_true(executor_stop(bench->probe.executor, deadline_after_ms(PROBE_WAIT_MS)));
    probe_expect(&bench->probe, "task a-0 STOPPED");
    probe_expect(&bench->probe, "task b-0 STOPPED");
    assert_int_equal(stored(bench, "a"), end_of_log(bench));
}

#define WITH_CLUSTER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CLUSTER(records_arrive_in_order_and_their_offsets_are_stored),
        WITH_CLUSTER(offsets_never_run_ahead_of_what_kafka_has),
        WITH_CLUSTER(a_task_goes_on_where_its_predecessor_stopped),
        WITH_CLUSTER(a_paused_task_stores_its_offsets_and_reads_no_more),
        WITH_CLUSTER(a_blocking_source_has_its_offsets_stored_while_it_blocks),
        WITH_CLUSTER(a_hung_poll_is_abandoned_and_its_successor_runs),
        WITH_CLUSTER(a_hung_request_to_stop_holds_up_nobody_else),
        WITH_CLUSTER(a_failing_poll_fails_the_task_and_keeps_what_was_acknowledged),
        WITH_CLUSTER(a_record_that_a_transform_refuses_becomes_a_letter),
        WITH_CLUSTER(what_kafka_refuses_becomes_letters),
        WITH_CLUSTER(a_letter_topic_that_cannot_be_had_fails_the_task_before_it_starts),
        WITH_CLUSTER(only_the_record_at_fault_leaves_a_refused_batch),
        WITH_CLUSTER(a_sink_task_runs_pauses_and_leaves),
        WITH_CLUSTER(stopping_the_executor_flushes_all_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
