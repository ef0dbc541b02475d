/*
 * log_ring: bytes between those who log and the one thread that writes. Whole lines go in; what finds no room is counted.
 *
 * thread: _put any; _look and _done the writer's; _crash any, async-signal-safe. locks: its own, for a copy.
 */
#ifndef LOGGING_LOG_RING_H
#define LOGGING_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_ring;

struct log_ring *log_ring_create(size_t bytes); /* NULL: no memory. Pages that were never needed are never touched */
void log_ring_destroy(struct log_ring *ring);

/* false: no room, the line is counted as dropped. */
bool log_ring_put(struct log_ring *ring, const char *line, size_t length);
/* The same, but a line without room is not counted. */
bool log_ring_offer(struct log_ring *ring, const char *line, size_t length);
/* Lines that were dropped and not told of yet, once there is room for half of the ring again (`at_once`: in any case); taken with it. */
uint64_t log_ring_take_dropped(struct log_ring *ring, bool at_once);
void log_ring_give_back_dropped(struct log_ring *ring, uint64_t lines); /* taken, and could not be told of */
uint64_t log_ring_dropped(const struct log_ring *ring); /* since the start */

/* The next bytes to write, in one piece; 0: the deadline passed (monotonic ms) or log_ring_wake was called, and nothing is there. A call of
 * log_ring_wake holds until a look has answered 0. */
size_t log_ring_look(struct log_ring *ring, int64_t deadline_ms, const char **bytes);
void log_ring_done(struct log_ring *ring, size_t length); /* so many of them are written */
void log_ring_wake(struct log_ring *ring);
void log_ring_writer_ended(struct log_ring *ring); /* the writer's last call */
bool log_ring_wait_writer(struct log_ring *ring, int64_t deadline_ms); /* false: it has not ended by then, it is inside a write */
bool log_ring_wait_empty(struct log_ring *ring, int64_t deadline_ms); /* false: the deadline passed */

/* What is inside, to a file descriptor, as far as it takes it within `patience_ms` each time. */
void log_ring_crash(const struct log_ring *ring, int fd, int patience_ms);

#endif
