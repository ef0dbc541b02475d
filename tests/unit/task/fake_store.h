/* fake_store.h: stands in for store/offset_store.h: remembers what was put last for each source partition, in words of the
 * test, and decides when and how a put is confirmed. Partitions are {"p": number}, offsets {"o": number}.
 * Include once, after cmocka.h. thread: the test's, but for puts, which may come from a ticking one. */
#ifndef FAKE_STORE_H
#define FAKE_STORE_H

#include <millrace/error.h>
#include <millrace/value.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "store/offset_store.h"

#define FAKE_PARTITIONS_MAX 4096

enum fake_store_mode { STORE_CONFIRMS, STORE_HOLDS, STORE_FAILS, STORE_REFUSES };

static struct fake_store {
    pthread_mutex_t lock;
    enum fake_store_mode mode;
    bool refresh_waits;
    int64_t stored[FAKE_PARTITIONS_MAX]; /* -1: never put; by partition number */
    size_t puts, entries, last_count;
    /* Held: the oldest first. */
    struct {
        offset_done_fn *done;
        void *argument;
    } held[8];
    size_t held_count;
    offset_done_fn *refreshed;
    void *refreshed_argument;
} fake_store;

static inline void fake_store_reset(void)
{
    memset(&fake_store, 0, sizeof(fake_store));
    for (size_t i = 0; i < FAKE_PARTITIONS_MAX; i++)
        fake_store.stored[i] = -1;
    mutex_init(&fake_store.lock);
}

/* Confirms (or fails, with words) the oldest held put. */
static inline void fake_store_answer(const char *words)
{
    struct mr_error *error = NULL;

    assert_true(fake_store.held_count > 0);
    offset_done_fn *done = fake_store.held[0].done;
    void *argument = fake_store.held[0].argument;
    memmove(&fake_store.held[0], &fake_store.held[1], --fake_store.held_count * sizeof(fake_store.held[0]));
    if (words != NULL)
        mr_error_set(&error, MR_ERR_TIMEOUT, "%s", words);
    done(argument, error);
    mr_error_drop(error);
}

static inline int64_t fake_store_number(const struct mr_value *map, const char *name)
{
    const struct mr_value *value = map == NULL ? NULL : mr_map_get(map, name);

    return value == NULL ? -1 : mr_value_integer(value);
}

int __wrap_offset_store_put(struct offset_store *store, const char *connector, const struct offset_entry *entries,
                            size_t count, offset_done_fn *done, void *argument, struct mr_error **error);
int __wrap_offset_store_put(struct offset_store *store, const char *connector, const struct offset_entry *entries,
                            size_t count, offset_done_fn *done, void *argument, struct mr_error **error)
{
    struct mr_error *why = NULL;

    (void)store;
    assert_string_equal("files", connector);
    mutex_lock(&fake_store.lock);
    enum fake_store_mode mode = fake_store.mode;
    fake_store.puts++;
    fake_store.last_count = count;
    fake_store.entries += count;
    for (size_t i = 0; i < count && mode == STORE_CONFIRMS; i++) {
        int64_t partition = fake_store_number(entries[i].partition, "p");

        assert_in_range(partition, 0, FAKE_PARTITIONS_MAX - 1);
        fake_store.stored[partition] = fake_store_number(entries[i].offset, "o");
    }
    if (mode == STORE_HOLDS) {
        assert_true(fake_store.held_count < 8);
        fake_store.held[fake_store.held_count].done = done;
        fake_store.held[fake_store.held_count++].argument = argument;
    }
    mutex_unlock(&fake_store.lock);
    if (mode == STORE_REFUSES)
        return mr_error_set(error, MR_ERR_RETRIABLE, "the buffer is full");
    if (mode == STORE_FAILS)
        mr_error_set(&why, MR_ERR_TIMEOUT, "no broker");
    if (mode != STORE_HOLDS)
        done(argument, why);
    mr_error_drop(why);
    return 0;
}

const struct mr_value *__wrap_offset_store_get(struct offset_store *store, const char *connector,
                                               const struct mr_value *partition, struct mr_arena *arena,
                                               struct mr_error **error);
const struct mr_value *__wrap_offset_store_get(struct offset_store *store, const char *connector,
                                               const struct mr_value *partition, struct mr_arena *arena,
                                               struct mr_error **error)
{
    int64_t number = fake_store_number(partition, "p");
    struct mr_value *offset = mr_map_create(arena, 1);

    (void)store, (void)connector, (void)error;
    if (number < 0 || fake_store.stored[number] < 0)
        return mr_null();
    assert_int_equal(0, mr_map_put_text(arena, offset, "o", mr_int64(arena, fake_store.stored[number])));
    return offset;
}

void __wrap_offset_store_refresh_then(struct offset_store *store, int64_t deadline_ms, offset_done_fn *done,
                                      void *argument);
void __wrap_offset_store_refresh_then(struct offset_store *store, int64_t deadline_ms, offset_done_fn *done,
                                      void *argument)
{
    (void)store, (void)deadline_ms;
    fake_store.refreshed = done;
    fake_store.refreshed_argument = argument;
    if (!fake_store.refresh_waits)
        done(argument, NULL);
}

#endif
