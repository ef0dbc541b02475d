/*
 * statistics: what librdkafka says of a client every few seconds, as JSON, told to the client's metrics.
 *
 * The text is read once, in place, without a tree; what is not wanted is passed over. thread: whoever polls the client's queue.
 */
#ifndef KAFKA_STATISTICS_INTERNAL_H
#define KAFKA_STATISTICS_INTERNAL_H

#include <librdkafka/rdkafka.h>

#include "metrics/client_metrics.h"

/* Asks for statistics as often as the metrics want them; RD_KAFKA_EVENT_STATS must be among the events. Never, if nobody wants to know. */
void statistics_install(rd_kafka_conf_t *conf, const struct client_metrics *metrics);

/* From an event of that kind. What cannot be read is left out. */
void statistics_take(struct client_metrics *metrics, const char *json);
/* Of a producer whose queue is bounded by us: bytes it has, and may have. */
void statistics_take_with_queue(struct client_metrics *metrics, const char *json, uint64_t bytes, uint64_t bytes_max);

#endif
