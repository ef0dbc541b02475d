/*
 * ptr_array: a growing list of pointers, embedded in its owner.
 *
 * Items belong to the array when a free function was given. count and items may be read directly.
 * Life cycle: _init (allocates nothing) → _push … → _release. One thread at a time.
 */
#ifndef BASE_PTR_ARRAY_H
#define BASE_PTR_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Frees one item; never called with NULL. */
typedef void ptr_array_free_fn(void *item);

/* As qsort's, but given the items themselves. */
typedef int ptr_array_compare_fn(const void *one, const void *other);

struct ptr_array {
    void **items;
    size_t count;
    size_t capacity;
    ptr_array_free_fn *free_item;   /* NULL: items are not owned */
};

void ptr_array_init(struct ptr_array *array, ptr_array_free_fn *free_item);
void ptr_array_release(struct ptr_array *array);   /* frees items and memory; usable again after */
void ptr_array_clear(struct ptr_array *array);     /* frees items, keeps memory */

bool ptr_array_push(struct ptr_array *array, void *item);   /* false: no memory, the item stays the caller's */
bool ptr_array_reserve(struct ptr_array *array, size_t capacity);
void *ptr_array_at(const struct ptr_array *array, size_t i);
void *ptr_array_take_last(struct ptr_array *array);         /* the caller's now; NULL when empty */
void *ptr_array_take_at(struct ptr_array *array, size_t i); /* order kept, O(n) */
bool ptr_array_take_item(struct ptr_array *array, const void *item);   /* first such pointer, not freed; false: absent */

/* The items as one block with a closing NULL, for mem_free (the items themselves are handed over unchanged); the array
 * is empty after. NULL: no memory, array unchanged. */
void **ptr_array_take_all(struct ptr_array *array);

void ptr_array_sort(struct ptr_array *array, ptr_array_compare_fn *compare);
int ptr_array_compare_text(const void *one, const void *other);   /* strcmp order */

#endif
