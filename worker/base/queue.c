#include "base/queue.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    bool closed;
    size_t limit, first, count;
    void *items[];   /* a ring of `limit` places */
};

struct queue *queue_create(size_t limit)
{
    assert(limit > 0 && limit < (size_t)1 << 40);
    struct queue *queue = mem_calloc(1, sizeof(*queue) + limit * sizeof(void *));
    if (queue == NULL)
        return NULL;
    mutex_init(&queue->lock);
    cond_init(&queue->not_empty);
    cond_init(&queue->not_full);
    queue->limit = limit;
    return queue;
}

/* lock held; not empty. */
static void *take_first(struct queue *queue)
{
    void *item = queue->items[queue->first];
    queue->first = (queue->first + 1) % queue->limit;
    queue->count--;
    return item;
}

void queue_destroy(struct queue *queue, queue_free_fn *free_item)
{
    if (queue == NULL)
        return;
    assert(queue->count == 0 || free_item != NULL);
    while (queue->count > 0)
        free_item(take_first(queue));
    cond_destroy(&queue->not_full);
    cond_destroy(&queue->not_empty);
    mutex_destroy(&queue->lock);
    mem_free(queue);
}

bool queue_push(struct queue *queue, void *item, int64_t timeout_ms)
{
    assert(item != NULL);
    int64_t deadline_ms = timeout_ms == 0 ? 0 : deadline_after_ms(timeout_ms);
    bool waiting = timeout_ms != 0;
    mutex_lock(&queue->lock);
    while (waiting && !queue->closed && queue->count == queue->limit)
        waiting = cond_wait_until_ms(&queue->not_full, &queue->lock, deadline_ms);
    bool accepted = !queue->closed && queue->count < queue->limit;
    if (accepted) {
        queue->items[(queue->first + queue->count) % queue->limit] = item;
        queue->count++;
        cond_signal(&queue->not_empty);
    }
    mutex_unlock(&queue->lock);
    return accepted;
}

bool queue_try_push(struct queue *queue, void *item)
{
    return queue_push(queue, item, 0);
}

void *queue_pop(struct queue *queue, int64_t timeout_ms)
{
    int64_t deadline_ms = timeout_ms == 0 ? 0 : deadline_after_ms(timeout_ms);
    bool waiting = timeout_ms != 0;
    mutex_lock(&queue->lock);
    while (waiting && !queue->closed && queue->count == 0)
        waiting = cond_wait_until_ms(&queue->not_empty, &queue->lock, deadline_ms);
    void *item = NULL;
    if (queue->count > 0) {
        item = take_first(queue);
        cond_signal(&queue->not_full);
    }
    mutex_unlock(&queue->lock);
    return item;
}

void queue_close(struct queue *queue)
{
    mutex_lock(&queue->lock);
    queue->closed = true;
    cond_broadcast(&queue->not_empty);
    cond_broadcast(&queue->not_full);
    mutex_unlock(&queue->lock);
}

bool queue_is_closed(struct queue *queue)
{
    mutex_lock(&queue->lock);
    bool closed = queue->closed;
    mutex_unlock(&queue->lock);
    return closed;
}

size_t queue_count(struct queue *queue)
{
    mutex_lock(&queue->lock);
    size_t count = queue->count;
    mutex_unlock(&queue->lock);
    return count;
}
