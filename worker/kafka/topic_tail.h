/*
 * topic_tail: the last records of a topic, for somebody who wants to look at them: read once, by nobody's group, nothing is committed.
 *
 * Of all partitions the newest `last` records by their timestamps (equal ones: by partition and offset), oldest first. What was
 * there at the beginning counts: records that come meanwhile are not waited for. Which records of transactions are seen says the
 * configuration's isolation.level.
 *
 * With `each`, records are shown one by one while they are read, and none is held: of each partition in the order of offsets.
 *
 * Life: _read → _at → _destroy. Thread: one; _read waits until the deadline, and ends each partition by librdkafka's own word, for
 * which there is no deadline (its thread answers, no broker); _destroy does so for those that were not read in time: job threads.
 */
#ifndef KAFKA_TOPIC_TAIL_H
#define KAFKA_TOPIC_TAIL_H

#include <millrace/abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client_config;
struct graveyard;
struct mr_error;
struct topic_tail;

struct topic_tail_record;
/* The record lives during the call. 0: go on; 1: enough, which is no failure; -1: failed. */
typedef int topic_tail_each_fn(void *argument, const struct topic_tail_record *record, struct mr_error **error);

struct topic_tail_setup {
    const struct client_config *config; /* CLIENT_CONSUMER, CLIENT_INTERNAL_CONSUMER */
    struct graveyard *graveyard;
    const char *topic;
    size_t last;          /* records, at least 1; with `each`: of each partition */
    size_t bytes_max;     /* of keys and values; older records than fit are left out. One that is larger alone stays */
    int64_t deadline_ms;  /* clock_monotonic_ms */
    topic_tail_each_fn *each; /* NULL: they are kept */
    void *argument;
    bool only_one;        /* partition, from an offset on; one that is not there has no records */
    int32_t partition;
    int64_t from;
};

struct topic_tail_header {
    const char *name;
    struct mr_bytes value; /* data NULL: null */
};

struct topic_tail_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;         /* -1: none */
    bool timestamp_is_log_append;
    struct mr_bytes key, value;   /* data NULL: null */
    const struct topic_tail_header *headers;
    size_t header_count;
};

/* NULL: MR_ERR_NOT_FOUND: there is no such topic; MR_ERR_TIMEOUT: it was not read in time; or why Kafka refused. */
struct topic_tail *topic_tail_read(const struct topic_tail_setup *setup, struct mr_error **error);
void topic_tail_destroy(struct topic_tail *tail); /* NULL is fine */

size_t topic_tail_count(const struct topic_tail *tail);
/* The topic's bytes and texts live as long as the tail. NULL: no memory for its headers. */
const struct topic_tail_record *topic_tail_at(struct topic_tail *tail, size_t index);

#endif
