#include "sdk/future_host.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"

#include "base/bans.h"

struct mr_future {
    struct refcount references;
    _Atomic bool is_done; /* set under the lock, read without */
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    uint32_t parts_left;
    struct mr_error *error; /* the first one; constant once done */
    future_done_fn *done;
    void *done_argument;
};

struct mr_future *future_create(uint32_t parts)
{
    struct mr_future *future = mem_calloc(1, sizeof(*future));
    if (future == NULL)
        return NULL;
    refcount_init(&future->references);
    mutex_init(&future->lock);
    cond_init(&future->changed);
    future->parts_left = parts;
    atomic_init(&future->is_done, parts == 0);
    return future;
}

struct mr_future *mr_future_take(struct mr_future *future)
{
    if (future != NULL)
        refcount_take(&future->references);
    return future;
}

void mr_future_drop(struct mr_future *future)
{
    if (future == NULL || !refcount_drop(&future->references))
        return;
    mr_error_drop(future->error);
    cond_destroy(&future->changed);
    mutex_destroy(&future->lock);
    mem_free(future);
}

bool mr_future_is_done(const struct mr_future *future)
{
    return atomic_load_explicit(&future->is_done, memory_order_acquire);
}

void future_add_part(struct mr_future *future)
{
    mutex_lock(&future->lock);
    assert(future->parts_left > 0 && future->parts_left < UINT32_MAX);
    future->parts_left++;
    mutex_unlock(&future->lock);
}

/* The caller's reference keeps the future alive over the callback. */
static void part_end(struct mr_future *future, struct mr_error *error)
{
    mutex_lock(&future->lock);
    assert(future->parts_left > 0 && "each part is completed once");
    struct mr_error *surplus = error;
    if (future->error == NULL) {
        future->error = error;
        surplus = NULL;
    }
    future_done_fn *done = NULL;
    if (--future->parts_left == 0) {
        atomic_store_explicit(&future->is_done, true, memory_order_release);
        done = future->done;
        cond_broadcast(&future->changed);
    }
    mutex_unlock(&future->lock);
    mr_error_drop(surplus);
    if (done != NULL)
        done(future->done_argument, future->error);
}

void future_complete(struct mr_future *future)
{
    part_end(future, NULL);
}

void future_fail(struct mr_future *future, struct mr_error **error)
{
    assert(*error != NULL);
    struct mr_error *taken = *error;
    *error = NULL;
    part_end(future, taken);
}

void future_on_done(struct mr_future *future, future_done_fn *done, void *argument)
{
    mutex_lock(&future->lock);
    assert(future->done == NULL && "one callback per future");
    future->done = done;
    future->done_argument = argument;
    bool is_done = future->parts_left == 0;
    mutex_unlock(&future->lock);
    if (is_done)
        done(argument, future->error);
}

/* Waiters get copies: an error belongs to one thread. */
static int answer(struct mr_future *future, struct mr_error **error)
{
    mutex_lock(&future->lock);
    int status = future->error == NULL ? 0 : -1;
    if (status != 0 && error != NULL && *error == NULL)
        *error = mr_error_copy(future->error);
    mutex_unlock(&future->lock);
    return status;
}

int future_wait_until_ms(struct mr_future *future, int64_t deadline_ms, struct mr_error **error)
{
    mutex_lock(&future->lock);
    while (future->parts_left > 0 && cond_wait_until_ms(&future->changed, &future->lock, deadline_ms))
        ;
    bool is_done = future->parts_left == 0;
    mutex_unlock(&future->lock);
    if (!is_done)
        return mr_error_set(error, MR_ERR_TIMEOUT, "The result did not come in time");
    return answer(future, error);
}

int mr_future_wait(struct mr_future *future, uint32_t timeout_ms, struct mr_error **error)
{
    if (mr_future_is_done(future))
        return answer(future, error);
    return future_wait_until_ms(future, deadline_after_ms(timeout_ms), error);
}
