/* statistics.c: see the header. The paths are those of librdkafka's STATISTICS.md. */
#include "kafka/statistics_internal.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/native_internal.h"

#include "base/bans.h"

#define DEPTH_MAX 8
#define INTERVAL_MAX_MS 86400000u   /* librdkafka's */

/* A piece of the text. */
struct span {
    const char *at;
    size_t length;
};

struct scan {
    const char *at;              /* what is left of the text */
    struct span path[DEPTH_MAX]; /* the names down to the present value */
    size_t depth;
    struct client_report report;
    struct span topic; /* the last one seen */
    bool topic_fits;
    double rtt_sum, rtt_count, batch_sum, batch_count;
};

static bool is_text(const struct span *span, const char *text)
{
    return span->length == strlen(text) && memcmp(span->at, text, span->length) == 0;
}

/* ---- what is wanted ---- */

struct wanted {
    const char *name;
    enum client_value value;
};

static const struct wanted of_client[] = {
    {"msg_cnt", CLIENT_QUEUED}, {"msg_size", CLIENT_QUEUED_BYTES}, {"msg_size_max", CLIENT_QUEUED_BYTES_MAX},
    {"replyq", CLIENT_REPLIES}, {"tx", CLIENT_TX},                 {"tx_bytes", CLIENT_TX_BYTES},
    {"rx", CLIENT_RX},          {"rx_bytes", CLIENT_RX_BYTES},
};
static const struct wanted of_broker[] = {
    {"waitresp_cnt", CLIENT_IN_FLIGHT}, {"txerrs", CLIENT_ERRORS},     {"txretries", CLIENT_RETRIES},
    {"req_timeouts", CLIENT_TIMEOUTS},  {"connects", CLIENT_CONNECTS}, {"disconnects", CLIENT_DISCONNECTS},
};
static const struct wanted of_group[] = {{"rebalance_cnt", CLIENT_REBALANCES}, {"assignment_size", CLIENT_ASSIGNED}};
static const struct wanted of_requests[] = {
    {"JoinGroup", CLIENT_JOINS}, {"SyncGroup", CLIENT_SYNCS}, {"Heartbeat", CLIENT_HEARTBEATS}};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void add(struct scan *scan, const struct wanted *table, size_t count, const struct span *name, double number)
{
    for (size_t i = 0; i < count; i++)
        if (is_text(name, table[i].name))
            scan->report.values[table[i].value] += number;
}

static void note_window(const struct span *field, double number, double *sum, double *count)
{
    if (is_text(field, "sum"))
        *sum += number;
    else if (is_text(field, "cnt"))
        *count += number;
}

/* brokers → name → field [→ field] */
static void note_broker(struct scan *scan, double number)
{
    const struct span *field = &scan->path[2], *last = &scan->path[3];
    if (scan->depth == 3) {
        add(scan, of_broker, COUNT(of_broker), field, number);
        return;
    }
    if (scan->depth != 4)
        return;
    if (is_text(field, "req"))
        add(scan, of_requests, COUNT(of_requests), last, number);
    else if (is_text(field, "rtt"))
        note_window(last, number, &scan->rtt_sum, &scan->rtt_count);
    else if (is_text(field, "throttle") && is_text(last, "avg") && number > scan->report.values[CLIENT_THROTTLE_MS])
        scan->report.values[CLIENT_THROTTLE_MS] = number;
}

/* The entry of the topic that is read now; NULL: it has none. */
static struct client_topic *topic_of(struct scan *scan)
{
    struct client_report *report = &scan->report;
    const struct span *name = &scan->path[1];
    if (scan->topic.at != name->at) {
        scan->topic = *name;
        char *copy = report->topic_count < METRICS_TOPICS_MAX ? mem_strndup(name->at, name->length) : NULL;
        scan->topic_fits = copy != NULL;
        if (copy != NULL)
            report->topics[report->topic_count++] = (struct client_topic){.name = copy};
        else
            report->topics_left_out++;
    }
    return scan->topic_fits ? &report->topics[report->topic_count - 1] : NULL;
}

/* topics → name → batchsize → field; topics → name → partitions → number → field. A client only sends, or only reads. */
static void note_topic(struct scan *scan, double number)
{
    const struct span *kind = &scan->path[2], *field = &scan->path[scan->depth - 1];
    if (scan->depth == 4 && is_text(kind, "batchsize"))
        note_window(field, number, &scan->batch_sum, &scan->batch_count);
    if (scan->depth != 5 || !is_text(kind, "partitions"))
        return;
    bool is_records = is_text(field, "txmsgs") || is_text(field, "rxmsgs");
    bool is_bytes = is_text(field, "txbytes") || is_text(field, "rxbytes");
    struct client_topic *topic = is_records || is_bytes ? topic_of(scan) : NULL;
    if (topic != NULL && is_records)
        topic->records += (uint64_t)number;
    else if (topic != NULL)
        topic->bytes += (uint64_t)number;
}

static void note_number(struct scan *scan, double number)
{
    if (scan->depth == 1)
        add(scan, of_client, COUNT(of_client), &scan->path[0], number);
    else if (is_text(&scan->path[0], "brokers"))
        note_broker(scan, number);
    else if (is_text(&scan->path[0], "topics") && scan->depth >= 4)
        note_topic(scan, number);
    else if (scan->depth == 2 && is_text(&scan->path[0], "cgrp"))
        add(scan, of_group, COUNT(of_group), &scan->path[1], number);
}

static void note_word(struct scan *scan, const struct span *word)
{
    bool is_state = scan->depth == 3 && is_text(&scan->path[0], "brokers") && is_text(&scan->path[2], "state");
    if (is_state && is_text(word, "UP"))
        scan->report.values[CLIENT_CONNECTIONS]++;
}

/* ---- reading JSON ---- */

static void skip_space(struct scan *scan)
{
    scan->at += strspn(scan->at, " \t\r\n,:");
}

/* Behind the opening quote. Names with escapes are passed over like others, as they are written. */
static struct span read_string(struct scan *scan)
{
    struct span span = {.at = ++scan->at};
    while (*scan->at != '\0' && *scan->at != '"')
        scan->at += scan->at[0] == '\\' && scan->at[1] != '\0' ? 2 : 1;
    span.length = (size_t)(scan->at - span.at);
    if (*scan->at == '"')
        scan->at++;
    return span;
}

static void read_scalar(struct scan *scan)
{
    if (*scan->at == '"') {
        struct span word = read_string(scan);
        note_word(scan, &word);
        return;
    }
    char *end;
    double number = strtod(scan->at, &end);
    if (end != scan->at) {
        scan->at = end;
        note_number(scan, number);
        return;
    }
    size_t length = strcspn(scan->at, ",]} \t\r\n");   /* true, false, null */
    if (*scan->at != '\0')
        scan->at += length > 0 ? length : 1;
}

/* Flat: `depth` is that of the open objects, the names of what they are in `path`. Arrays of librdkafka's hold nothing we want. */
static void read_all(struct scan *scan)
{
    size_t objects = 0;
    for (skip_space(scan); *scan->at != '\0'; skip_space(scan)) {
        if (*scan->at == '}' || *scan->at == ']') {
            scan->at++;
            if (objects > 0)
                objects--;
        } else if (*scan->at == '{' || *scan->at == '[') {
            scan->at++;
            objects++;
        } else if (objects == 0 || objects > DEPTH_MAX) {
            read_scalar(&(struct scan){.at = scan->at});
            return;   /* nothing that librdkafka writes */
        } else if (*scan->at == '"') {
            scan->path[objects - 1] = read_string(scan);
            scan->depth = objects;
            skip_space(scan);
            if (*scan->at != '{' && *scan->at != '[')
                read_scalar(scan);
        } else {
            read_scalar(scan);
        }
    }
}

/* ---- the door ---- */

void statistics_install(rd_kafka_conf_t *conf, const struct client_metrics *metrics)
{
    char text[16];
    uint32_t interval_ms = client_metrics_interval_ms(metrics);
    snprintf(text, sizeof text, "%u", (unsigned)(interval_ms < INTERVAL_MAX_MS ? interval_ms : INTERVAL_MAX_MS));
    native_conf_set(conf, "statistics.interval.ms", text);
}

/* Of the last interval alone: nothing happened in it, nothing is known. */
static double average(double sum, double count)
{
    return count > 0 ? sum / count : (double)NAN;
}

void statistics_take(struct client_metrics *metrics, const char *json)
{
    statistics_take_with_queue(metrics, json, 0, 0);
}

void statistics_take_with_queue(struct client_metrics *metrics, const char *json, uint64_t bytes, uint64_t bytes_max)
{
    struct scan *scan = metrics != NULL && json != NULL ? mem_calloc(1, sizeof *scan) : NULL;
    if (scan == NULL)
        return;
    scan->at = json;
    read_all(scan);
    scan->report.values[CLIENT_RTT_US] = average(scan->rtt_sum, scan->rtt_count);
    scan->report.values[CLIENT_BATCH_BYTES] = average(scan->batch_sum, scan->batch_count);
    if (bytes_max > 0) {
        scan->report.values[CLIENT_QUEUED_BYTES] = (double)bytes;
        scan->report.values[CLIENT_QUEUED_BYTES_MAX] = (double)bytes_max;
    }
    client_metrics_report(metrics, &scan->report);
    for (size_t i = 0; i < scan->report.topic_count; i++)
        mem_free((char *)(uintptr_t)scan->report.topics[i].name);
    mem_free(scan);
}
