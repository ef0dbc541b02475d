/*
 * snapshot_topic: what a compacted topic says: the newest record of each key, in the order in which they were written. Read once, up to the
 * ends that the partitions have at the beginning; what transactions left behind is not seen.
 */
#ifndef SNAPSHOT_SNAPSHOT_TOPIC_H
#define SNAPSHOT_SNAPSHOT_TOPIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct client_config;
struct graveyard;
struct mr_error;

struct snapshot_topic {
    const struct client_config *config; /* CLIENT_INTERNAL_CONSUMER */
    struct graveyard *graveyard;
    const char *name;
    bool (*wants)(const char *key); /* NULL: every key */
    int64_t deadline_ms;
};

/* Key → value into the object. -1: MR_ERR_NOT_FOUND: there is no such topic; MR_ERR_DATA: a record that is no text. */
int snapshot_topic_read(const struct snapshot_topic *topic, json_t *into, struct mr_error **error);

#endif
