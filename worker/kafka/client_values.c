/* client_values.c: values of client properties that librdkafka writes differently. */
#include "kafka/client_table_internal.h"

#include <string.h>
#include <strings.h>

#include "kafka/quirks_internal.h"

#include "base/bans.h"

void client_value_acks(struct translation *translation, const struct client_row *row, const char *value)
{
    const char *native = strcasecmp(value, "all") == 0 ? "-1" : value;
    if (strcmp(native, "-1") != 0 && strcmp(native, "0") != 0 && strcmp(native, "1") != 0)
        translation_refuse(translation, row->java, "acks is '%s'; it must be all, -1, 0 or 1", value);
    else
        translation_set(translation, row->java, row->native, native);
}

/* Java's "practically for ever" is 0 here. */
void client_value_delivery_timeout(struct translation *translation, const struct client_row *row, const char *value)
{
    int64_t timeout_ms;
    if (!text_to_number(value, &timeout_ms) || timeout_ms < 0)
        translation_refuse(translation, row->java, "%s must be a number of milliseconds", row->java);
    else
        translation_set_number(translation, row->java, row->native, timeout_ms >= INT_TOP ? 0 : timeout_ms);
}

void client_value_idempotence(struct translation *translation, const struct client_row *row, const char *value)
{
    bool on;
    if (!text_to_boolean(value, &on)) {
        translation_refuse(translation, row->java, "enable.idempotence must be true or false");
        return;
    }
    translation_set(translation, row->java, row->native, on ? "true" : "false");
    if (!on)
        return;
    const char *acks = translation_java(translation, "acks");
    int64_t in_flight = 1;
    const char *in_flight_text = translation_java(translation, "max.in.flight.requests.per.connection");
    if (acks != NULL && strcasecmp(acks, "all") != 0 && strcmp(acks, "-1") != 0)
        translation_refuse(translation, row->java, "enable.idempotence=true needs acks=all");
    if (in_flight_text != NULL && text_to_number(in_flight_text, &in_flight) && in_flight > 5)
        translation_refuse(translation, row->java,
                           "enable.idempotence=true needs max.in.flight.requests.per.connection of at most 5");
}

void client_value_compression(struct translation *translation, const struct client_row *row, const char *value)
{
    static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        if (strcasecmp(value, codecs[i]) == 0) {
            translation_set(translation, row->java, row->native, codecs[i]);
            return;
        }
    }
    translation_refuse(translation, row->java, "%s is '%s'; it must be none, gzip, snappy, lz4 or zstd", row->java,
                       value);
}

/* compression.gzip.level counts only when gzip is what compression.type says. */
void client_value_compression_level(struct translation *translation, const struct client_row *row, const char *value)
{
    const char *codec = translation_java(translation, "compression.type");
    size_t length = codec != NULL ? strlen(codec) : 0;
    const char *named = row->java + strlen("compression.");
    int64_t level;
    if (!text_to_number(value, &level))
        translation_refuse(translation, row->java, "%s must be a number", row->java);
    else if (length > 0 && strncasecmp(named, codec, length) == 0 && strcmp(named + length, ".level") == 0)
        translation_set_number(translation, row->java, row->native, level < -1 ? -1 : level > 12 ? 12 : level);
}

void client_value_partitioner(struct translation *translation, const struct client_row *row, const char *value)
{
    if (text_ends_with(value, "RoundRobinPartitioner")) {
        translation_set(translation, row->java, row->native, "random");
        translation_warn(translation, row->java, "%s: records are spread at random instead of in turn", row->java);
    } else if (!text_is_blank(value)) {
        translation_refuse(translation, row->java, "%s=%s: other partitioners than Java's default are not available; "
                           "remove the property", row->java, value);
    }
}

void client_value_offset_reset(struct translation *translation, const struct client_row *row, const char *value)
{
    if (strcasecmp(value, "earliest") == 0 || strcasecmp(value, "latest") == 0)
        translation_set(translation, row->java, row->native, strcasecmp(value, "latest") == 0 ? "latest" : "earliest");
    else if (strcasecmp(value, "none") == 0)
        translation_set(translation, row->java, row->native, "error");
    else
        translation_refuse(translation, row->java, "%s is '%s'; it must be earliest, latest or none", row->java, value);
}

void client_value_isolation(struct translation *translation, const struct client_row *row, const char *value)
{
    if (strcasecmp(value, "read_committed") != 0 && strcasecmp(value, "read_uncommitted") != 0)
        translation_refuse(translation, row->java, "%s is '%s'; it must be read_committed or read_uncommitted",
                           row->java, value);
    else
        translation_set(translation, row->java, row->native,
                        strcasecmp(value, "read_committed") == 0 ? "read_committed" : "read_uncommitted");
}

/* Java names classes, in order of preference; librdkafka never mixes eager and cooperative ones: the first known counts,
 * but Java's default pair (range, cooperative-sticky) means range, which members in Java understand as well. */
void client_value_assignors(struct translation *translation, const struct client_row *row, const char *value)
{
    static const struct {
        const char *java, *native;
    } names[] = {
        {"CooperativeStickyAssignor", "cooperative-sticky"},
        {"RoundRobinAssignor", "roundrobin"},
        {"RangeAssignor", "range"},
    };
    size_t length = strcspn(value, ",");
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        length--;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t name_length = strlen(names[i].java);
        if (length >= name_length && strncmp(value + length - name_length, names[i].java, name_length) == 0) {
            translation_set(translation, row->java, row->native, names[i].native);
            return;
        }
    }
    translation_warn(translation, row->java, "%s: '%.*s' is not available; range is used", row->java, (int)length, value);
}

void client_value_auto_commit(struct translation *translation, const struct client_row *row, const char *value)
{
    bool on;
    if (!text_to_boolean(value, &on) || on)
        translation_warn(translation, row->java, "%s is not honoured: offsets are committed when the task has "
                         "delivered the records", row->java);
}

void client_value_group_protocol(struct translation *translation, const struct client_row *row, const char *value)
{
    if (strcasecmp(value, "classic") != 0)
        translation_warn(translation, row->java, "%s=%s is not available; the classic protocol is used", row->java,
                         value);
}

void client_value_buffer_size(struct translation *translation, const struct client_row *row, const char *value)
{
    int64_t bytes;
    if (!text_to_number(value, &bytes))
        translation_refuse(translation, row->java, "%s must be a number", row->java);
    else
        translation_set_number(translation, row->java, row->native, bytes < 0 ? 0 : bytes);
}

void client_value_metadata_age(struct translation *translation, const struct client_row *row, const char *value)
{
    int64_t age_ms;
    if (!text_to_number(value, &age_ms) || age_ms <= 0) {
        translation_refuse(translation, row->java, "%s must be a number above 0", row->java);
        return;
    }
    age_ms = age_ms > 86400000 ? 86400000 : age_ms;
    translation_set_number(translation, row->java, "metadata.max.age.ms", age_ms);
    translation_set_number(translation, row->java, "topic.metadata.refresh.interval.ms",
                           age_ms > 3600000 ? 3600000 : age_ms);
}

void client_value_request_timeout(struct translation *translation, const struct client_row *row, const char *value)
{
    unsigned kind = 1u << translation->config->kind;
    int64_t timeout_ms;
    if (!text_to_number(value, &timeout_ms) || timeout_ms <= 0) {
        translation_refuse(translation, row->java, "%s must be a number above 0", row->java);
        return;
    }
    if (kind & FOR_PRODUCER)
        translation_set_number(translation, row->java, "request.timeout.ms", timeout_ms > 900000 ? 900000 : timeout_ms);
    else
        translation_set_number(translation, row->java, "socket.timeout.ms", timeout_ms > 300000 ? 300000
                                                                            : timeout_ms < 10   ? 10
                                                                                                : timeout_ms);
}

static void translate_if_known(struct translation *translation, const struct client_row *row, const char *value,
                               enum quirk unless)
{
    if (!quirk_present(unless))
        translation_set(translation, row->java, row->native, value);
    else
        translation_warn(translation, row->java, "%s is not known to librdkafka %s; ignored", row->java,
                         client_library_version());
}

void client_value_dns_lookup(struct translation *translation, const struct client_row *row, const char *value)
{
    if (strcasecmp(value, "use_all_dns_ips") == 0)
        return;   /* the default */
    translate_if_known(translation, row, value, QUIRK_NO_DNS_LOOKUP);
}

void client_value_recovery(struct translation *translation, const struct client_row *row, const char *value)
{
    if (strcasecmp(value, "rebootstrap") == 0 && quirk_present(QUIRK_NO_REBOOTSTRAP))
        return;
    translate_if_known(translation, row, value, QUIRK_NO_REBOOTSTRAP);
}

/* Java lifts the one to the other; librdkafka opens no client. */
void client_value_reconnect_backoff_max(struct translation *translation, const struct client_row *row, const char *value)
{
    const char *least_text = translation_java(translation, "reconnect.backoff.ms");
    int64_t most_ms, least_ms;
    if (!text_to_number(value, &most_ms)) {
        translation_refuse(translation, row->java, "%s must be a number", row->java);
        return;
    }
    if (least_text != NULL && text_to_number(least_text, &least_ms) && least_ms > most_ms)
        most_ms = least_ms;
    translation_set_number(translation, row->java, row->native, most_ms < 0 ? 0 : most_ms > 3600000 ? 3600000 : most_ms);
}

/* librdkafka opens no client whose fetches are smaller than the largest message, which is a setting of the producer's in
 * Java; brokers send a larger batch all the same. */
void client_value_fetch_max_bytes(struct translation *translation, const struct client_row *row, const char *value)
{
    static const int64_t least = 1000, most = 2147483135, message_max = 1000000;
    int64_t bytes;
    if (!text_to_number(value, &bytes)) {
        translation_refuse(translation, row->java, "%s must be a number", row->java);
        return;
    }
    bytes = bytes < least ? least : bytes > most ? most : bytes;
    translation_set_number(translation, row->java, row->native, bytes);
    if (bytes < message_max)
        translation_set_number(translation, row->java, "message.max.bytes", bytes);
}

void client_value_retry_backoff_max(struct translation *translation, const struct client_row *row, const char *value)
{
    translate_if_known(translation, row, value, QUIRK_NO_RETRY_BACKOFF_MAX);
}

/* librdkafka wants at least the session's time for it. */
void client_value_poll_interval(struct translation *translation, const struct client_row *row, const char *value)
{
    int64_t timeout_ms, session_ms = translation->config->session_timeout_ms;
    if (!text_to_number(value, &timeout_ms) || timeout_ms <= 0)
        translation_refuse(translation, row->java, "%s must be a number above 0", row->java);
    else
        translation_set_number(translation, row->java, row->native, timeout_ms < session_ms ? session_ms : timeout_ms);
}
