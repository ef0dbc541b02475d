#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "loader/loader_internal.h"

#include "base/bans.h"

/* write() copies the byte in the kernel, which answers EFAULT where a load of ours would be a SIGSEGV. A pipe, because
 * /dev/null takes anything unread. */
static bool byte_readable(const int pipe_ends[2], const char *at)
{
    char drained;
    if (write(pipe_ends[1], at, 1) != 1)
        return false;
    return read(pipe_ends[0], &drained, 1) == 1;
}

static size_t page_rest(const char *at)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return page - (uintptr_t)at % page;
}

/* Without a pipe (no descriptor left) nothing can be asked, and the plugin is believed. */
static bool pipe_open(int pipe_ends[2])
{
    return pipe2(pipe_ends, O_CLOEXEC) == 0;
}

static void pipe_close(const int pipe_ends[2])
{
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

bool probe_memory(const void *memory, size_t size)
{
    const char *at = memory;
    int pipe_ends[2];
    if (memory == NULL || (uintptr_t)at + size < (uintptr_t)at)
        return false;
    if (!pipe_open(pipe_ends))
        return true;
    bool readable = true;
    while (size > 0 && readable) {
        size_t step = page_rest(at) < size ? page_rest(at) : size;
        readable = byte_readable(pipe_ends, at);
        at += step;
        size -= step;
    }
    pipe_close(pipe_ends);
    return readable;
}

static bool is_aligned(const void *memory)
{
    return (uintptr_t)memory % _Alignof(void *) == 0;
}

bool probe_pointer(const void *place)
{
    return is_aligned(place) && probe_memory(place, sizeof(void *));
}

/* The end of text in this page, or NULL. By hand: strnlen may look further ahead than a sanitizer likes. */
static const char *text_end(const char *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (at[i] == '\0')
            return at + i;
    }
    return NULL;
}

bool probe_text(const char *text, size_t length_max)
{
    int pipe_ends[2];
    if (text == NULL)
        return false;
    if (!pipe_open(pipe_ends))
        return true;
    bool ended = false;
    size_t left = length_max + 1;
    while (!ended && left > 0 && byte_readable(pipe_ends, text)) {
        size_t step = page_rest(text) < left ? page_rest(text) : left;
        ended = text_end(text, step) != NULL;
        text += step;
        left -= step;
    }
    pipe_close(pipe_ends);
    return ended;
}

bool probe_table(const void *table, size_t size, const char *what, struct why *why)
{
    if (table == NULL)
        return refuse(why, "%s is NULL", what);
    if (!is_aligned(table))
        return refuse(why, "%s is at %p, which is not aligned: no such table", what, table);
    if (!probe_memory(table, size))
        return refuse(why, "%s is at %p, which cannot be read: no such table", what, table);
    return true;
}
