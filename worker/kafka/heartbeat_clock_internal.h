/*
 * heartbeat_clock: when the last heartbeat was sent that the group coordinator has acknowledged to a member.
 *
 * librdkafka's interceptors see requests and responses, but neither their correlation nor the broker's error code; and a
 * process that was frozen would stamp times it never lived. The rule (docs/decisions/0003, measured): heartbeats are
 * strictly serial, so the last one sent is the one answered; its stamp counts only after the answer's second firing, on
 * librdkafka's main thread, and only if a member id is there when asked *after* that; when the owner's tick shows that
 * the process may have stood still around the sending, the arrival of the response before stands in for it.
 *
 * It also knows whether the member is just joining: what it asked the coordinator for is not answered yet.
 *
 * Refcounted: its owner has one reference, the librdkafka handle another until it is destroyed.
 * Threads: hooks on librdkafka's threads; the rest, but for _is_joining, on the owner's one thread. All times CLOCK_BOOTTIME, ms.
 */
#ifndef KAFKA_HEARTBEAT_CLOCK_INTERNAL_H
#define KAFKA_HEARTBEAT_CLOCK_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

struct heartbeat_clock;
struct native_handle;

struct client_metrics;
struct heartbeat_clock *heartbeat_clock_create(struct client_metrics *metrics);   /* NULL: no memory */
void heartbeat_clock_drop(struct heartbeat_clock *clock);
/* Before the handle is opened. */
void heartbeat_clock_install(struct heartbeat_clock *clock, rd_kafka_conf_t *conf);
/* Once it is opened; it has a reference from then on. */
void heartbeat_clock_hook(struct heartbeat_clock *clock, struct native_handle *handle);

/* The owner lives. At least every 250 ms, and once before subscribing. */
void heartbeat_clock_tick(struct heartbeat_clock *clock);
/* To be read before the member id is asked for. 0: none. */
int64_t heartbeat_clock_candidate(const struct heartbeat_clock *clock);
/* A JoinGroup or SyncGroup is under way. thread: any. */
bool heartbeat_clock_is_joining(const struct heartbeat_clock *clock);
/* Not a member: what was acknowledged counts no more. */
void heartbeat_clock_forget(struct heartbeat_clock *clock);

#endif
