/*
 * log_output: lines on their way to standard error.
 *
 * Who logs formats a line and copies it into a buffer; one thread writes. Whoever does not read standard error blocks that thread and
 * nobody else: when the buffer is full, lines are dropped and counted, and the count is a line of its own as soon as there is room.
 * Lines that repeat are held back (repeats.h). Secrets are out of a line before it comes here (base/log.h).
 *
 * One at a time in a process: it becomes the sink of base/log.h, and what a crash flushes first.
 *
 *     output = log_output_start(&setup, why, sizeof(why));
 *     …
 *     log_output_say(output, "millrace worker: …\n");   // the last words, as they are
 *     log_output_stop(output, deadline_ms);
 *
 * thread: _start and _stop the main thread; the rest any.
 */
#ifndef LOGGING_LOG_OUTPUT_H
#define LOGGING_LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_BUFFER_BYTES_LEAST (64u << 10)
#define LOG_WORKER_MAX 300 /* bytes of a worker's id with the NUL; the rest is cut */

struct log_output;

struct log_output_setup {
    int fd;              /* standard error, but for tests */
    bool is_json;        /* else text as Kafka's */
    size_t buffer_bytes; /* LOG_BUFFER_BYTES_LEAST or more */
    uint32_t repeats_max, repeats_window_ms; /* max 0: all lines are written */
};

struct log_output *log_output_start(const struct log_output_setup *setup, char *why, size_t why_size); /* NULL: why */
/* What of the setup may change: for a worker that logs before its properties are understood. */
void log_output_set_form(struct log_output *output, bool is_json, uint32_t repeats_max, uint32_t repeats_window_ms);
/* From now on lines in JSON name the worker. Once. */
void log_output_set_worker(struct log_output *output, const char *worker);
/* A text as it is, behind all lines before it. */
void log_output_say(struct log_output *output, const char *text);
/* Waits until all is written, repeats that were left out told of, or until the deadline (monotonic ms): false. */
bool log_output_flush(struct log_output *output, int64_t deadline_ms);
/* The same, and lines go straight to standard error from then on: no other thread may log any more. A writer that is still blocked is left
 * behind with its memory: false; the process should end. */
bool log_output_stop(struct log_output *output, int64_t deadline_ms);

struct log_output_counts {
    uint64_t dropped;  /* lines that found the buffer full */
    uint64_t left_out; /* repeats */
};
struct log_output_counts log_output_counts(const struct log_output *output);

#endif
