/*
 * timer_heap: which deadline comes next. Entries are embedded in their owners, who may remove or move them at any time.
 *
 * Equal deadlines come out in the order they were set. Time is only numbers here: any clock in milliseconds.
 * An entry must be initialised before its first use and be out of the heap before it is freed. One thread at a time.
 */
#ifndef BASE_TIMER_HEAP_H
#define BASE_TIMER_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer_entry {
    void *item;            /* the owner's business */
    int64_t deadline_ms;
    uint64_t order;
    size_t position;       /* in the heap + 1; 0: not in it */
};

struct timer_heap {
    struct timer_entry **entries;
    size_t count;
    size_t capacity;
    uint64_t next_order;
};

void timer_entry_init(struct timer_entry *entry, void *item);
bool timer_entry_is_set(const struct timer_entry *entry);

void timer_heap_init(struct timer_heap *heap);
void timer_heap_release(struct timer_heap *heap);   /* entries left are marked as not set, not freed */

/* Sets or moves the entry. Moving never fails; false: no memory, entry not set. */
bool timer_heap_set(struct timer_heap *heap, struct timer_entry *entry, int64_t deadline_ms);
void timer_heap_remove(struct timer_heap *heap, struct timer_entry *entry);   /* fine when not set */

int64_t timer_heap_next_ms(const struct timer_heap *heap);   /* INT64_MAX when empty */

/* The earliest entry with deadline <= now, taken out; NULL: none is due. */
struct timer_entry *timer_heap_pop_due(struct timer_heap *heap, int64_t now_ms);

#endif
