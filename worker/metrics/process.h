/*
 * process: what the operating system says of this process, under the names that every Prometheus client library uses.
 * Reads /proc, a few hundred µs. thread: any.
 */
#ifndef METRICS_PROCESS_H
#define METRICS_PROCESS_H

struct metrics_text;

/* The same as dashboards of JVM workers read it: area "heap" is the resident set, there is no other, and nothing is collected. */
void metrics_process_write_as_jvm(struct metrics_text *text);

/* What cannot be read is left out. */
void metrics_process_write(struct metrics_text *text);

#endif
