/* text: bytes that are appended one after the other, in an arena. The first failure (memory) sticks. */
#ifndef STRING_TEXT_H
#define STRING_TEXT_H

#include <millrace/arena.h>

struct text {
    struct mr_arena *arena;
    char *data;
    size_t size, capacity;
    bool failed;
};

/* Room for `more` bytes at data + size; NULL: failed. */
char *text_reserve(struct text *text, size_t more);
void text_add(struct text *text, const char *bytes, size_t size);
void text_add_string(struct text *text, const char *string);

#endif
