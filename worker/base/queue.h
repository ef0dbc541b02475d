/*
 * queue: a bounded first-in first-out queue of pointers between threads, any number on both sides.
 *
 * Full: queue_try_push says no, queue_push waits. Closed: pushes are refused, pops hand out what is left and then NULL
 * at once. Items are never NULL.
 * thread: any. locks: its own, never while calling out.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

/* Frees one item. */
typedef void queue_free_fn(void *item);

struct queue *queue_create(size_t limit);   /* limit > 0; NULL: no memory */

/* Nobody may be inside any more. Items left are given to free_item (NULL: there must be none). */
void queue_destroy(struct queue *queue, queue_free_fn *free_item);

bool queue_try_push(struct queue *queue, void *item);                     /* false: full or closed; item not taken */
bool queue_push(struct queue *queue, void *item, int64_t timeout_ms);     /* false: still full, or closed */

/* timeout 0: do not wait; negative: for ever. NULL: nothing came in time, or closed and empty. */
void *queue_pop(struct queue *queue, int64_t timeout_ms);

void queue_close(struct queue *queue);   /* wakes all waiters; may be repeated */
bool queue_is_closed(struct queue *queue);
size_t queue_count(struct queue *queue);

#endif
