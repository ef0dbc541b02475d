/* client_table's rows, and the functions that translate values which need more than a copy (client_values.c). */
#ifndef KAFKA_CLIENT_TABLE_INTERNAL_H
#define KAFKA_CLIENT_TABLE_INTERNAL_H

#include "kafka/client_config_internal.h"

#define INT_TOP INT32_MAX

struct client_row;

typedef void client_value_fn(struct translation *translation, const struct client_row *row, const char *value);

enum row_type {
    ROW_TEXT,       /* as it is */
    ROW_NUMBER,     /* a whole number, moved into min … max */
    ROW_BOOLEAN,
    ROW_CALL,       /* translate() does it */
    ROW_SILENT,     /* nothing to do: it has no meaning here, or it is read from the Java properties */
    ROW_WARN,       /* no equivalent: one warning */
};

struct client_row {
    const char *java;
    unsigned kinds;
    enum row_type type;
    const char *native;
    int64_t min, max;
    client_value_fn *translate;
};

client_value_fn client_value_acks;
client_value_fn client_value_delivery_timeout;
client_value_fn client_value_idempotence;
client_value_fn client_value_compression;
client_value_fn client_value_compression_level;
client_value_fn client_value_partitioner;
client_value_fn client_value_offset_reset;
client_value_fn client_value_isolation;
client_value_fn client_value_assignors;
client_value_fn client_value_auto_commit;
client_value_fn client_value_group_protocol;
client_value_fn client_value_buffer_size;
client_value_fn client_value_metadata_age;
client_value_fn client_value_request_timeout;
client_value_fn client_value_dns_lookup;
client_value_fn client_value_recovery;
client_value_fn client_value_retry_backoff_max;
client_value_fn client_value_poll_interval;
client_value_fn client_value_reconnect_backoff_max;
client_value_fn client_value_fetch_max_bytes;

#endif
