/*
 * graveyard: where librdkafka handles end.
 *
 * Destroying a handle can block: for ever while one of its messages is held, for long while a broker does not answer.
 * So it never happens where somebody waits: handles are buried here and destroyed once nothing holds them, several at a time,
 * so that one that blocks does not hold up the others.
 *
 * Created before and destroyed after everything that opens clients. thread: any; one thread of its own ("graveyard"), and
 * up to eight more while there is something to destroy.
 */
#ifndef KAFKA_GRAVEYARD_H
#define KAFKA_GRAVEYARD_H

#include <stddef.h>
#include <stdint.h>

struct mr_error;
struct graveyard;

struct graveyard *graveyard_create(struct mr_error **error);   /* NULL: no memory or no thread */

/* Handles that exist: open ones, and closed ones that something still holds. */
size_t graveyard_count(const struct graveyard *graveyard);

/* Waits for what is buried until the deadline. What is still held then (a plugin kept records) is left to the end of
 * the process, with one log line. */
void graveyard_destroy(struct graveyard *graveyard, int64_t deadline_ms);

#endif
