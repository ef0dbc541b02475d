/*
 * malloc_torture: as alloc_torture.h, for code of plugins, which calls malloc itself: every allocation from the n-th on fails, n = 0,
 * 1, 2 …, until the attempt works; then nothing may be left. Only calls linked into the test take part, of any thread; those of
 * shared libraries do not.
 *
 * The test is built with WRAPS malloc calloc realloc strdup strndup free. Include after cmocka.h.
 */
#ifndef SUPPORT_MALLOC_TORTURE_H
#define SUPPORT_MALLOC_TORTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MALLOC_TORTURE_MAX 10000

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *pointer);
/* The linker takes what shared libraries call for calls of these, too, though they never come here: it refuses hidden ones. */
#pragma GCC visibility push(default)
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strndup(const char *text, size_t length);
char *__wrap_strdup(const char *text);
void __wrap_free(void *pointer);
#pragma GCC visibility pop

static atomic_bool torture_is_on;
static _Atomic int64_t torture_left, torture_live, torture_refused;

static bool torture_refuses(void)
{
    if (!torture_is_on)
        return false;
    if (torture_left-- > 0) {
        torture_live++;
        return false;
    }
    torture_refused++;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return torture_refuses() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return torture_refuses() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    if (old != NULL && torture_is_on && torture_left > 0)
        torture_live--;
    return torture_refuses() ? NULL : __real_realloc(old, size);
}

char *__wrap_strndup(const char *text, size_t length)
{
    size_t size = strnlen(text, length);
    char *copy = __wrap_malloc(size + 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, SIZE_MAX);
}

void __wrap_free(void *pointer)
{
    if (pointer != NULL && torture_is_on)
        torture_live--;
    __real_free(pointer);
}

/* Does the whole thing and frees all of it. true: it worked. With false it must have failed cleanly. */
static inline void malloc_torture(bool (*attempt)(void *argument), void *argument)
{
    for (int64_t successes = 0; successes < MALLOC_TORTURE_MAX; successes++) {
        torture_left = successes;
        torture_live = torture_refused = 0;
        torture_is_on = true;
        bool worked = attempt(argument);
        torture_is_on = false;
        assert_int_equal(torture_live, 0);
        if (worked && torture_refused == 0) {
            assert_true(successes > 0);
            return;
        }
    }
    fail_msg("still failing after %d allocations", MALLOC_TORTURE_MAX);
}

#endif
