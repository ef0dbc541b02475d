/* offset_layers.c: a store over another one, as Kafka's ConnectorOffsetBackingStore. A put goes, each part when the former is durable:
 * tombstones to the store below, everything to its own log, copies of the others to the store below, for which nobody waits. Were a
 * tombstone written to the upper log first, an offset of the store below would speak again meanwhile (KAFKA-15018). */
#include <string.h>

#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/offset_batch_internal.h"
#include "store/offset_store_internal.h"
#include "base/bans.h"

#define LOG_NAME "store.offset"

/* ---- calling a log for what was under way in another ---- */

static bool enter(struct offset_store *store, struct mr_error **error)
{
    mutex_lock(&store->lock);
    bool may = !store->is_ended;
    if (may)
        store->users++;
    mutex_unlock(&store->lock);
    if (!may)
        mr_error_set(error, MR_ERR_CONFLICT, "the connector's offset store is closed");
    return may;
}

static void leave(struct offset_store *store)
{
    mutex_lock(&store->lock);
    if (--store->users == 0)
        cond_broadcast(&store->unused);
    mutex_unlock(&store->lock);
}

/* ---- copies ---- */

struct sent_copy {
    struct offset_store *below;
    char connector[];
};

/* The first failure is for people; those that follow, each commit perhaps, are not. */
static void note_copy(struct offset_store *below, const char *connector, const struct mr_error *error)
{
    mutex_lock(&below->lock);
    bool is_news = error != NULL && !below->lacks_copies;
    below->lacks_copies = error != NULL;
    mutex_unlock(&below->lock);
    if (is_news)
        log_warn(LOG_NAME,
                 "connector %s: its offsets are written to the topic of its own, but not copied to the worker's: %s; nothing is lost as "
                 "long as it keeps that topic. Further failures in a row are not logged",
                 connector, mr_error_message(error));
}

static void on_copied(void *argument, const struct mr_error *error)
{
    struct sent_copy *copy = argument;
    note_copy(copy->below, copy->connector, error);
    mem_free(copy);
}

static int send_copy(struct offset_store *below, const char *connector, const struct offset_batch *batch, struct mr_error **error)
{
    size_t size = strlen(connector) + 1;
    struct sent_copy *copy = mem_alloc(sizeof(*copy) + size);
    if (copy == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
    copy->below = below;
    memcpy(copy->connector, connector, size);
    int status = offset_store_refuse_when_lost(below, error);
    if (status == 0)
        status = below->log->append(below->log_argument, batch->records, batch->count, on_copied, copy, error);
    if (status != 0)
        mem_free(copy);
    return status;
}

static void send_copies(struct offset_store *below, const char *connector, const struct offset_batch *batch)
{
    struct mr_error *error = NULL;
    if (batch->count > 0 && send_copy(below, connector, batch, &error) != 0)
        note_copy(below, connector, error);
    mr_error_drop(error);
}

struct offset_copy {
    struct offset_store *below;
    struct offset_batch batch; /* with an arena of its own */
    char connector[];
};

void offset_copy_drop(struct offset_copy *copy)
{
    if (copy == NULL)
        return;
    offset_batch_release(&copy->batch);
    mr_arena_destroy(copy->batch.arena);
    mem_free(copy);
}

static int copy_fill(struct offset_copy *copy, struct offset_store *store, const struct offset_entry *entries, size_t count,
                     struct mr_error **error)
{
    if (copy == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
    copy->below = store->below;
    copy->batch.arena = mr_arena_create(RECORD_ARENA_MAX);
    return offset_batch_fill(&copy->batch, store->below, store, copy->connector, entries, count, OFFSET_PART_VALUES, error);
}

struct offset_copy *offset_store_copy(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count)
{
    if (store->below == NULL)
        return NULL;
    size_t size = strlen(connector) + 1;
    struct offset_copy *copy = mem_calloc(1, sizeof(*copy) + size);
    struct mr_error *error = NULL;
    if (copy != NULL)
        memcpy(copy->connector, connector, size);
    if (copy_fill(copy, store, entries, count, &error) != 0) {
        note_copy(store->below, connector, error);
        offset_copy_drop(copy);
        copy = NULL;
    }
    mr_error_drop(error);
    return copy;
}

void offset_copy_send(struct offset_copy *copy)
{
    if (copy != NULL)
        send_copies(copy->below, copy->connector, &copy->batch);
    offset_copy_drop(copy);
}

int offset_store_forget_ahead(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count,
                              offset_done_fn *done, void *argument, struct mr_error **error)
{
    struct offset_store *below = store->below;
    if (below == NULL) {
        done(argument, NULL);
        return 0;
    }
    struct offset_batch batch = {.arena = mr_arena_create(RECORD_ARENA_MAX)};
    int status = offset_batch_fill(&batch, below, store, connector, entries, count, OFFSET_PART_TOMBSTONES, error);
    if (status == 0 && batch.count == 0)
        done(argument, NULL);
    else if (status == 0 && (status = offset_store_refuse_when_lost(below, error)) == 0)
        status = below->log->append(below->log_argument, batch.records, batch.count, done, argument, error);
    offset_batch_release(&batch);
    mr_arena_destroy(batch.arena);
    return status;
}

/* ---- putting ---- */

struct layered_put {
    struct offset_store *store; /* a reference */
    struct mr_arena *arena;     /* of the batches */
    struct offset_batch ahead, own, copies;
    char *connector;
    offset_done_fn *done;
    void *argument;
};

static void put_destroy(struct layered_put *put)
{
    offset_batch_release(&put->ahead);
    offset_batch_release(&put->own);
    offset_batch_release(&put->copies);
    mr_arena_destroy(put->arena);
    mem_free(put->connector);
    offset_store_release(put->store);
    mem_free(put);
}

static void put_tell(struct layered_put *put, const struct mr_error *error)
{
    put->done(put->argument, error);
    put_destroy(put);
}

static void on_own(void *argument, const struct mr_error *error)
{
    struct layered_put *put = argument;
    if (error == NULL)
        send_copies(put->store->below, put->connector, &put->copies);
    put_tell(put, error);
}

static int append_own(struct layered_put *put, struct mr_error **error)
{
    struct offset_store *store = put->store;
    if (!enter(store, error))
        return -1;
    refcount_take(&store->refcount);   /* the put may be gone when this returns */
    int status = store->log->append(store->log_argument, put->own.records, put->own.count, on_own, put, error);
    leave(store);
    offset_store_release(store);
    return status;
}

/* thread: of the store below */
static void on_ahead(void *argument, const struct mr_error *error)
{
    struct layered_put *put = argument;
    struct mr_error *own = NULL;
    if (error != NULL)
        put_tell(put, error);
    else if (append_own(put, &own) != 0)
        put_tell(put, own);
    mr_error_drop(own);
}

static int put_fill(struct layered_put *put, const struct offset_entry *entries, size_t count, struct mr_error **error)
{
    struct offset_store *store = put->store, *below = store->below;
    const char *name = put->connector;
    put->own.arena = put->ahead.arena = put->copies.arena = put->arena;
    if (name == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to write source offsets");
    if (offset_batch_fill(&put->own, store, below, name, entries, count, OFFSET_PART_ALL, error) != 0 ||
        offset_batch_fill(&put->ahead, below, store, name, entries, count, OFFSET_PART_TOMBSTONES, error) != 0)
        return -1;
    return offset_batch_fill(&put->copies, below, store, name, entries, count, OFFSET_PART_VALUES, error);
}

static int put_begin(struct layered_put *put, struct mr_error **error)
{
    const struct offset_store *below = put->store->below;
    if (put->ahead.count == 0)
        return append_own(put, error);
    if (offset_store_refuse_when_lost(put->store->below, error) != 0)
        return -1;
    return below->log->append(below->log_argument, put->ahead.records, put->ahead.count, on_ahead, put, error);
}

int offset_layers_put(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count,
                      offset_done_fn *done, void *argument, struct mr_error **error)
{
    struct layered_put *put = mem_calloc(1, sizeof(*put));
    if (put == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory to write source offsets", connector);
    refcount_take(&store->refcount);
    *put = (struct layered_put){.store = store,
                                .arena = mr_arena_create(RECORD_ARENA_MAX),
                                .connector = mem_strdup(connector),
                                .done = done,
                                .argument = argument};
    int status = put_fill(put, entries, count, error);
    if (status == 0 && put->own.count == 0) {
        put_tell(put, NULL);
        return 0;
    }
    if (status == 0)
        status = put_begin(put, error);
    if (status != 0)
        put_destroy(put);
    return status;
}

/* ---- refreshing: the store below, then its own ---- */

struct layered_refresh {
    struct offset_store *store; /* a reference */
    int64_t deadline_ms;
    offset_done_fn *done;
    void *argument;
};

/* thread: of the store below */
static void on_below_refreshed(void *argument, const struct mr_error *error)
{
    struct layered_refresh refresh = *(struct layered_refresh *)argument;
    struct offset_store *store = refresh.store;
    struct mr_error *own = NULL;
    mem_free(argument);
    if (error != NULL) {
        refresh.done(refresh.argument, error);
    } else if (enter(store, &own)) {
        store->log->refresh_then(store->log_argument, refresh.deadline_ms, refresh.done, refresh.argument);
        leave(store);
    } else {
        refresh.done(refresh.argument, own);
    }
    mr_error_drop(own);
    offset_store_release(store);
}

void offset_layers_refresh_then(struct offset_store *store, int64_t deadline_ms, offset_done_fn *done, void *argument)
{
    struct layered_refresh *refresh = mem_calloc(1, sizeof(*refresh));
    if (refresh == NULL) {
        struct mr_error *error = NULL;
        mr_error_set(&error, MR_ERR_NO_MEMORY, "no memory to read source offsets");
        done(argument, error);
        mr_error_drop(error);
        return;
    }
    refcount_take(&store->refcount);
    *refresh = (struct layered_refresh){store, deadline_ms, done, argument};
    offset_store_refresh_then(store->below, deadline_ms, on_below_refreshed, refresh);
}
