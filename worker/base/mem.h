/*
 * mem: the allocation door of the whole worker.
 *
 * Thin names over malloc and friends. In production each call costs one relaxed atomic load more than malloc; in tests
 * mem_watch_start() counts what is alive and makes the n-th allocation fail, so that every out-of-memory path is walked.
 * Memory is interchangeable with malloc/free: a pointer from a foreign library may be handed to mem_free and the other
 * way round (it then only skews the count of a watch).
 *
 * NULL means no memory; callers handle it. A size of 0 gives a pointer that may be freed, never NULL for that reason.
 * thread: any. locks: none.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size);
void *mem_calloc(size_t count, size_t size);   /* zeroed; NULL also when count * size overflows */
void *mem_realloc(void *old, size_t size);     /* on NULL the old block is untouched */
char *mem_strdup(const char *text);            /* NULL for NULL */
char *mem_strndup(const char *text, size_t length);   /* copies exactly length bytes and adds a NUL */
void *mem_copy(const void *bytes, size_t length);
void mem_free(void *pointer);                  /* NULL is fine */

/*
 * For tests. From start to stop all threads' allocations are counted; the first `successes` of them work, every later
 * one fails (MEM_NEVER_FAIL: all work). Nothing allocated before the start may be freed before the stop if mem_live()
 * is to be read. Not nestable.
 */
#define MEM_NEVER_FAIL INT64_MAX
void mem_watch_start(int64_t successes);
void mem_watch_stop(void);
int64_t mem_live(void);     /* allocations minus frees since the start */
int64_t mem_failed(void);   /* allocations refused since the start */

#endif
