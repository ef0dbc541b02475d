#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bans.h"

/* The test switch: read relaxed on each call, everything else only while it is on. */
static atomic_bool watching;
static _Atomic int64_t successes_left, live, failed;

static bool watched(void)
{
    return __builtin_expect(atomic_load_explicit(&watching, memory_order_relaxed), 0);
}

static bool refuse(void)
{
    if (atomic_fetch_sub(&successes_left, 1) > 0)
        return false;
    atomic_fetch_add(&successes_left, 1);
    atomic_fetch_add(&failed, 1);
    return true;
}

static void *counted(void *pointer)
{
    if (pointer != NULL && watched())
        atomic_fetch_add(&live, 1);
    return pointer;
}

void *mem_alloc(size_t size)
{
    if (watched() && refuse())
        return NULL;
    return counted(malloc(size == 0 ? 1 : size));
}

void *mem_calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || (watched() && refuse()))
        return NULL;
    return counted(calloc(1, total == 0 ? 1 : total));
}

void *mem_realloc(void *old, size_t size)
{
    if (old == NULL)
        return mem_alloc(size);
    if (watched() && refuse())
        return NULL;
    return realloc(old, size == 0 ? 1 : size);
}

char *mem_strndup(const char *text, size_t length)
{
    char *copy = length == SIZE_MAX ? NULL : mem_alloc(length + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return text == NULL ? NULL : mem_strndup(text, strlen(text));
}

void *mem_copy(const void *bytes, size_t length)
{
    void *copy = mem_alloc(length);
    if (copy != NULL && length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

void mem_free(void *pointer)
{
    if (pointer != NULL && watched())
        atomic_fetch_sub(&live, 1);
    free(pointer);
}

void mem_watch_start(int64_t successes)
{
    atomic_store(&successes_left, successes);
    atomic_store(&live, 0);
    atomic_store(&failed, 0);
    atomic_store(&watching, true);
}

void mem_watch_stop(void)
{
    atomic_store(&watching, false);
}

int64_t mem_live(void)
{
    return atomic_load(&live);
}

int64_t mem_failed(void)
{
    return atomic_load(&failed);
}
