/* Who shares which store. */
#include "executor/offset_stores_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/offset_store.h"

#include "base/bans.h"

#define LOG_NAME "millrace.executor"
#define FLUSH_MS 3000 /* for brokers, at the end, for all of them together */

enum shared_state { SHARED_OPENING, SHARED_OPEN, SHARED_FAILED, SHARED_CLOSING };

struct shared_store {
    struct shared_store *next;
    char *key;
    enum shared_state state;
    size_t users;              /* with those who wait for it to be opened */
    int64_t close_at_ms;       /* without users */
    struct offset_store *store; /* OPEN, CLOSING */
    struct mr_error *why;      /* FAILED */
};

struct offset_stores {
    struct offset_stores_setup setup;
    _Atomic int64_t flush_until_ms;
    pthread_mutex_t lock;         /* for all below */
    pthread_cond_t changed;
    struct shared_store *first;
    pthread_t closer;
    bool has_closer, is_ending;
};

struct offset_stores *offset_stores_create(const struct offset_stores_setup *setup, struct mr_error **error)
{
    struct offset_stores *stores = mem_calloc(1, sizeof(*stores));
    if (stores == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the offset stores of connectors");
        return NULL;
    }
    stores->setup = *setup;
    if (stores->setup.linger_ms == 0)
        stores->setup.linger_ms = OFFSET_STORES_LINGER_MS;
    atomic_init(&stores->flush_until_ms, INT64_MAX);
    mutex_init(&stores->lock);
    cond_init(&stores->changed);
    return stores;
}

/* --- the list; under the lock ------------------------------------------------------------------------------------------ */

/* One whose records are gone stays with those who have it. */
static bool is_usable(const struct shared_store *shared)
{
    return shared->state == SHARED_OPENING || (shared->state == SHARED_OPEN && !offset_store_is_lost(shared->store));
}

static struct shared_store *find_usable(const struct offset_stores *stores, const char *key)
{
    struct shared_store *shared = stores->first;
    while (shared != NULL && (!is_usable(shared) || strcmp(shared->key, key) != 0))
        shared = shared->next;
    return shared;
}

static struct shared_store *find_store(const struct offset_stores *stores, const struct offset_store *store)
{
    struct shared_store *shared = stores->first;
    while (shared != NULL && shared->store != store)
        shared = shared->next;
    return shared;
}

static void take_out(struct offset_stores *stores, struct shared_store *shared)
{
    struct shared_store **link = &stores->first;
    while (*link != shared)
        link = &(*link)->next;
    *link = shared->next;
    mr_error_drop(shared->why);
    mem_free(shared->key);
    mem_free(shared);
}

/* --- closing ----------------------------------------------------------------------------------------------------------- */

/* Lets the lock go meanwhile. */
static void close_one(struct offset_stores *stores, struct shared_store *shared)
{
    shared->state = SHARED_CLOSING;
    mutex_unlock(&stores->lock);
    offset_store_destroy(shared->store);
    mutex_lock(&stores->lock);
    take_out(stores, shared);
}

/* The next to be closed, whether its time has come or not. */
static struct shared_store *find_unused(const struct offset_stores *stores)
{
    struct shared_store *found = NULL;
    for (struct shared_store *shared = stores->first; shared != NULL; shared = shared->next)
        if (shared->state == SHARED_OPEN && shared->users == 0 && (found == NULL || shared->close_at_ms < found->close_at_ms))
            found = shared;
    return found;
}

static void *closer_run(void *argument)
{
    struct offset_stores *stores = argument;
    mutex_lock(&stores->lock);
    while (!stores->is_ending) {
        struct shared_store *unused = find_unused(stores);
        if (unused == NULL)
            cond_wait(&stores->changed, &stores->lock);
        else if (clock_monotonic_ms(NULL) >= unused->close_at_ms)
            close_one(stores, unused);
        else
            cond_wait_until_ms(&stores->changed, &stores->lock, unused->close_at_ms);
    }
    mutex_unlock(&stores->lock);
    return NULL;
}

/* Without a thread stores stay open until there is one, or the end. Under the lock. */
static void want_closer(struct offset_stores *stores)
{
    struct thread_setup setup = {.name = "offset-closer", .run = closer_run, .argument = stores};
    char why[200];
    if (stores->has_closer)
        return;
    stores->has_closer = thread_start(&stores->closer, &setup, why, sizeof(why));
    if (!stores->has_closer)
        log_warn(LOG_NAME, "the offset store of a connector stays open: %s", why);
}

void offset_stores_destroy(struct offset_stores *stores)
{
    if (stores == NULL)
        return;
    atomic_store(&stores->flush_until_ms, deadline_after_ms(FLUSH_MS));
    mutex_lock(&stores->lock);
    stores->is_ending = true;
    cond_broadcast(&stores->changed);
    mutex_unlock(&stores->lock);
    if (stores->has_closer)
        thread_join(stores->closer);
    mutex_lock(&stores->lock);
    while (stores->first != NULL)
        close_one(stores, stores->first);
    mutex_unlock(&stores->lock);
    cond_destroy(&stores->changed);
    mutex_destroy(&stores->lock);
    mem_free(stores);
}

/* --- taking ------------------------------------------------------------------------------------------------------------ */

static int copy_error(struct mr_error **error, const struct mr_error *why)
{
    return mr_error_set(error, mr_error_code(why), "%s", mr_error_message(why));
}

/* Under the lock: a store that was opened, or is being opened by another thread. */
static struct offset_store *join(struct offset_stores *stores, struct shared_store *shared, const struct offset_stores_want *want,
                                 struct mr_error **error)
{
    bool in_time = true;
    shared->users++;
    while (shared->state == SHARED_OPENING && in_time)
        in_time = cond_wait_until_ms(&stores->changed, &stores->lock, want->deadline_ms);
    if (shared->state == SHARED_OPEN)
        return shared->store;
    if (shared->state == SHARED_FAILED)
        copy_error(error, shared->why);
    else
        mr_error_set(error, MR_ERR_TIMEOUT, "the offsets topic of connector %s was not opened in time", want->connector);
    if (--shared->users == 0)
        take_out(stores, shared);
    return NULL;
}

/* Under the lock. NULL: no memory. Takes the key. */
static struct shared_store *add(struct offset_stores *stores, char **key)
{
    struct shared_store *shared = mem_calloc(1, sizeof(*shared));
    if (shared == NULL)
        return NULL;
    *shared = (struct shared_store){.next = stores->first, .key = *key, .users = 1};
    *key = NULL;
    stores->first = shared;
    return shared;
}

/* Under the lock, which it lets go meanwhile. */
static struct offset_store *open_shared(struct offset_stores *stores, struct offset_recipe *recipe, int64_t deadline_ms,
                                        struct mr_error **error)
{
    struct shared_store *shared = add(stores, &recipe->key);
    struct mr_error *why = NULL;
    if (shared == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory for its offset store", recipe->connector);
        return NULL;
    }
    mutex_unlock(&stores->lock);
    struct offset_store *store = offset_recipe_open(recipe, &stores->setup, &stores->flush_until_ms, deadline_ms, &why);
    mutex_lock(&stores->lock);
    shared->store = store;
    shared->state = store != NULL ? SHARED_OPEN : SHARED_FAILED;
    shared->why = why;
    cond_broadcast(&stores->changed);
    if (store != NULL) {
        log_info(LOG_NAME, "connector %s keeps its offsets in topic %s", recipe->connector, recipe->topic);
        return store;
    }
    copy_error(error, why);
    if (--shared->users == 0)
        take_out(stores, shared);
    return NULL;
}

struct offset_store *offset_stores_take(struct offset_stores *stores, const struct offset_stores_want *want, struct mr_error **error)
{
    struct offset_recipe recipe = {0};
    struct offset_store *store = NULL;
    if (offset_recipe_init(&recipe, &stores->setup, want, error) == 0 && recipe.topic == NULL) {
        store = stores->setup.offsets;
    } else if (recipe.key != NULL) {
        mutex_lock(&stores->lock);
        struct shared_store *shared = find_usable(stores, recipe.key);
        store = shared != NULL ? join(stores, shared, want, error) : open_shared(stores, &recipe, want->deadline_ms, error);
        mutex_unlock(&stores->lock);
    }
    offset_recipe_release(&recipe);
    return store;
}

void offset_stores_drop(struct offset_stores *stores, struct offset_store *store)
{
    if (store == NULL || store == stores->setup.offsets)
        return;
    mutex_lock(&stores->lock);
    struct shared_store *shared = find_store(stores, store);
    assert(shared != NULL && shared->users > 0);
    if (--shared->users == 0) {
        shared->close_at_ms = deadline_after_ms(stores->setup.linger_ms);
        want_closer(stores);
        cond_broadcast(&stores->changed);
    }
    mutex_unlock(&stores->lock);
}

size_t offset_stores_count(struct offset_stores *stores)
{
    size_t count = 0;
    mutex_lock(&stores->lock);
    for (const struct shared_store *shared = stores->first; shared != NULL; shared = shared->next)
        count++;
    mutex_unlock(&stores->lock);
    return count;
}
