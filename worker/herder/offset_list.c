#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/value.h>

#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "herder/offsets_internal.h"

#include "base/bans.h"

void offset_list_release(struct offset_list *list)
{
    mem_free(list->entries);
    mr_arena_destroy(list->arena);
    *list = (struct offset_list){0};
}

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the offsets of a connector");
}

struct mr_arena *offset_list_arena(struct offset_list *list, struct mr_error **error)
{
    if (list->arena == NULL)
        list->arena = mr_arena_create(OFFSETS_ARENA_MAX);
    if (list->arena == NULL)
        no_memory(error);
    return list->arena;
}

int offset_list_append(struct offset_list *list, const struct mr_value *partition, const struct mr_value *offset,
                       struct mr_error **error)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        struct offset_entry *entries = mem_realloc(list->entries, capacity * sizeof(*entries));

        if (entries == NULL)
            return no_memory(error);
        list->entries = entries;
        list->capacity = capacity;
    }
    list->entries[list->count++] = (struct offset_entry){.partition = partition, .offset = offset};
    return 0;
}

int offset_list_add(struct offset_list *list, const struct mr_value *partition, const struct mr_value *offset,
                    struct mr_error **error)
{
    const struct mr_value *partition_copy, *offset_copy;

    if (offset_list_arena(list, error) == NULL)
        return -1;
    partition_copy = mr_value_copy(list->arena, partition);
    offset_copy = mr_value_copy(list->arena, offset);
    if (partition_copy == NULL || offset_copy == NULL)
        return mr_arena_failed(list->arena, error);
    return offset_list_append(list, partition_copy, offset_copy, error);
}

struct reading {
    struct offset_list *list;
    struct mr_error *error;
};

static int take_entry(void *argument, const struct mr_value *partition, const struct mr_value *offset)
{
    struct reading *reading = argument;

    return offset_list_append(reading->list, partition, offset, &reading->error);
}

int offset_list_read(struct offset_list *list, struct offset_store *store, const char *connector, int64_t deadline_ms,
                     struct mr_error **error)
{
    struct reading reading = {.list = list};

    if (offset_list_arena(list, error) == NULL || offset_store_refresh(store, deadline_ms, error) != 0)
        return -1;
    if (offset_store_each(store, connector, list->arena, take_entry, &reading, error) == 0)
        return 0;
    mr_error_drop(reading.error);
    return -1;
}

void offset_list_forget(struct offset_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        list->entries[i].offset = mr_null();
}

/* --- writing: the store tells later, on a thread of its own --------------------------------------------------------- */

struct put_wait {
    struct refcount owners; /* who waits, and the store */
    pthread_mutex_t lock;
    pthread_cond_t told_it;
    bool is_told, has_failed;
    struct mr_error *error; /* why, a copy */
};

static void put_wait_drop(struct put_wait *wait)
{
    if (!refcount_drop(&wait->owners))
        return;
    mr_error_drop(wait->error);
    cond_destroy(&wait->told_it);
    mutex_destroy(&wait->lock);
    mem_free(wait);
}

static void on_put(void *argument, const struct mr_error *error)
{
    struct put_wait *wait = argument;

    mutex_lock(&wait->lock);
    wait->is_told = true;
    wait->has_failed = error != NULL;
    if (error != NULL)
        mr_error_set(&wait->error, mr_error_code(error), "%s", mr_error_message(error));
    cond_signal(&wait->told_it);
    mutex_unlock(&wait->lock);
    put_wait_drop(wait);
}

static int wait_until_told(struct put_wait *wait, const char *connector, int64_t deadline_ms, struct mr_error **error)
{
    int status = 0;

    mutex_lock(&wait->lock);
    while (!wait->is_told && cond_wait_until_ms(&wait->told_it, &wait->lock, deadline_ms))
        ;
    if (!wait->is_told)
        status = mr_error_set(error, MR_ERR_TIMEOUT,
                              "the offsets of connector %s were not confirmed in time; they may still be written",
                              connector);
    else if (wait->has_failed)
        status = mr_error_set(error, wait->error != NULL ? mr_error_code(wait->error) : MR_ERR_NO_MEMORY,
                              "the offsets of connector %s were not written: %s", connector,
                              wait->error != NULL ? mr_error_message(wait->error) : "no memory");
    mutex_unlock(&wait->lock);
    return status;
}

static int put_and_wait(const struct offset_list *list, struct offset_store *store, const char *connector,
                        int64_t deadline_ms, struct mr_error **error)
{
    struct put_wait *wait = mem_calloc(1, sizeof(*wait));
    int status;

    if (wait == NULL)
        return no_memory(error);
    refcount_init(&wait->owners);
    mutex_init(&wait->lock);
    cond_init(&wait->told_it);
    refcount_take(&wait->owners);
    status = offset_store_put(store, connector, list->entries, list->count, on_put, wait, error);
    if (status != 0)
        put_wait_drop(wait); /* the store's: it tells nothing then */
    else
        status = wait_until_told(wait, connector, deadline_ms, error);
    put_wait_drop(wait);
    return status;
}

int offset_list_write(const struct offset_list *list, struct offset_store *store, const char *connector,
                      int64_t deadline_ms, struct mr_error **error)
{
    if (list->count == 0)
        return 0;
    if (put_and_wait(list, store, connector, deadline_ms, error) != 0)
        return -1;
    return offset_store_refresh(store, deadline_ms, error);
}
