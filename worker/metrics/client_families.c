/* Kafka clients, under the names of Kafka's own clients, and under ours what those do not say. One row a family. */
#include <inttypes.h>
#include <stdio.h>

#include "base/thread.h"
#include "metrics/reading_internal.h"

#include "base/bans.h"

#define CONSUMER "kafka_consumer_"
#define FETCH "kafka_consumer_fetch_manager_"
#define PRODUCER "kafka_producer_"
#define MEMBER "kafka_connect_"
#define COORDINATOR "kafka_connect_coordinator_"
#define OWN "millrace_kafka_client_"

#define OF_CONSUMERS (1u << CLIENT_METRICS_CONSUMER)
#define OF_PRODUCERS (1u << CLIENT_METRICS_PRODUCER)
#define OF_MEMBER (1u << CLIENT_METRICS_MEMBER)
#define OF_ALL (OF_CONSUMERS | OF_PRODUCERS | OF_MEMBER)

/* --- writers ------------------------------------------------------------------------------------------------------ */

static const char *labels_of(const struct client_reading *reading)
{
    return str_buffer_text(&reading->labels);
}

static void write_number(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                         const struct readings *readings)
{
    (void)readings;
    metrics_text_sample(text, labels_of(reading), NULL, reading->client->values[family->value]);
}

static void write_thousandth(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                             const struct readings *readings)
{
    (void)readings;
    metrics_text_sample(text, labels_of(reading), NULL, reading->client->values[family->value] / 1e3);
}

static void write_millionth(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                            const struct readings *readings)
{
    (void)readings;
    metrics_text_sample(text, labels_of(reading), NULL, reading->client->values[family->value] / 1e6);
}

static void write_room(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                       const struct readings *readings)
{
    const double *values = reading->client->values;

    (void)family, (void)readings;
    metrics_text_sample(text, labels_of(reading), NULL, values[CLIENT_QUEUED_BYTES_MAX] - values[CLIENT_QUEUED_BYTES]);
}

static void write_start(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                        const struct readings *readings)
{
    (void)family, (void)readings;
    metrics_text_sample(text, labels_of(reading), NULL, reading->client->start_s);
}

static void write_version(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                          const struct readings *readings)
{
    (void)family;
    sample_with_label(text, labels_of(reading), "version", readings->library_version);
}

enum topic_value { TOPIC_RECORDS, TOPIC_BYTES };

static void write_topics(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                         const struct readings *readings)
{
    const struct client_metrics *client = reading->client;
    struct str_buffer label;

    (void)readings;
    str_buffer_init(&label, LABELS_MAX);
    for (size_t i = 0; i < client->topic_count; i++) {
        const struct topic_cell *topic = &client->topics[i];

        str_buffer_clear(&label);
        metrics_text_append_label(&label, "topic", topic->name);
        metrics_text_sample(text, labels_of(reading), str_buffer_text(&label),
                            (double)(family->value == TOPIC_RECORDS ? topic->records : topic->bytes));
    }
    text->out->failed |= str_buffer_failed(&label);
    str_buffer_release(&label);
}

enum lag_value { LAG_NOW, LAG_AVG, LAG_MAX, LAG_OF_TASK };

static double lag_of(int value, const struct partition_cell *cell, int64_t now_ms)
{
    const struct window_reading lately = window_read(&cell->lately, now_ms);

    return value == LAG_AVG ? window_avg(&lately) : value == LAG_MAX ? window_max(&lately) : (double)cell->lag;
}

static void write_lags(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                       const struct readings *readings)
{
    const struct client_metrics *client = reading->client;
    const char *labels = family->value == LAG_OF_TASK ? reading->unit_labels : labels_of(reading);
    struct str_buffer label;
    char number[16];

    str_buffer_init(&label, LABELS_MAX);
    for (size_t i = 0; i < client->partition_count && i < reading->partitions_shown && labels != NULL; i++) {
        const struct partition_cell *cell = &client->partitions[i];

        if (cell->lag < 0)
            continue;
        str_buffer_clear(&label);
        snprintf(number, sizeof(number), "%" PRId32, cell->partition);
        metrics_text_append_label(&label, "topic", cell->topic);
        metrics_text_append_label(&label, "partition", number);
        metrics_text_sample(text, labels, str_buffer_text(&label), lag_of(family->value, cell, readings->now_ms));
    }
    text->out->failed |= str_buffer_failed(&label);
    str_buffer_release(&label);
}

/* --- the group member --------------------------------------------------------------------------------------------- */

enum member_value {
    MEMBER_CONNECTORS,
    MEMBER_TASKS,
    MEMBER_JOIN_TIME,
    MEMBER_SYNC_TIME,
    MEMBER_LATENCY_AVG,
    MEMBER_LATENCY_TOTAL,
    MEMBER_FAILED,
    MEMBER_HEARTBEAT_AGO,
    MEMBER_REBALANCE_AGO
};

static double seconds_ago(int64_t then_ms, int64_t now_ms)
{
    return then_ms == 0 ? -1 : (double)(now_ms - then_ms) / 1000;
}

static double member_value(int value, const struct client_metrics *client, const struct readings *readings)
{
    const struct window_reading join = window_read(&client->join_us, readings->now_ms);
    const struct window_reading sync = window_read(&client->sync_us, readings->now_ms);

    switch (value) {
    case MEMBER_CONNECTORS:
        return readings->connectors;
    case MEMBER_TASKS:
        return readings->tasks;
    case MEMBER_JOIN_TIME:
        return window_avg(&join) / 1000;
    case MEMBER_SYNC_TIME:
        return window_avg(&sync) / 1000;
    case MEMBER_LATENCY_AVG:
        return readings->rebalance_avg_ms;
    case MEMBER_LATENCY_TOTAL:
        return readings->rebalance_total_ms;
    case MEMBER_FAILED:
        return (double)atomic_load_explicit(&client->losses, memory_order_relaxed);
    case MEMBER_HEARTBEAT_AGO:
        return seconds_ago(atomic_load_explicit(&client->heartbeat_ms, memory_order_relaxed), readings->now_ms);
    default:
        return seconds_ago(readings->last_rebalance_ms, readings->now_ms);
    }
}

static void write_member(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                         const struct readings *readings)
{
    metrics_text_sample(text, labels_of(reading), NULL, member_value(family->value, reading->client, readings));
}

/* --- the rows ----------------------------------------------------------------------------------------------------- */

#define TOTAL(name, kinds, value, help) {name, METRIC_COUNTER, kinds, value, help, write_number, true}
#define LEVEL(name, kinds, value, help) {name, METRIC_GAUGE, kinds, value, help, write_number, true}
#define OTHER(name, kinds, value, write, help) {name, METRIC_GAUGE, kinds, value, help, write, true}
#define TOPICS(name, kinds, value, help) {name, METRIC_COUNTER, kinds, value, help, write_topics, true}
#define ALWAYS(name, kinds, value, write, help) {name, METRIC_GAUGE, kinds, value, help, write, false}
#define COUNTED(name, value, help) {name, METRIC_COUNTER, OF_MEMBER, value, help, write_member, false}

const struct client_family CLIENT_FAMILIES[] = {
    TOTAL(CONSUMER "incoming_byte_total", OF_CONSUMERS, CLIENT_RX_BYTES, "Bytes received from all brokers."),
    TOTAL(CONSUMER "outgoing_byte_total", OF_CONSUMERS, CLIENT_TX_BYTES, "Bytes sent to all brokers."),
    LEVEL(CONSUMER "connection_count", OF_CONSUMERS, CLIENT_CONNECTIONS, "Brokers that the client is connected to."),
    ALWAYS(FETCH "records_lag", OF_CONSUMERS, LAG_NOW, write_lags, "Records of the partition that were not read yet."),
    ALWAYS(FETCH "records_lag_avg", OF_CONSUMERS, LAG_AVG, write_lags, "Recent average of the records not read yet."),
    ALWAYS(FETCH "records_lag_max", OF_CONSUMERS, LAG_MAX, write_lags, "Recent maximum of the records not read yet."),
    TOPICS(FETCH "records_consumed_total", OF_CONSUMERS, TOPIC_RECORDS, "Records received of the topic."),
    TOPICS(FETCH "bytes_consumed_total", OF_CONSUMERS, TOPIC_BYTES, "Bytes received of the topic's records."),
    TOTAL(CONSUMER "coordinator_rebalance_total", OF_CONSUMERS, CLIENT_REBALANCES, "Rebalances of the consumer's group."),
    LEVEL(CONSUMER "coordinator_assigned_partitions", OF_CONSUMERS, CLIENT_ASSIGNED, "Partitions assigned to the consumer."),
    ALWAYS(CONSUMER "version_info", OF_CONSUMERS, 0, write_version, "Version of the client library, as label."),
    ALWAYS(CONSUMER "version", OF_CONSUMERS, 0, write_version, "Version of the client library, as label."),
    ALWAYS(CONSUMER "start_time_seconds", OF_CONSUMERS, 0, write_start, "When the client was made, since 1970."),

    TOTAL(PRODUCER "incoming_byte_total", OF_PRODUCERS, CLIENT_RX_BYTES, "Bytes received from all brokers."),
    TOTAL(PRODUCER "outgoing_byte_total", OF_PRODUCERS, CLIENT_TX_BYTES, "Bytes sent to all brokers."),
    LEVEL(PRODUCER "connection_count", OF_PRODUCERS, CLIENT_CONNECTIONS, "Brokers that the client is connected to."),
    TOTAL(PRODUCER "record_retry_total", OF_PRODUCERS, CLIENT_RETRIES, "Requests that were tried again."),
    TOPICS(PRODUCER "topic_record_send_total", OF_PRODUCERS, TOPIC_RECORDS, "Records sent to the topic."),
    TOPICS(PRODUCER "topic_byte_total", OF_PRODUCERS, TOPIC_BYTES, "Bytes of the records sent to the topic."),
    OTHER(PRODUCER "request_latency_avg", OF_PRODUCERS, CLIENT_RTT_US, write_thousandth,
          "Recent average time of a request, in milliseconds."),
    LEVEL(PRODUCER "batch_size_avg", OF_PRODUCERS, CLIENT_BATCH_BYTES, "Recent average size of a batch, in bytes."),
    LEVEL(PRODUCER "requests_in_flight", OF_PRODUCERS, CLIENT_IN_FLIGHT, "Requests that wait for their answer."),
    OTHER(PRODUCER "buffer_available_bytes", OF_PRODUCERS, 0, write_room, "Room in the producer's queue."),
    ALWAYS(PRODUCER "version_info", OF_PRODUCERS, 0, write_version, "Version of the client library, as label."),
    ALWAYS(PRODUCER "version", OF_PRODUCERS, 0, write_version, "Version of the client library, as label."),
    ALWAYS(PRODUCER "start_time_seconds", OF_PRODUCERS, 0, write_start, "When the client was made, since 1970."),

    ALWAYS(COORDINATOR "assigned_connectors", OF_MEMBER, MEMBER_CONNECTORS, write_member, "Connectors of this worker."),
    ALWAYS(COORDINATOR "assigned_tasks", OF_MEMBER, MEMBER_TASKS, write_member, "Tasks of this worker."),
    TOTAL(COORDINATOR "heartbeat_total", OF_MEMBER, CLIENT_HEARTBEATS, "Heartbeats sent."),
    TOTAL(COORDINATOR "join_total", OF_MEMBER, CLIENT_JOINS, "Requests to join the group."),
    TOTAL(COORDINATOR "sync_total", OF_MEMBER, CLIENT_SYNCS, "Requests for the group's assignment."),
    TOTAL(COORDINATOR "rebalance_total", OF_MEMBER, CLIENT_REBALANCES, "Rebalances of the worker's group."),
    COUNTED(COORDINATOR "failed_rebalance_total", MEMBER_FAILED, "Times that the group dropped this worker."),
    ALWAYS(COORDINATOR "join_time_avg", OF_MEMBER, MEMBER_JOIN_TIME, write_member, "Recent average time of a join, in ms."),
    ALWAYS(COORDINATOR "sync_time_avg", OF_MEMBER, MEMBER_SYNC_TIME, write_member,
           "Recent average time of asking for the assignment, in ms."),
    ALWAYS(COORDINATOR "rebalance_latency_avg", OF_MEMBER, MEMBER_LATENCY_AVG, write_member,
           "Recent average time of a rebalance, in ms."),
    COUNTED(COORDINATOR "rebalance_latency_total", MEMBER_LATENCY_TOTAL, "Time of all rebalances, in ms."),
    ALWAYS(COORDINATOR "last_heartbeat_seconds_ago", OF_MEMBER, MEMBER_HEARTBEAT_AGO, write_member,
           "Time since the last acknowledged heartbeat; -1: none yet."),
    ALWAYS(COORDINATOR "last_rebalance_seconds_ago", OF_MEMBER, MEMBER_REBALANCE_AGO, write_member,
           "Time since the last rebalance; -1: none yet."),
    LEVEL(MEMBER "connection_count", OF_MEMBER, CLIENT_CONNECTIONS, "Brokers that the group member is connected to."),
    TOTAL(MEMBER "incoming_byte_total", OF_MEMBER, CLIENT_RX_BYTES, "Bytes received from all brokers."),
    TOTAL(MEMBER "outgoing_byte_total", OF_MEMBER, CLIENT_TX_BYTES, "Bytes sent to all brokers."),
    TOTAL(MEMBER "request_total", OF_MEMBER, CLIENT_TX, "Requests sent."),
    TOTAL(MEMBER "response_total", OF_MEMBER, CLIENT_RX, "Responses received."),
    ALWAYS(MEMBER "version_info", OF_MEMBER, 0, write_version, "Version of the client library, as label."),
    ALWAYS(MEMBER "version", OF_MEMBER, 0, write_version, "Version of the client library, as label."),
    ALWAYS(MEMBER "start_time_seconds", OF_MEMBER, 0, write_start, "When the client was made, since 1970."),

    {"millrace_task_partition_lag_records", METRIC_GAUGE, OF_CONSUMERS, LAG_OF_TASK,
     "Records of the partition that the task has not read.", write_lags, false},
    LEVEL(OWN "queued_messages", OF_ALL, CLIENT_QUEUED, "Records in the client's queue to the brokers."),
    LEVEL(OWN "queued_bytes", OF_ALL, CLIENT_QUEUED_BYTES, "Bytes of the records in the client's queue to the brokers."),
    LEVEL(OWN "replies_queued", OF_ALL, CLIENT_REPLIES, "Events that the client has for the worker."),
    TOTAL(OWN "requests_total", OF_ALL, CLIENT_TX, "Requests to all brokers."),
    TOTAL(OWN "request_errors_total", OF_ALL, CLIENT_ERRORS, "Requests that could not be sent."),
    TOTAL(OWN "request_retries_total", OF_ALL, CLIENT_RETRIES, "Requests that were tried again."),
    TOTAL(OWN "request_timeouts_total", OF_ALL, CLIENT_TIMEOUTS, "Requests without an answer in time."),
    TOTAL(OWN "connects_total", OF_ALL, CLIENT_CONNECTS, "Connections tried."),
    TOTAL(OWN "disconnects_total", OF_ALL, CLIENT_DISCONNECTS, "Connections that ended."),
    OTHER(OWN "rtt_seconds", OF_ALL, CLIENT_RTT_US, write_millionth, "Recent average time of a request."),
    OTHER(OWN "throttle_seconds", OF_ALL, CLIENT_THROTTLE_MS, write_thousandth,
          "Recent average time that the broker which throttles most has asked for."),
};
const size_t CLIENT_FAMILY_COUNT = sizeof(CLIENT_FAMILIES) / sizeof(CLIENT_FAMILIES[0]);
