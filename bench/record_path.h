/*
 * record_path: a task as the worker runs it, with everything that a record of it meets in this process but librdkafka: the shipped
 * file connectors, converters and transforms, the source or sink task, its errors policy, metrics and offsets. Kafka is an array
 * (record_path_kafka.c), the clock moves by hand, the input is a file of numbered lines: the same work each time.
 *
 * Paths: source, sink (String both, the pass-through), json-source (HoistField, InsertField, JSON with schemas), json-sink (JSON with
 * schemas, InsertField, ExtractField).
 *
 * One at a time. thread: one; calls on error say why and end the process.
 */
#ifndef BENCH_RECORD_PATH_H
#define BENCH_RECORD_PATH_H

#include <stddef.h>

#define RECORD_PATH_COUNT 4
extern const char *const record_path_names[RECORD_PATH_COUNT];

struct record_path;

struct record_path_setup {
    const char *name;
    size_t line_bytes;  /* of each record's text */
    size_t records_max; /* that can be moved at all */
};

struct record_path *record_path_open(const struct record_path_setup *setup);
void record_path_close(struct record_path *path);

/* Moves at least so many more records, whole batches, all acknowledged at the end. Returns how many. */
size_t record_path_move(struct record_path *path, size_t count);

/* The first record as it came out: the value that was sent, or the line that was written. After the first move. */
void record_path_sample(struct record_path *path, char *text, size_t size);

/* What is done wrong from now on with each record that is handed over: shows that whoever measures would see it. */
enum record_path_fault { RECORD_PATH_NO_FAULT, RECORD_PATH_COPIES, RECORD_PATH_ALLOCATES };
void record_path_break(enum record_path_fault fault);

#endif
