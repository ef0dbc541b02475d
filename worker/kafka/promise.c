/* promise.c: see the header. */
#include "kafka/promise_internal.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"

#include "base/bans.h"

struct promise {
    struct refcount refcount;
    pthread_mutex_t lock;
    pthread_cond_t kept;
    bool is_kept;
    struct mr_error *error;
};

struct promise *promise_create(void)
{
    struct promise *promise = mem_calloc(1, sizeof *promise);
    if (promise == NULL)
        return NULL;
    refcount_init(&promise->refcount);
    refcount_take(&promise->refcount);
    mutex_init(&promise->lock);
    cond_init(&promise->kept);
    return promise;
}

void promise_drop(struct promise *promise)
{
    if (!refcount_drop(&promise->refcount))
        return;
    mr_error_drop(promise->error);
    cond_destroy(&promise->kept);
    mutex_destroy(&promise->lock);
    mem_free(promise);
}

void promise_keep(void *argument, const struct mr_error *error)
{
    struct promise *promise = argument;
    mutex_lock(&promise->lock);
    promise->is_kept = true;
    promise->error = error != NULL ? mr_error_copy(error) : NULL;
    cond_broadcast(&promise->kept);
    mutex_unlock(&promise->lock);
    promise_drop(promise);
}

int promise_wait(struct promise *promise, int64_t deadline_ms, const char *what, struct mr_error **error)
{
    int status = 0;
    bool in_time = true;
    mutex_lock(&promise->lock);
    while (!promise->is_kept && in_time)
        in_time = cond_wait_until_ms(&promise->kept, &promise->lock, deadline_ms);
    struct mr_error *own = promise->error;
    bool is_kept = promise->is_kept;
    promise->error = NULL;
    mutex_unlock(&promise->lock);
    if (!is_kept)
        status = mr_error_set(error, MR_ERR_TIMEOUT, "%s: not done in time", what);
    else if (own != NULL)
        status = -1;
    if (own != NULL && error != NULL && *error == NULL)
        *error = own;
    else
        mr_error_drop(own);
    promise_drop(promise);
    return status;
}
