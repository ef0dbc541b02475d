/*
 * internal_topics: makes sure that the offset, status and config topics exist and are what Kafka Connect needs.
 *
 * Each is created when missing (from `<kind>.storage.*`) and, when it existed, its cleanup.policy must be exactly
 * "compact", or, with millrace.internal.topics.compaction=warn, a warning says what is to be done. The config topic must have one partition. Where creating is not allowed or not supported, the topic is
 * awaited up to 30 s, with a warning that says the remedy every ten of them. Where the policy cannot be read, that is logged
 * and accepted. As Kafka's TopicAdmin and KafkaTopicBasedBackingStore.
 *
 * Topics created here get segment.bytes=16 MiB (so that compaction happens) unless `<kind>.storage.segment.bytes` is set.
 * thread: a job or the main thread; waits.
 */
#ifndef KAFKA_INTERNAL_TOPICS_H
#define KAFKA_INTERNAL_TOPICS_H

#include <stddef.h>
#include <stdint.h>

struct mr_error;
struct admin;
struct string_map;

enum internal_topic {
    INTERNAL_TOPIC_OFFSET,
    INTERNAL_TOPIC_STATUS,
    INTERNAL_TOPIC_CONFIG,
};
#define INTERNAL_TOPIC_COUNT 3

/* "config.storage.topic" … */
const char *internal_topic_property(enum internal_topic kind);

/* One topic. -1: MR_ERR_CONFIG for what must be repaired by hand (message: property, what is required, what was found),
 * MR_ERR_TIMEOUT when the brokers did not answer or the topic did not appear. */
int internal_topic_ensure(struct admin *admin, enum internal_topic kind, const struct string_map *worker,
                          int64_t deadline_ms, struct mr_error **error);
/* Is it there, and as a worker needs it? Nothing is created or waited for. -1: MR_ERR_NOT_FOUND, or as above. */
int internal_topic_check(struct admin *admin, enum internal_topic kind, const struct string_map *worker,
                         int64_t deadline_ms, struct mr_error **error);
/* What its cleanup policy, which may be changed at any time, makes of records that still count. */
enum internal_topic_fitness {
    INTERNAL_TOPIC_UNKNOWN,   /* it cannot be read now, or not at all */
    INTERNAL_TOPIC_COMPACTED,
    INTERNAL_TOPIC_GROWS,     /* nothing is ever deleted */
    INTERNAL_TOPIC_FORGETS,   /* they are deleted when old; `words` name the remedy */
};
#define INTERNAL_TOPIC_WORDS_MAX 512
/* `words` are set with the last two. */
enum internal_topic_fitness internal_topic_look(struct admin *admin, enum internal_topic kind, const struct string_map *worker, char *words,
                                                size_t size, int64_t deadline_ms);
/* All three, in Kafka Connect's order: offset, status, config. */
int internal_topics_ensure(struct admin *admin, const struct string_map *worker, int64_t deadline_ms,
                           struct mr_error **error);

#endif
