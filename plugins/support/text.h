/* text: bytes that are appended one after the other, in an arena. The first failure (memory) sticks. */
#ifndef STRING_TEXT_H
#define STRING_TEXT_H

#include <millrace/arena.h>
#include <string.h>

struct text {
    struct mr_arena *arena;
    char *data;
    size_t size, capacity;
    bool failed;
};

/* Room for `more` bytes at data + size; NULL: failed. */
char *text_reserve(struct text *text, size_t more);
void text_add_slowly(struct text *text, const char *bytes, size_t size);

static inline void text_add(struct text *text, const char *bytes, size_t size)
{
    if (text->failed || text->capacity - text->size <= size) {
        text_add_slowly(text, bytes, size);
    } else if (size > 0) {
        memcpy(text->data + text->size, bytes, size);
        text->size += size;
    }
}

static inline void text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

#endif
