#include "base/ptr_array.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/bans.h"

void ptr_array_init(struct ptr_array *array, ptr_array_free_fn *free_item)
{
    *array = (struct ptr_array){ .free_item = free_item };
}

void ptr_array_clear(struct ptr_array *array)
{
    for (size_t i = 0; array->free_item != NULL && i < array->count; i++)
        if (array->items[i] != NULL)
            array->free_item(array->items[i]);
    array->count = 0;
}

void ptr_array_release(struct ptr_array *array)
{
    ptr_array_clear(array);
    mem_free(array->items);
    array->items = NULL;
    array->capacity = 0;
}

bool ptr_array_reserve(struct ptr_array *array, size_t capacity)
{
    if (capacity <= array->capacity)
        return true;
    if (capacity > SIZE_MAX / sizeof(void *))
        return false;
    void **items = mem_realloc(array->items, capacity * sizeof(void *));
    if (items == NULL)
        return false;
    array->items = items;
    array->capacity = capacity;
    return true;
}

bool ptr_array_push(struct ptr_array *array, void *item)
{
    if (array->count == array->capacity && !ptr_array_reserve(array, array->capacity == 0 ? 8 : array->capacity * 2))
        return false;
    array->items[array->count++] = item;
    return true;
}

void *ptr_array_at(const struct ptr_array *array, size_t i)
{
    assert(i < array->count);
    return array->items[i];
}

void *ptr_array_take_last(struct ptr_array *array)
{
    return array->count == 0 ? NULL : array->items[--array->count];
}

void *ptr_array_take_at(struct ptr_array *array, size_t i)
{
    assert(i < array->count);
    void *item = array->items[i];
    memmove(&array->items[i], &array->items[i + 1], (array->count - i - 1) * sizeof(void *));
    array->count--;
    return item;
}

bool ptr_array_take_item(struct ptr_array *array, const void *item)
{
    for (size_t i = 0; i < array->count; i++)
        if (array->items[i] == item) {
            ptr_array_take_at(array, i);
            return true;
        }
    return false;
}

void **ptr_array_take_all(struct ptr_array *array)
{
    if (!ptr_array_reserve(array, array->count + 1))
        return NULL;
    void **items = array->items;
    items[array->count] = NULL;
    ptr_array_init(array, array->free_item);
    return items;
}

static int compare_items(const void *one, const void *other, void *compare)
{
    ptr_array_compare_fn *const *function = compare;
    return (*function)(*(void *const *)one, *(void *const *)other);
}

void ptr_array_sort(struct ptr_array *array, ptr_array_compare_fn *compare)
{
    if (array->count > 1)
        qsort_r(array->items, array->count, sizeof(void *), compare_items, &compare);
}

int ptr_array_compare_text(const void *one, const void *other)
{
    return strcmp(one, other);
}
