#include "sdk/record_internal.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/bans.h"

struct batch_pool {
    pthread_mutex_t lock; /* guards what follows; nothing is called while it is held */
    struct batch_pool_setup setup;
    struct mr_batch *idle;
    uint32_t idle_count, out_count;
    size_t idle_bytes; /* that their arenas have reserved */
    bool is_closed; /* destroyed, but some batches are still out: the last one ends the pool */
};

struct batch_pool *batch_pool_create(const struct batch_pool_setup *setup)
{
    struct batch_pool *pool = mem_calloc(1, sizeof(*pool));
    if (pool == NULL)
        return NULL;
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        mem_free(pool);
        return NULL;
    }
    pool->setup = *setup;
    return pool;
}

static void pool_end(struct batch_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

static void destroy_list(struct mr_batch *list)
{
    while (list != NULL) {
        struct mr_batch *next = list->next_idle;
        batch_destroy(list);
        list = next;
    }
}

void batch_pool_destroy(struct batch_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_closed = true;
    struct mr_batch *idle = pool->idle;
    pool->idle = NULL;
    bool is_last = pool->out_count == 0;
    pthread_mutex_unlock(&pool->lock);
    destroy_list(idle);
    if (is_last)
        pool_end(pool);
}

static struct mr_batch *idle_pop(struct batch_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct mr_batch *batch = pool->idle;
    if (batch != NULL) {
        pool->idle = batch->next_idle;
        pool->idle_count--;
        pool->idle_bytes -= batch->arena.reserved_bytes;
    }
    pool->out_count++;
    pthread_mutex_unlock(&pool->lock);
    return batch;
}

struct mr_batch *batch_pool_take(struct batch_pool *pool)
{
    struct mr_batch *batch = idle_pop(pool);
    if (batch != NULL) {
        batch->next_idle = NULL;
        atomic_store_explicit(&batch->references, 1, memory_order_relaxed);
        return batch;
    }
    batch = batch_create(pool, pool->setup.batch_limit_bytes);
    if (batch == NULL) {
        pthread_mutex_lock(&pool->lock);
        pool->out_count--;
        pthread_mutex_unlock(&pool->lock);
    }
    return batch;
}

static bool has_room(const struct batch_pool *pool, size_t bytes)
{
    size_t most = pool->setup.idle_bytes_max;

    if (pool->idle_count == 0 || most == 0)
        return pool->idle_count < pool->setup.idle_max;
    return pool->idle_count < pool->setup.idle_max && pool->idle_bytes <= most && bytes <= most - pool->idle_bytes;
}

void batch_pool_give(struct batch_pool *pool, struct mr_batch *batch)
{
    size_t bytes = batch->arena.reserved_bytes;

    pthread_mutex_lock(&pool->lock);
    bool is_kept = !pool->is_closed && has_room(pool, bytes);
    if (is_kept) {
        batch->next_idle = pool->idle;
        pool->idle = batch;
        pool->idle_count++;
        pool->idle_bytes += bytes;
    }
    pool->out_count--;
    bool is_last = pool->is_closed && pool->out_count == 0;
    pthread_mutex_unlock(&pool->lock);
    if (!is_kept)
        batch_destroy(batch);
    if (is_last)
        pool_end(pool);
}

void batch_pool_trim(struct batch_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct mr_batch *idle = pool->idle;
    pool->idle = NULL;
    pool->idle_count = 0;
    pool->idle_bytes = 0;
    pthread_mutex_unlock(&pool->lock);
    destroy_list(idle);
}

uint32_t batch_pool_out_count(struct batch_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    uint32_t count = pool->out_count;
    pthread_mutex_unlock(&pool->lock);
    return count;
}
