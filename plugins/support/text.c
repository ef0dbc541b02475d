#include "text.h"

char *text_reserve(struct text *text, size_t more)
{
    if (text->failed || text->capacity - text->size >= more)
        return text->failed ? NULL : text->data + text->size;
    size_t capacity = text->capacity * 2 > text->size + more ? text->capacity * 2 : text->size + more + 64;
    char *data = mr_arena_alloc(text->arena, capacity);
    if (data == NULL) {
        text->failed = true;
        return NULL;
    }
    if (text->size > 0)
        memcpy(data, text->data, text->size);
    text->data = data;
    text->capacity = capacity;
    return data + text->size;
}

void text_add_slowly(struct text *text, const char *bytes, size_t size)
{
    char *room = text_reserve(text, size);
    if (room == NULL || size == 0)
        return;
    memcpy(room, bytes, size);
    text->size += size;
}
