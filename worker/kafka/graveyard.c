/* graveyard.c: one list, one thread that looks at it, helpers that destroy. Also native_handle, whose end it is.
 *
 * A destroy that blocks holds up a helper, not the others: up to HELPERS_MAX are started as they are needed, and end when
 * nothing is left to be destroyed. With all of them blocked, what is buried waits. */
#include "kafka/graveyard_internal.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "kafka/native_internal.h"

#include "base/bans.h"

struct graveyard {
    struct refcount refcount;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct native_handle *buried;   /* perhaps not yet closed */
    struct native_handle *closed;   /* for the helpers */
    size_t helpers;
    size_t alive;                   /* opened and not destroyed */
    bool closing;
    bool finished;                  /* the thread will not destroy any more */
};

#define CLOSING_LOOK_MS 100
#define HELPERS_MAX 8

/* Whatever the group says to a consumer that is being closed is answered by letting go. */
static void serve_closing(struct native_handle *handle)
{
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(handle->closing_queue, 0)) != NULL) {
        native_rebalance_decline(handle->rk, event);
        rd_kafka_event_destroy(event);
    }
}

/* A consumer that is destroyed while its close still waits for a broker keeps librdkafka's main thread spinning until it has its
 * answer (seen on 2.12.0: a whole core for a whole outage). So it is closed to the end first. */
static bool has_closed(struct native_handle *handle)
{
    if (handle->closing_queue == NULL)
        return true;
    serve_closing(handle);
    if (!rd_kafka_consumer_closed(handle->rk))
        return false;
    rd_kafka_queue_destroy(handle->closing_queue);
    handle->closing_queue = NULL;
    return true;
}

/* ---- handles ---- */

struct native_handle *native_handle_create(rd_kafka_t *rk, struct graveyard *graveyard)
{
    struct native_handle *handle = mem_calloc(1, sizeof *handle);
    if (handle == NULL)
        return NULL;
    refcount_init(&handle->refcount);
    handle->rk = rk;
    if (graveyard != NULL) {
        handle->graveyard = graveyard_take(graveyard);
        graveyard_expect(graveyard);
    }
    return handle;
}

void native_handle_end(struct native_handle *handle)
{
    native_destroy(handle->rk);
    if (handle->drop_hooked != NULL)
        handle->drop_hooked(handle->hooked);
    mem_free(handle);
}

struct native_handle *native_handle_take(struct native_handle *handle)
{
    refcount_take(&handle->refcount);
    return handle;
}

void native_handle_drop(struct native_handle *handle)
{
    if (handle == NULL || !refcount_drop(&handle->refcount))
        return;
    if (handle->graveyard != NULL) {
        graveyard_bury(handle->graveyard, handle);
    } else {
        if (handle->closing_queue != NULL)
            rd_kafka_queue_destroy(handle->closing_queue);
        native_handle_end(handle);
    }
}

/* ---- the graveyard ---- */

/* Called and returns with the lock held. */
static void destroy_buried(struct graveyard *graveyard, struct native_handle *handle)
{
    mutex_unlock(&graveyard->lock);
    native_handle_end(handle);
    graveyard_drop(graveyard);
    mutex_lock(&graveyard->lock);
    graveyard->alive--;
    cond_broadcast(&graveyard->changed);
}

/* The first that can be destroyed, out of the list; NULL: none. The lock is held on call and return. */
static struct native_handle *take_closed(struct graveyard *graveyard)
{
    struct native_handle *all = graveyard->buried, *closed = NULL;
    graveyard->buried = NULL;
    mutex_unlock(&graveyard->lock);
    struct native_handle **link = &all;
    while (*link != NULL && closed == NULL) {
        if (has_closed(*link)) {
            closed = *link;
            *link = closed->next;
        } else {
            link = &(*link)->next;
        }
    }
    mutex_lock(&graveyard->lock);
    while (*link != NULL)
        link = &(*link)->next;
    *link = graveyard->buried;   /* what came meanwhile */
    graveyard->buried = all;
    return closed;
}

/* thread: a helper. Called and returns with the lock held. */
static void destroy_closed(struct graveyard *graveyard)
{
    while (graveyard->closed != NULL) {
        struct native_handle *handle = graveyard->closed;
        graveyard->closed = handle->next;
        destroy_buried(graveyard, handle);
    }
}

static void *helper_run(void *argument)
{
    struct graveyard *graveyard = argument;
    mutex_lock(&graveyard->lock);
    destroy_closed(graveyard);
    graveyard->helpers--;
    cond_broadcast(&graveyard->changed);
    mutex_unlock(&graveyard->lock);
    graveyard_drop(graveyard);
    return NULL;
}

/* lock held. */
static bool helper_start(struct graveyard *graveyard)
{
    pthread_t thread;
    char why[128];
    struct thread_setup setup = {.name = "graveyard-helper", .run = helper_run, .argument = graveyard};
    graveyard_take(graveyard);
    if (!thread_start(&thread, &setup, why, sizeof why)) {
        refcount_drop(&graveyard->refcount);   /* never the last: the caller has one */
        return false;
    }
    pthread_detach(thread);
    graveyard->helpers++;
    return true;
}

/* Called and returns with the lock held. */
static void have_destroyed(struct graveyard *graveyard, struct native_handle *handle)
{
    handle->next = graveyard->closed;
    graveyard->closed = handle;
    if (graveyard->helpers < HELPERS_MAX && !helper_start(graveyard) && graveyard->helpers == 0)
        destroy_closed(graveyard);   /* no threads to be had: as well as it goes */
}

/* thread: graveyard. */
static void *graveyard_run(void *argument)
{
    struct graveyard *graveyard = argument;
    mutex_lock(&graveyard->lock);
    for (;;) {
        struct native_handle *handle = take_closed(graveyard);
        if (handle != NULL)
            have_destroyed(graveyard, handle);
        else if (graveyard->closing)
            break;
        else if (graveyard->buried != NULL)
            cond_wait_until_ms(&graveyard->changed, &graveyard->lock, deadline_after_ms(CLOSING_LOOK_MS));
        else
            cond_wait(&graveyard->changed, &graveyard->lock);
    }
    graveyard->finished = true;
    cond_broadcast(&graveyard->changed);
    mutex_unlock(&graveyard->lock);
    graveyard_drop(graveyard);   /* the thread's own reference: it may be left behind inside librdkafka */
    return NULL;
}

struct graveyard *graveyard_create(struct mr_error **error)
{
    char why[128];
    struct graveyard *graveyard = mem_calloc(1, sizeof *graveyard);
    if (graveyard == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the graveyard of Kafka clients");
        return NULL;
    }
    refcount_init(&graveyard->refcount);
    mutex_init(&graveyard->lock);
    cond_init(&graveyard->changed);
    graveyard_take(graveyard);
    if (!thread_start(&graveyard->thread,
                      &(struct thread_setup){.name = "graveyard", .run = graveyard_run, .argument = graveyard}, why,
                      sizeof why)) {
        mr_error_set(error, MR_ERR_CONNECT, "%s", why);
        graveyard_drop(graveyard);
        graveyard_drop(graveyard);
        return NULL;
    }
    return graveyard;
}

struct graveyard *graveyard_take(struct graveyard *graveyard)
{
    refcount_take(&graveyard->refcount);
    return graveyard;
}

void graveyard_drop(struct graveyard *graveyard)
{
    if (!refcount_drop(&graveyard->refcount))
        return;
    cond_destroy(&graveyard->changed);
    mutex_destroy(&graveyard->lock);
    mem_free(graveyard);
}

void graveyard_expect(struct graveyard *graveyard)
{
    mutex_lock(&graveyard->lock);
    graveyard->alive++;
    mutex_unlock(&graveyard->lock);
}

void graveyard_bury(struct graveyard *graveyard, struct native_handle *handle)
{
    mutex_lock(&graveyard->lock);
    bool open = !graveyard->finished;
    if (open) {
        handle->next = graveyard->buried;
        graveyard->buried = handle;
        cond_broadcast(&graveyard->changed);
    }
    mutex_unlock(&graveyard->lock);
    if (!open) {   /* too late: the process is about to end, and destroying could block it */
        mem_free(handle);
        graveyard_drop(graveyard);
    }
}

size_t graveyard_count(const struct graveyard *graveyard)
{
    struct graveyard *unlocked = (struct graveyard *)(uintptr_t)graveyard;
    mutex_lock(&unlocked->lock);
    size_t count = graveyard->alive;
    mutex_unlock(&unlocked->lock);
    return count;
}

void graveyard_destroy(struct graveyard *graveyard, int64_t deadline_ms)
{
    if (graveyard == NULL)
        return;
    mutex_lock(&graveyard->lock);
    bool in_time = true;
    while ((graveyard->alive > 0 || graveyard->helpers > 0) && in_time)
        in_time = cond_wait_until_ms(&graveyard->changed, &graveyard->lock, deadline_ms);
    size_t left = graveyard->alive;
    graveyard->closing = true;
    cond_broadcast(&graveyard->changed);
    /* With nothing left the thread ends at once; else it may be inside librdkafka, and is left there. */
    mutex_unlock(&graveyard->lock);
    if (left == 0) {
        thread_join(graveyard->thread);
    } else {
        log_warn("kafka.graveyard", "%zu Kafka client(s) still held by records that a plugin kept; left to the end of "
                 "the process", left);
        pthread_detach(graveyard->thread);
    }
    graveyard_drop(graveyard);
}
