/* What is taken from librdkafka's statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str_buffer.h"
#include "kafka/statistics_internal.h"
#include "metrics/exposition.h"
#include "metrics/registry.h"

static struct metrics_registry *registry;
static struct client_metrics *client;
static struct str_buffer text;

static int set_up(void **state)
{
    (void)state;
    registry = metrics_registry_create(&(struct metrics_registry_setup){.version = "1", .librdkafka_version = "2"});
    client = metrics_registry_add_client(registry, CLIENT_METRICS_CONSUMER, "c");
    assert_non_null(client);
    str_buffer_init(&text, 1u << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client_metrics_drop(client);
    metrics_registry_destroy(registry);
    str_buffer_release(&text);
    return 0;
}

static const char *written(void)
{
    str_buffer_clear(&text);
    assert_true(metrics_write(registry, METRICS_PROMETHEUS, &text));
    return str_buffer_text(&text);
}

static void expect(const char *line)
{
    if (strstr(written(), line) == NULL)
        fail_msg("no %s in\n%s", line, str_buffer_text(&text));
}

static const char statistics[] =
    "{ \"name\": \"c#consumer-1\", \"client_id\": \"c\", \"type\": \"consumer\", \"replyq\":3, \"msg_cnt\":4, \"msg_size\":400, "
    "\"brokers\":{ "
    "\"h:1/1\": { \"name\":\"h:1/1\", \"nodeid\":1, \"state\":\"UP\", \"waitresp_cnt\":1, \"txerrs\":2, \"txretries\":1, \"req_timeouts\":0, "
    "\"connects\":1, \"disconnects\":0, \"rtt\": { \"min\":1, \"max\":9, \"avg\":5, \"sum\":3000, \"cnt\":2 }, "
    "\"throttle\": { \"avg\":7, \"sum\":7, \"cnt\":1 }, \"req\": { \"Fetch\":10, \"JoinGroup\":2 }, "
    "\"toppars\":{ \"t-0\": { \"topic\":\"t\", \"partition\":0} } } ,"
    "\"h:2/2\": { \"state\":\"DOWN\", \"waitresp_cnt\":2, \"rtt\": { \"sum\":1000, \"cnt\":2 }, \"connects\":5 } },"
    "\"topics\":{ \"t\": { \"topic\":\"t\", \"batchsize\": { \"sum\":100, \"cnt\":4 }, \"partitions\":{ "
    "\"0\": { \"partition\":0, \"rxmsgs\":10, \"rxbytes\":1000, \"consumer_lag\":5 } ,"
    "\"1\": { \"partition\":1, \"rxmsgs\":1, \"rxbytes\":100 } } } ,"
    "\"u\": { \"topic\":\"u\", \"partitions\":{ \"0\": { \"rxmsgs\":7, \"rxbytes\":70 } } } } , "
    "\"cgrp\": { \"state\": \"up\", \"rebalance_reason\": \"a \\\"word\\\", {odd}\", \"rebalance_cnt\": 3, \"assignment_size\": 2 }, "
    "\"tx\":11, \"tx_bytes\":1100, \"rx\":12, \"rx_bytes\":1200 }";

static void numbers_of_all_brokers_are_taken_together(void **state)
{
    (void)state;
    statistics_take(client, statistics);
    expect("kafka_consumer_incoming_byte_total{clientid=\"c\"} 1200\n");
    expect("kafka_consumer_outgoing_byte_total{clientid=\"c\"} 1100\n");
    expect("kafka_consumer_connection_count{clientid=\"c\"} 1\n");
    expect("millrace_kafka_client_connects_total{clientid=\"c\"} 6\n");
    expect("millrace_kafka_client_request_errors_total{clientid=\"c\"} 2\n");
    expect("millrace_kafka_client_rtt_seconds{clientid=\"c\"} 0.001\n");
    expect("millrace_kafka_client_throttle_seconds{clientid=\"c\"} 0.007\n");
    expect("millrace_kafka_client_queued_messages{clientid=\"c\"} 4\n");
    expect("kafka_consumer_coordinator_rebalance_total{clientid=\"c\"} 3\n");
    expect("kafka_consumer_coordinator_assigned_partitions{clientid=\"c\"} 2\n");
}

static void partitions_of_a_topic_are_taken_together(void **state)
{
    (void)state;
    statistics_take(client, statistics);
    expect("kafka_consumer_fetch_manager_records_consumed_total{clientid=\"c\",topic=\"t\"} 11\n");
    expect("kafka_consumer_fetch_manager_bytes_consumed_total{clientid=\"c\",topic=\"t\"} 1100\n");
    expect("kafka_consumer_fetch_manager_records_consumed_total{clientid=\"c\",topic=\"u\"} 7\n");
    statistics_take(client, statistics); /* the next report, not more of it */
    expect("kafka_consumer_fetch_manager_records_consumed_total{clientid=\"c\",topic=\"t\"} 11\n");
}

static void topics_beyond_the_limit_are_left_out_and_counted(void **state)
{
    struct str_buffer json;

    (void)state;
    str_buffer_init(&json, 1u << 20);
    str_buffer_append_text(&json, "{\"topics\":{");
    for (int i = 0; i < METRICS_TOPICS_MAX + 5; i++)
        str_buffer_printf(&json, "%s\"t%d\":{\"partitions\":{\"0\":{\"rxmsgs\":1,\"rxbytes\":2},\"1\":{\"rxmsgs\":1,\"rxbytes\":2}}}",
                          i > 0 ? "," : "", i);
    str_buffer_append_text(&json, "}}");
    statistics_take(client, str_buffer_text(&json));
    str_buffer_release(&json);
    expect("millrace_metrics_series_omitted 5\n");
    expect("topic=\"t199\"} 2\n");
    assert_null(strstr(written(), "topic=\"t200\""));
}

/* Nothing of ours makes such texts; reading them ends, and reads nothing behind their end. */
static void texts_that_are_broken_do_no_harm(void **state)
{
    static const char *const odd[] = {"", "{", "}", "]]]]", "\"", "{\"", "{\"a\\", "null", "{\"a\":tru", "[1,2", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{"
                                      "\"f\":{\"g\":{\"h\":{\"i\":1}}}}}}}}}", "{:,}", "1", "\x01"};

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        statistics_take(client, odd[i]);
    for (size_t length = 0; length < sizeof statistics; length++) {
        char *part = strndup(statistics, length);

        statistics_take(client, part);
        free(part);
    }
    statistics_take(NULL, statistics);
    statistics_take(client, NULL);
    expect("kafka_consumer_connection_count{clientid=\"c\"} 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_of_all_brokers_are_taken_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(partitions_of_a_topic_are_taken_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(topics_beyond_the_limit_are_left_out_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_that_are_broken_do_no_harm, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
