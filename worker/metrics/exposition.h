/*
 * exposition: everything there is to be told, as text: the worker, its group, its connectors and tasks, their plugins' own metrics,
 * Kafka clients, the REST API, the process.
 *
 * Names are those that the JMX exporter makes of a JVM worker with the rules that Strimzi publishes for Kafka Connect
 * (docs/metrics.md): group without "connect-" and "-metrics", '-' as '_', texts as label with the value 1. Ours are
 * millrace_*. Each family is written once, each unit has one series in it; what has gone leaves nothing behind.
 *
 * The text comes in pieces, so that nobody holds all of it: with 2,000 tasks it has some MB. Numbers of tasks are those of the moment
 * the stream was begun.
 *
 * thread: any, several streams at a time; one stream by one thread at a time. Waits for nothing but the registry's and units' locks,
 * which are held for some µs.
 */
#ifndef METRICS_EXPOSITION_H
#define METRICS_EXPOSITION_H

#include <stdbool.h>

#include "metrics/text.h"

#define METRICS_PIECE_BYTES (32u << 10) /* a piece ends with the first series that reaches it */

struct metrics_registry;
struct metrics_stream;
struct str_buffer;

/* NULL: no memory. */
struct metrics_stream *metrics_stream_begin(struct metrics_registry *registry, enum metrics_format format);
/* Appends the next piece. false: no memory, or the buffer is full; what was written is of no use. *is_over: that was the last one. */
bool metrics_stream_next(struct metrics_stream *stream, struct str_buffer *out, bool *is_over);
void metrics_stream_end(struct metrics_stream *stream); /* NULL is fine */

/* The whole at once. false: no memory, or the buffer is full; what stands in it is of no use. */
bool metrics_write(struct metrics_registry *registry, enum metrics_format format, struct str_buffer *out);

#endif
