#include "base/str_buffer.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "base/bans.h"

enum { CAPACITY_MIN = 64 };

void str_buffer_init(struct str_buffer *buffer, size_t max)
{
    assert(max < SIZE_MAX / 2);
    *buffer = (struct str_buffer){ .max = max };
}

void str_buffer_release(struct str_buffer *buffer)
{
    mem_free(buffer->data);
    *buffer = (struct str_buffer){ .max = buffer->max };
}

void str_buffer_clear(struct str_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = buffer->over_max = false;
    if (buffer->data != NULL)
        buffer->data[0] = '\0';
}

/* Doubling, but never more than max + NUL. */
static bool grow(struct str_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > buffer->max + 1)
        capacity = buffer->max + 1;
    char *data = mem_realloc(buffer->data, capacity);
    if (data == NULL)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    data[buffer->length] = '\0';
    return true;
}

char *str_buffer_reserve(struct str_buffer *buffer, size_t extra)
{
    if (buffer->failed)
        return NULL;
    if (extra > buffer->max - buffer->length) {
        buffer->failed = buffer->over_max = true;
        return NULL;
    }
    size_t needed = buffer->length + extra + 1;
    if (needed > buffer->capacity && !grow(buffer, needed)) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->data + buffer->length;
}

void str_buffer_advance(struct str_buffer *buffer, size_t added)
{
    assert(buffer->length + added < buffer->capacity);
    buffer->length += added;
    buffer->data[buffer->length] = '\0';
}

void str_buffer_truncate(struct str_buffer *buffer, size_t length)
{
    assert(length <= buffer->length);
    buffer->length = length;
    if (buffer->data != NULL)
        buffer->data[length] = '\0';
}

bool str_buffer_append(struct str_buffer *buffer, const void *bytes, size_t length)
{
    char *end = str_buffer_reserve(buffer, length);
    if (end == NULL)
        return false;
    if (length > 0)
        memcpy(end, bytes, length);
    str_buffer_advance(buffer, length);
    return true;
}

bool str_buffer_append_text(struct str_buffer *buffer, const char *text)
{
    return str_buffer_append(buffer, text, strlen(text));
}

bool str_buffer_append_char(struct str_buffer *buffer, char character)
{
    return str_buffer_append(buffer, &character, 1);
}

bool str_buffer_vprintf(struct str_buffer *buffer, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *end = length < 0 ? NULL : str_buffer_reserve(buffer, (size_t)length);
    if (end != NULL) {
        vsnprintf(end, (size_t)length + 1, format, again);
        str_buffer_advance(buffer, (size_t)length);
    } else {
        buffer->failed = true;
    }
    va_end(again);
    return end != NULL;
}

bool str_buffer_printf(struct str_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool done = str_buffer_vprintf(buffer, format, args);
    va_end(args);
    return done;
}

bool str_buffer_failed(const struct str_buffer *buffer)
{
    return buffer->failed;
}

const char *str_buffer_text(const struct str_buffer *buffer)
{
    return buffer->data == NULL ? "" : buffer->data;
}

char *str_buffer_take(struct str_buffer *buffer, size_t *length)
{
    char *text = NULL;
    if (!buffer->failed && buffer->data == NULL)
        text = mem_strdup("");
    else if (!buffer->failed) {
        text = buffer->data;
        text[buffer->length] = '\0';   /* a reserved place may have been written to and not counted */
        buffer->data = NULL;
    }
    if (length != NULL)
        *length = text == NULL ? 0 : buffer->length;
    str_buffer_release(buffer);
    return text;
}
