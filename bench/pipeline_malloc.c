#include "pipeline_malloc.h"

#include <stdatomic.h>
#include <stddef.h>

static _Atomic uint64_t asked;

uint64_t pipeline_malloc_count(void)
{
    return atomic_load_explicit(&asked, memory_order_relaxed);
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* One writer is enough: threads of libraries may lose a count. */
static void count(void)
{
    atomic_store_explicit(&asked, pipeline_malloc_count() + 1, memory_order_relaxed);
}

#define FOR_ALL_LIBRARIES __attribute__((visibility("default")))

/* What the C library calls its own. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *old, size_t size);

FOR_ALL_LIBRARIES void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

FOR_ALL_LIBRARIES void *calloc(size_t number, size_t size)
{
    count();
    return __libc_calloc(number, size);
}

FOR_ALL_LIBRARIES void *realloc(void *old, size_t size)
{
    count();
    return __libc_realloc(old, size);
}

#endif
