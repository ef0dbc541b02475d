#include "lines.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verifiable_plugin.h"

#define KEEP_BYTES (64u * 1024u)
#define FULL_WAIT_MS 1000 /* for standard output that does not block */

static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER; /* held while one task's lines go out */

static int make_room(struct lines *lines, size_t wanted, struct mr_error **error)
{
    size_t capacity = lines->capacity == 0 ? 1024 : lines->capacity;
    char *grown;

    if (wanted <= lines->capacity)
        return 0;
    while (capacity < wanted)
        capacity *= 2;
    grown = realloc(lines->data, capacity);
    if (grown == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for %zu bytes to print", wanted);
    lines->data = grown;
    lines->capacity = capacity;
    return 0;
}

int lines_add(struct lines *lines, struct mr_error **error, const char *format, ...)
{
    va_list args, again;
    int size, status = -1;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    if (size < 0)
        mr_error_set(error, MR_ERR_CONNECT, "a line of output cannot be made: %s", strerror(errno));
    else if (make_room(lines, lines->size + (size_t)size + 1, error) == 0) {
        vsnprintf(lines->data + lines->size, (size_t)size + 1, format, again);
        lines->size += (size_t)size;
        status = 0;
    }
    va_end(again);
    va_end(args);
    return status;
}

/* As many whole lines from `at` on as go out together; or the first one, if it is longer than that. */
static size_t piece_of(const char *at, size_t left)
{
    size_t size = PIPE_BUF;

    if (left <= PIPE_BUF)
        return left;
    while (size > 0 && at[size - 1] != '\n')
        size--;
    if (size > 0)
        return size;
    for (size = PIPE_BUF + 1; size < left && at[size - 1] != '\n';)
        size++;
    return size;
}

static int write_piece(const char *at, size_t size)
{
    while (size > 0) {
        ssize_t count = write(STDOUT_FILENO, at, size);
        struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};

        if (count >= 0) {
            at += count;
            size -= (size_t)count;
        } else if (errno == EAGAIN) {
            if (poll(&room, 1, FULL_WAIT_MS) == 0)
                return errno = EAGAIN, -1;
        } else if (errno != EINTR)
            return -1;
    }
    return 0;
}

void lines_print(struct lines *lines)
{
    int failed = 0;

    if (lines->size == 0)
        return;
    pthread_mutex_lock(&output_lock);
    for (size_t at = 0, size; at < lines->size && failed == 0; at += size) {
        size = piece_of(lines->data + at, lines->size - at);
        failed = write_piece(lines->data + at, size) == 0 ? 0 : errno;
    }
    pthread_mutex_unlock(&output_lock);
    if (failed != 0)
        mr_log(verifiable_host, MR_LOG_WARN, "org.apache.kafka.connect.tools", "standard output: lines are lost: %s", strerror(failed));
    lines->size = 0;
    if (lines->capacity > KEEP_BYTES)
        lines_release(lines);
}

void lines_release(struct lines *lines)
{
    free(lines->data);
    *lines = (struct lines){.data = NULL};
}

char *lines_quoted(const char *text, struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(SIZE_MAX / 2);
    struct mr_bytes json = {.data = NULL};
    char *quoted = NULL;

    if (arena == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a name to print");
        return NULL;
    }
    const struct mr_value *value = mr_string(arena, text);
    if (value == NULL)
        mr_arena_failed(arena, error);
    else if (mr_json_write(arena, NULL, value, 0, &json, error) == 0) {
        quoted = strndup((const char *)json.data, json.size);
        if (quoted == NULL)
            mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a name to print");
    }
    mr_arena_destroy(arena);
    return quoted;
}
