/*
 * The table of all living schemas, so that equal ones are one pointer. It holds no references: the last drop takes a
 * schema out. A count goes from 1 to 0 only under the lock, so whatever lookup finds is alive.
 */
#include "sdk/schema_internal.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/bans.h"

#define BUCKETS_FIRST 64u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mr_schema **buckets; /* NULL while no schema lives */
static size_t bucket_count, schema_count;

static struct mr_schema **bucket_of(uint64_t hash)
{
    return &buckets[hash & (bucket_count - 1)];
}

/* Children are interned, so pointers tell; parameters in the same order. */
static bool is_same(const struct mr_schema *a, const struct mr_schema *b)
{
    if (!mr_schema_equals(a, b) || a->key != b->key || a->element != b->element)
        return false;
    for (uint32_t i = 0; i < a->field_count; i++)
        if (a->fields[i].schema != b->fields[i].schema)
            return false;
    for (uint32_t i = 0; i < a->parameter_count; i++)
        if (strcmp(a->parameters[i].key, b->parameters[i].key) != 0)
            return false;
    return true;
}

static struct mr_schema *find(const struct mr_schema *like)
{
    struct mr_schema *at = bucket_count == 0 ? NULL : *bucket_of(like->hash);
    while (at != NULL && !is_same(at, like))
        at = at->next_interned;
    return at;
}

/* A table that cannot grow gets longer chains. Fails only without any table. */
static int grow(void)
{
    size_t count = bucket_count == 0 ? BUCKETS_FIRST : bucket_count * 2;
    struct mr_schema **old = buckets, **fresh = mem_calloc(count, sizeof(struct mr_schema *));
    if (fresh == NULL)
        return buckets == NULL ? -1 : 0;
    size_t old_count = bucket_count;
    buckets = fresh;
    bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct mr_schema *at = old[i], *next; at != NULL; at = next) {
            next = at->next_interned;
            at->next_interned = *bucket_of(at->hash);
            *bucket_of(at->hash) = at;
        }
    }
    mem_free(old);
    return 0;
}

static struct mr_schema *find_or_insert(struct mr_schema *fresh)
{
    struct mr_schema *known = find(fresh);
    if (known != NULL) {
        mr_schema_take(known);
        return known;
    }
    if (schema_count >= bucket_count && grow() < 0)
        return NULL;
    fresh->next_interned = *bucket_of(fresh->hash);
    *bucket_of(fresh->hash) = fresh;
    schema_count++;
    return fresh;
}

const struct mr_schema *schema_intern(struct mr_schema *fresh)
{
    pthread_mutex_lock(&lock);
    struct mr_schema *known = find_or_insert(fresh);
    pthread_mutex_unlock(&lock);
    if (known != fresh)
        schema_free(fresh);
    return known;
}

static void take_out(struct mr_schema *schema)
{
    struct mr_schema **at = bucket_of(schema->hash);
    while (*at != schema)
        at = &(*at)->next_interned;
    *at = schema->next_interned;
    if (--schema_count == 0) {
        mem_free(buckets);
        buckets = NULL;
        bucket_count = 0;
    }
}

void mr_schema_drop(const struct mr_schema *schema)
{
    if (schema == NULL || schema_is_immortal(schema))
        return;
    struct mr_schema *mine = (struct mr_schema *)schema;
    uint32_t count = atomic_load_explicit(&mine->references, memory_order_relaxed);
    while (count > 1) {
        if (atomic_compare_exchange_weak_explicit(&mine->references, &count, count - 1, memory_order_acq_rel,
                memory_order_relaxed))
            return;
    }
    assert(count == 1);
    pthread_mutex_lock(&lock);
    bool last = atomic_fetch_sub_explicit(&mine->references, 1, memory_order_acq_rel) == 1;
    if (last)
        take_out(mine);
    pthread_mutex_unlock(&lock);
    if (last)
        schema_free(mine);
}

size_t schema_interned_count(void)
{
    pthread_mutex_lock(&lock);
    size_t count = schema_count;
    pthread_mutex_unlock(&lock);
    return count;
}
