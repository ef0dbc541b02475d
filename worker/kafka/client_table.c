/* client_table.c: Java client property → librdkafka, but for security (client_security.c). One row a property;
 * values that need more than a copy are translated in client_values.c.
 *
 * A row that is not for the kind at hand is skipped in silence: admin clients and the member see the whole worker file.
 * A property that no row knows is a warning for producers and consumers, whose prefixes hold client properties alone. */
#include "kafka/client_table_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/string_map.h"
#include "kafka/quirks_internal.h"

#include "base/bans.h"

/* ---- the table ---- */

#define TEXT(java, kinds, native) {java, kinds, ROW_TEXT, native, 0, 0, NULL}
#define NUMBER(java, kinds, native, min, max) {java, kinds, ROW_NUMBER, native, min, max, NULL}
#define BOOLEAN(java, kinds, native) {java, kinds, ROW_BOOLEAN, native, 0, 0, NULL}
#define CALL(java, kinds, native, function) {java, kinds, ROW_CALL, native, 0, 0, function}
#define SILENT(java) {java, FOR_ALL, ROW_SILENT, NULL, 0, 0, NULL}
#define WARN(java, kinds) {java, kinds, ROW_WARN, NULL, 0, 0, NULL}

static const struct client_row rows[] = {
    TEXT("bootstrap.servers", FOR_ALL, "bootstrap.servers"),
    TEXT("client.id", FOR_ALL, "client.id"),
    TEXT("group.id", FOR_GROUP, "group.id"),
    TEXT("group.instance.id", 1u << CLIENT_CONSUMER, "group.instance.id"),
    TEXT("client.rack", FOR_CONSUMER, "client.rack"),

    CALL("acks", FOR_PRODUCER, "acks", client_value_acks),
    CALL("enable.idempotence", FOR_PRODUCER, "enable.idempotence", client_value_idempotence),
    TEXT("transactional.id", 1u << CLIENT_PRODUCER, "transactional.id"),
    NUMBER("transaction.timeout.ms", 1u << CLIENT_PRODUCER, "transaction.timeout.ms", 1000, INT_TOP),
    NUMBER("max.in.flight.requests.per.connection", FOR_PRODUCER, "max.in.flight.requests.per.connection", 1, 1000000),
    CALL("delivery.timeout.ms", FOR_PRODUCER, "message.timeout.ms", client_value_delivery_timeout),
    NUMBER("linger.ms", FOR_PRODUCER, "linger.ms", 0, 900000),
    NUMBER("batch.size", FOR_PRODUCER, "batch.size", 1, INT_TOP),
    NUMBER("max.request.size", FOR_PRODUCER, "message.max.bytes", 1000, 1000000000),
    CALL("compression.type", FOR_PRODUCER, "compression.type", client_value_compression),
    CALL("compression.gzip.level", FOR_PRODUCER, "compression.level", client_value_compression_level),
    CALL("compression.lz4.level", FOR_PRODUCER, "compression.level", client_value_compression_level),
    CALL("compression.zstd.level", FOR_PRODUCER, "compression.level", client_value_compression_level),
    NUMBER("retries", FOR_PRODUCER, "retries", 0, INT_TOP),
    CALL("partitioner.class", FOR_PRODUCER, "partitioner", client_value_partitioner),
    WARN("partitioner.ignore.keys", FOR_PRODUCER),
    WARN("partitioner.adaptive.partitioning.enable", FOR_PRODUCER),
    WARN("partitioner.availability.timeout.ms", FOR_PRODUCER),
    SILENT("max.block.ms"),
    SILENT("buffer.memory"),
    SILENT("key.serializer"),
    SILENT("value.serializer"),

    CALL("auto.offset.reset", 1u << CLIENT_CONSUMER, "auto.offset.reset", client_value_offset_reset),
    CALL("enable.auto.commit", 1u << CLIENT_CONSUMER, NULL, client_value_auto_commit),
    SILENT("auto.commit.interval.ms"),
    CALL("isolation.level", 1u << CLIENT_CONSUMER, "isolation.level", client_value_isolation),
    NUMBER("fetch.min.bytes", FOR_CONSUMER, "fetch.min.bytes", 1, 100000000),
    CALL("fetch.max.bytes", FOR_CONSUMER, "fetch.max.bytes", client_value_fetch_max_bytes),
    NUMBER("max.partition.fetch.bytes", FOR_CONSUMER, "max.partition.fetch.bytes", 1, 1000000000),
    NUMBER("fetch.max.wait.ms", 1u << CLIENT_CONSUMER, "fetch.wait.max.ms", 0, 300000),
    SILENT("max.poll.records"),
    SILENT("default.api.timeout.ms"),
    NUMBER("session.timeout.ms", FOR_GROUP, "session.timeout.ms", 1, 3600000),
    NUMBER("heartbeat.interval.ms", FOR_GROUP, "heartbeat.interval.ms", 1, 3600000),
    CALL("max.poll.interval.ms", 1u << CLIENT_CONSUMER, "max.poll.interval.ms", client_value_poll_interval),
    CALL("rebalance.timeout.ms", 1u << CLIENT_MEMBER, "max.poll.interval.ms", client_value_poll_interval),
    CALL("partition.assignment.strategy", 1u << CLIENT_CONSUMER, "partition.assignment.strategy", client_value_assignors),
    CALL("group.protocol", 1u << CLIENT_CONSUMER, NULL, client_value_group_protocol),
    WARN("group.remote.assignor", FOR_CONSUMER),
    BOOLEAN("check.crcs", FOR_CONSUMER, "check.crcs"),
    BOOLEAN("allow.auto.create.topics", 1u << CLIENT_CONSUMER, "allow.auto.create.topics"),
    WARN("exclude.internal.topics", FOR_CONSUMER),
    SILENT("key.deserializer"),
    SILENT("value.deserializer"),

    CALL("request.timeout.ms", FOR_ALL, NULL, client_value_request_timeout),
    CALL("metadata.max.age.ms", FOR_ALL, NULL, client_value_metadata_age),
    NUMBER("connections.max.idle.ms", FOR_ALL, "connections.max.idle.ms", 0, INT_TOP),
    NUMBER("reconnect.backoff.ms", FOR_ALL, "reconnect.backoff.ms", 0, 3600000),
    CALL("reconnect.backoff.max.ms", FOR_ALL, "reconnect.backoff.max.ms", client_value_reconnect_backoff_max),
    NUMBER("retry.backoff.ms", FOR_PRODUCER, "retry.backoff.ms", 1, 300000),
    CALL("retry.backoff.max.ms", FOR_PRODUCER, "retry.backoff.max.ms", client_value_retry_backoff_max),
    NUMBER("socket.connection.setup.timeout.ms", FOR_ALL, "socket.connection.setup.timeout.ms", 1000, INT_TOP),
    SILENT("socket.connection.setup.timeout.max.ms"),
    CALL("receive.buffer.bytes", FOR_ALL, "socket.receive.buffer.bytes", client_value_buffer_size),
    CALL("send.buffer.bytes", FOR_ALL, "socket.send.buffer.bytes", client_value_buffer_size),
    CALL("client.dns.lookup", FOR_ALL, "client.dns.lookup", client_value_dns_lookup),
    CALL("metadata.recovery.strategy", FOR_ALL, "metadata.recovery.strategy", client_value_recovery),
    WARN("metadata.recovery.rebootstrap.trigger.ms", FOR_PRODUCER | FOR_CONSUMER),
    SILENT("metadata.max.idle.ms"),
    WARN("interceptor.classes", FOR_ALL),
    SILENT("metric.reporters"),
    SILENT("metrics.num.samples"),
    SILENT("metrics.sample.window.ms"),
    SILENT("metrics.recording.level"),
    SILENT("enable.metrics.push"),
    SILENT("auto.include.jmx.reporter"),
};

/* What every client of a kind gets, whatever the user says. Set last, over the table's. */
struct fixed {
    unsigned kinds;
    const char *native;
    const char *value;
};

static const struct fixed fixed[] = {
    {FOR_ALL, "log.connection.close", "false"},
    {FOR_ALL, "socket.keepalive.enable", "true"},
    {FOR_ALL, "socket.nagle.disable", "true"},
    /* Our own accounts (PRODUCER_RECORDS_MAX, buffer.memory) bound the queue; librdkafka's limits must not come first. */
    {FOR_PRODUCER, "queue.buffering.max.messages", "10000000"},
    {FOR_PRODUCER, "queue.buffering.max.kbytes", "2147483647"},
    {1u << CLIENT_INTERNAL_PRODUCER, "linger.ms", "1"},
    {1u << CLIENT_INTERNAL_PRODUCER, "message.timeout.ms", "0"},
    {1u << CLIENT_INTERNAL_PRODUCER, "enable.idempotence", "false"},
    {1u << CLIENT_INTERNAL_PRODUCER, "acks", "-1"},   /* read-back needs offsets, and the stores what they acknowledge */
    {1u << CLIENT_INTERNAL_PRODUCER, "max.in.flight.requests.per.connection", "1"},
    {FOR_CONSUMER | 1u << CLIENT_MEMBER, "enable.auto.commit", "false"},
    {FOR_CONSUMER | 1u << CLIENT_MEMBER, "enable.auto.offset.store", "false"},
    /* Of the queue of records of all partitions (consumer_internal.h). A record of 100 bytes takes six times as much in there, so records are limited as well: more than a
     * fetch brings only leaves the caches, and stays in memory while a target blocks. */
    {1u << CLIENT_CONSUMER, "queued.min.messages", "5000"},
    {1u << CLIENT_CONSUMER, "queued.max.messages.kbytes", "1024"},
    {1u << CLIENT_MEMBER, "partition.assignment.strategy", "cooperative-sticky"},
    {1u << CLIENT_INTERNAL_CONSUMER, "enable.partition.eof", "true"},
    {1u << CLIENT_INTERNAL_CONSUMER, "auto.offset.reset", "error"},
    {1u << CLIENT_INTERNAL_CONSUMER, "queued.min.messages", "1000000"},
    {1u << CLIENT_INTERNAL_CONSUMER, "queued.max.messages.kbytes", "2048"},
};

static const struct client_row *row_of(const char *java)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].java, java) == 0)
            return &rows[i];
    }
    return NULL;
}

static void translate_number(struct translation *translation, const struct client_row *row, const char *value)
{
    int64_t number;
    if (!text_to_number(value, &number)) {
        translation_refuse(translation, row->java, "%s is '%s'; it must be a whole number", row->java, value);
        return;
    }
    int64_t bound = number < row->min ? row->min : number > row->max ? row->max : number;
    if (bound != number)
        translation_warn(translation, row->java, "%s=%" PRId64 " is outside of librdkafka's range; %" PRId64 " is used",
                         row->java, number, bound);
    translation_set_number(translation, row->java, row->native, bound);
}

static void translate_boolean(struct translation *translation, const struct client_row *row, const char *value)
{
    bool boolean;
    if (text_to_boolean(value, &boolean))
        translation_set(translation, row->java, row->native, boolean ? "true" : "false");
    else
        translation_refuse(translation, row->java, "%s is '%s'; it must be true or false", row->java, value);
}

static void translate_row(struct translation *translation, const struct client_row *row, const char *value)
{
    if (!(row->kinds & 1u << translation->config->kind))
        return;
    switch (row->type) {
    case ROW_TEXT:
        translation_set(translation, row->java, row->native, value);
        break;
    case ROW_NUMBER:
        translate_number(translation, row, value);
        break;
    case ROW_BOOLEAN:
        translate_boolean(translation, row, value);
        break;
    case ROW_CALL:
        row->translate(translation, row, value);
        break;
    case ROW_WARN:
        translation_warn(translation, row->java, "%s has no equivalent in librdkafka; ignored", row->java);
        break;
    case ROW_SILENT:
        break;
    }
}

static bool is_security(const char *java)
{
    return strncmp(java, "ssl.", 4) == 0 || strncmp(java, "sasl.", 5) == 0 || strncmp(java, "security.", 9) == 0;
}

/* An old librdkafka looks only once a second whether a full queue has room again: there it is to be full as seldom as can be. */
static void translate_queue(struct translation *translation, unsigned kind)
{
    if (!quirk_present(QUIRK_NO_FETCH_QUEUE_BACKOFF)) {
        translation_set(translation, "fetch.queue.backoff.ms", "fetch.queue.backoff.ms", "5");
    } else if (kind & 1u << CLIENT_CONSUMER) {
        translation_set(translation, "queued.min.messages", "queued.min.messages", "1000000");
        translation_set(translation, "queued.max.messages.kbytes", "queued.max.messages.kbytes", "4096");
    }
}

void client_table_translate(struct translation *translation)
{
    const struct string_map *java = translation->config->java;
    unsigned kind = 1u << translation->config->kind;
    bool all_are_ours = kind == 1u << CLIENT_PRODUCER || kind == 1u << CLIENT_CONSUMER;
    if (kind & FOR_PRODUCER)   /* not a default of librdkafka's, and vital: see the internal topics' rules */
        translation_set(translation, "partitioner.class", "partitioner", "murmur2_random");
    for (size_t i = 0; i < string_map_count(java); i++) {
        const char *name = string_map_key(java, i);
        const char *value = string_map_value(java, i);
        const struct client_row *row = row_of(name);
        if (row != NULL && value != NULL)
            translate_row(translation, row, value);
        else if (row == NULL && all_are_ours && !(is_security(name) && client_security_knows(name)))
            translation_warn(translation, name, "%s is not a property of a Kafka client; ignored", name);
    }
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (fixed[i].kinds & kind)
            translation_set(translation, fixed[i].native, fixed[i].native, fixed[i].value);
    }
    if (kind & FOR_CONSUMER)
        translate_queue(translation, kind);
}
