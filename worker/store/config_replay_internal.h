/*
 * config_replay: turns the records of the config topic, one after another, into what they mean; and, once told to, into
 * events for the listener. Knows neither Kafka nor threads. The rules are of Kafka's KafkaConfigBackingStore.
 *
 * thread: one at a time. What config_replay_snapshot returned is free of it.
 */
#ifndef STORE_CONFIG_REPLAY_INTERNAL_H
#define STORE_CONFIG_REPLAY_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <millrace/abi.h>

struct config_listener;
struct config_replay;
struct config_snapshot;

struct config_replay *config_replay_create(void);   /* NULL: no memory */
void config_replay_destroy(struct config_replay *replay);

/* value.data NULL: a tombstone. Bad records are logged by their keys and change nothing. false: no memory, what is held
 * may be wrong from now on. */
bool config_replay_apply(struct config_replay *replay, int64_t offset, struct mr_bytes key, struct mr_bytes value);

struct config_snapshot *config_replay_snapshot(const struct config_replay *replay);   /* NULL: no memory */

/* From now on records become events; before, history is silent. */
void config_replay_begin_telling(struct config_replay *replay);
/* Tells the events gathered since the last call, in order, and forgets them. listener may be NULL. */
void config_replay_tell(struct config_replay *replay, const struct config_listener *listener, void *argument);

#endif
