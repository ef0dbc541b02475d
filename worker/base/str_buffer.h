/*
 * str_buffer: a growing buffer of bytes or text that is told its maximum at birth.
 *
 * Always holds: data[length] is NUL once anything was appended; length <= max. An append is all or nothing. The first
 * append that fails (no memory, or beyond max) makes the buffer *failed*: what it holds stays, later appends do nothing
 * and return false, so a writer may append a hundred times and ask str_buffer_failed() once.
 *
 * Life cycle: _init (allocates nothing) → appends → _take or _release. Owned by one thread at a time.
 */
#ifndef BASE_STR_BUFFER_H
#define BASE_STR_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str_buffer {
    char *data;        /* read through str_buffer_text(); may be NULL while empty */
    size_t length;     /* bytes, without the closing NUL */
    size_t capacity;
    size_t max;
    bool failed;
    bool over_max;     /* failed because of max, not because of memory */
};

void str_buffer_init(struct str_buffer *buffer, size_t max);
void str_buffer_release(struct str_buffer *buffer);   /* may be called again, and on a zeroed struct */
void str_buffer_clear(struct str_buffer *buffer);     /* empty again, memory and max kept, failure forgotten */

bool str_buffer_append(struct str_buffer *buffer, const void *bytes, size_t length);
bool str_buffer_append_text(struct str_buffer *buffer, const char *text);
bool str_buffer_append_char(struct str_buffer *buffer, char character);
bool str_buffer_printf(struct str_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool str_buffer_vprintf(struct str_buffer *buffer, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Room for `extra` more bytes at the end, to be filled and then counted with str_buffer_advance. NULL: failed. */
char *str_buffer_reserve(struct str_buffer *buffer, size_t extra);
void str_buffer_advance(struct str_buffer *buffer, size_t added);
void str_buffer_truncate(struct str_buffer *buffer, size_t length);   /* length <= buffer->length */

bool str_buffer_failed(const struct str_buffer *buffer);
const char *str_buffer_text(const struct str_buffer *buffer);   /* never NULL; valid until the next change */

/* Hands the text over (caller frees with mem_free) and leaves an empty, usable buffer. NULL when the buffer had failed
 * or no memory is left; then nothing is kept either. length may be NULL. */
char *str_buffer_take(struct str_buffer *buffer, size_t *length);

#endif
