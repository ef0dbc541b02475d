/*
 * record_path_kafka: in place of kafka/producer.h and kafka/consumer.h (by --wrap): what is sent is acknowledged when the path says so,
 * what is read was made before. Nothing is allocated or copied per record. For record_path.c alone.
 */
#ifndef BENCH_RECORD_PATH_KAFKA_H
#define BENCH_RECORD_PATH_KAFKA_H

#include <stdbool.h>
#include <stddef.h>

#include <millrace/abi.h>

#define KAFKA_BATCH_RECORDS 500 /* max.poll.records */

/* What each batch holds; borrowed. */
void kafka_set_input(const struct mr_bytes values[KAFKA_BATCH_RECORDS]);
/* Tells the producer's user what became of what it sent. false: there was nothing to tell. */
bool kafka_acknowledge(void);
size_t kafka_acknowledged(void); /* in all */
/* The first value that was sent since the user was opened. */
void kafka_first_value(char *text, size_t size);
size_t kafka_read(void);         /* in all, of batches that were dropped since */

#endif
