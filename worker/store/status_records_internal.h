/*
 * status_records: the keys and values of the status topic as bytes, and back. The format is of Kafka's KafkaStatusBackingStore.
 */
#ifndef STORE_STATUS_RECORDS_INTERNAL_H
#define STORE_STATUS_RECORDS_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/record_text_internal.h"
#include "store/status_store.h"

struct str_buffer;

#define STATUS_KEY_CONNECTOR "status-connector-"
#define STATUS_KEY_TASK "status-task-"
#define STATUS_KEY_TOPIC "status-topic-"
#define STATUS_KEY_TOPIC_OF ":connector-"

/* ---- writing: failures stay in the buffer ---- */

void status_key_connector(struct str_buffer *out, const char *connector);
void status_key_task(struct str_buffer *out, const char *connector, uint32_t task);
void status_key_topic(struct str_buffer *out, const char *connector, const char *topic);
void status_value(struct str_buffer *out, const struct unit_status *status);   /* not of DESTROYED */
void status_value_topic(struct str_buffer *out, const char *connector, const struct topic_status *topic);

/* ---- reading ---- */

enum status_subject { STATUS_OF_CONNECTOR, STATUS_OF_TASK, STATUS_OF_TOPIC };

struct status_record {
    enum status_subject subject;
    const char *connector;   /* all texts live in the arena */
    uint32_t task;           /* of the task, or that saw the topic */
    const char *topic;
    bool is_tombstone;       /* then nothing below */
    struct unit_status status;
    int64_t discovered_ms;
};

/* Malformed ones are logged by their keys. */
enum record_read status_record_read(struct mr_arena *arena, struct mr_bytes key, struct mr_bytes value,
                                    struct status_record *record);

#endif
