/*
 * exposition: everything there is to be told, as text: the worker, its group, its connectors and tasks, their plugins' own metrics,
 * the process.
 *
 * Names are those that the JMX exporter makes of a JVM worker with the rules that Strimzi publishes for Kafka Connect
 * (docs/metrics.md): group without "connect-" and "-metrics", '-' as '_', texts as label with the value 1. Ours are
 * millrace_*. Each family is written once, each unit has one series in it; what has gone leaves nothing behind.
 *
 * thread: any, several at a time. Waits for nothing but the registry's and units' locks, which are held for some µs.
 */
#ifndef METRICS_EXPOSITION_H
#define METRICS_EXPOSITION_H

#include <stdbool.h>

#include "metrics/text.h"

struct metrics_registry;
struct str_buffer;

/* false: no memory, or the buffer is full; what stands in it is of no use. */
bool metrics_write(struct metrics_registry *registry, enum metrics_format format, struct str_buffer *out);

#endif
