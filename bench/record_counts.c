#include "record_counts.h"

#include <stddef.h>

static uint64_t copied;

uint64_t record_counts_copied_bytes(void)
{
    return copied;
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#undef memcpy
#undef memmove
#define FOR_ALL_LIBRARIES __attribute__((visibility("default")))

FOR_ALL_LIBRARIES void *memmove(void *to, const void *from, size_t size);
FOR_ALL_LIBRARIES void *memcpy(void *restrict to, const void *restrict from, size_t size);
FOR_ALL_LIBRARIES void *__memmove_chk(void *to, const void *from, size_t size, size_t room);
FOR_ALL_LIBRARIES void *__memcpy_chk(void *restrict to, const void *restrict from, size_t size, size_t room);

void *memmove(void *to, const void *from, size_t size)
{
    unsigned char *target = to;
    const unsigned char *source = from;

    copied += size;
    if (target <= source)
        for (size_t i = 0; i < size; i++)
            target[i] = source[i];
    else
        for (size_t i = size; i-- > 0;)
            target[i] = source[i];
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    return memmove(to, from, size);
}

/* What is too much is seen by the compiler in these tests' neighbours; here it is only counted. */
void *__memmove_chk(void *to, const void *from, size_t size, size_t room)
{
    return size <= room ? memmove(to, from, size) : NULL;
}

void *__memcpy_chk(void *restrict to, const void *restrict from, size_t size, size_t room)
{
    return size <= room ? memmove(to, from, size) : NULL;
}

#endif
