/* producer_pool.c: which producers there are, and users coming and going. */
#include "kafka/producer_internal.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "kafka/client_config.h"

#include "base/bans.h"

struct producer_pool *producer_pool_create(struct graveyard *graveyard, struct mr_error **error)
{
    struct producer_pool *pool = mem_calloc(1, sizeof *pool);
    if (pool == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the pool of producers");
        return NULL;
    }
    mutex_init(&pool->lock);
    cond_init(&pool->changed);
    pool->graveyard = graveyard;
    return pool;
}

void producer_pool_watch_lease(struct producer_pool *pool, const struct lease *lease)
{
    atomic_store(&pool->lease, lease);
}

void producer_pool_show(struct producer_pool *pool, struct metrics_registry *registry)
{
    atomic_store(&pool->registry, registry);
}

void producer_pool_destroy(struct producer_pool *pool, int64_t deadline_ms)
{
    if (pool == NULL)
        return;
    bool in_time = true;
    mutex_lock(&pool->lock);
    while (pool->alive > 0 && in_time)
        in_time = cond_wait_until_ms(&pool->changed, &pool->lock, deadline_ms);
    size_t left = pool->alive;
    mutex_unlock(&pool->lock);
    if (left > 0) {   /* their threads still use the pool: both are left to the end of the process */
        log_warn(PRODUCER_LOGGER, "%zu producer(s) did not end in time", left);
        atomic_store(&pool->lease, NULL);   /* it may go now */
        return;
    }
    cond_destroy(&pool->changed);
    mutex_destroy(&pool->lock);
    mem_free(pool);
}

size_t producer_pool_handle_count(struct producer_pool *pool)
{
    mutex_lock(&pool->lock);
    size_t alive = pool->alive;
    mutex_unlock(&pool->lock);
    return alive;
}

/* ---- finding and forgetting: pool->lock ---- */

static struct producer *find(struct producer_pool *pool, const struct client_config *config)
{
    for (struct producer *producer = pool->first; producer != NULL; producer = producer->next) {
        if (producer->transactional_id == NULL && /* whoever opens the same id again shuts out the former, and must have its own */
            strcmp(client_config_identity(producer->config), client_config_identity(config)) == 0)
            return producer;
    }
    return NULL;
}

static void user_join(struct producer *producer, struct producer_user *user)
{
    mutex_lock(&producer->lock);
    user->producer = producer;
    user->next = producer->users;
    producer->users = user;
    producer->user_count++;
    mutex_unlock(&producer->lock);
}

static int join_or_create(struct producer_pool *pool, struct client_config *config, struct producer_user *user,
                          struct mr_error **error)
{
    mutex_lock(&pool->lock);
    struct producer *producer = find(pool, config);
    if (producer == NULL) {
        producer = producer_create(pool, config, error);
        if (producer != NULL) {
            producer->next = pool->first;
            pool->first = producer;
            pool->alive++;
        }
    }
    if (producer != NULL)
        user_join(producer, user);
    mutex_unlock(&pool->lock);
    return producer != NULL ? 0 : -1;
}

bool producer_pool_forget(struct producer *producer)
{
    struct producer_pool *pool = producer->pool;
    mutex_lock(&pool->lock);
    mutex_lock(&producer->lock);
    bool unused = producer->user_count == 0;
    mutex_unlock(&producer->lock);
    struct producer **link = &pool->first;
    while (unused && *link != producer)
        link = &(*link)->next;
    if (unused)
        *link = producer->next;
    mutex_unlock(&pool->lock);
    return unused;
}

void producer_pool_ended(struct producer_pool *pool)
{
    mutex_lock(&pool->lock);
    pool->alive--;
    cond_broadcast(&pool->changed);
    mutex_unlock(&pool->lock);
}

/* ---- users ---- */

void producer_user_free(struct producer_user *user)
{
    if (user == NULL)
        return;
    pointer_map_destroy(user->topics);
    mem_free(user->name);
    mem_free(user);
}

static struct producer_user *user_create(const struct producer_user_setup *setup)
{
    struct producer_user *user = mem_calloc(1, sizeof *user);
    if (user == NULL)
        return NULL;
    user->name = mem_strdup(setup->name);
    user->topics = pointer_map_create(NULL);
    user->listener = setup->listener;
    user->argument = setup->argument;
    user->bytes_max = setup->bytes_max > 0 ? setup->bytes_max : UINT64_MAX;
    user->records_max = setup->records_max > 0 ? setup->records_max : UINT32_MAX;
    if (user->name != NULL && user->topics != NULL)
        return user;
    producer_user_free(user);
    return NULL;
}

struct producer_user *producer_user_open(struct producer_pool *pool, const struct producer_user_setup *setup,
                                         struct mr_error **error)
{
    assert(setup->listener != NULL && setup->listener->on_delivery != NULL);
    struct producer_user *user = user_create(setup);
    if (user == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a producer");
        return NULL;
    }
    if (join_or_create(pool, setup->config, user, error) == 0)
        return user;
    producer_user_free(user);
    return NULL;
}

void producer_user_close(struct producer_user *user, int64_t deadline_ms)
{
    if (user == NULL)
        return;
    struct producer *producer = user->producer;
    mutex_lock(&producer->lock);
    user->closing = true;
    user->close_deadline_ms = deadline_ms;
    producer_wake(producer);   /* under the lock: afterwards the poll thread may end both at any moment */
    mutex_unlock(&producer->lock);
}

uint32_t producer_user_record_count(const struct producer_user *user)
{
    return atomic_load(&user->records);
}

uint64_t producer_user_byte_count(const struct producer_user *user)
{
    return atomic_load(&user->bytes);
}

bool producer_user_flush(struct producer_user *user, int64_t deadline_ms)
{
    struct producer *producer = user->producer;
    bool in_time = true;
    mutex_lock(&producer->lock);
    while (atomic_load(&user->records) > 0 && in_time)
        in_time = cond_wait_until_ms(&producer->settled, &producer->lock, deadline_ms);
    mutex_unlock(&producer->lock);
    return atomic_load(&user->records) == 0;
}
