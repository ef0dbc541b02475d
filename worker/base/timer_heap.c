#include "base/timer_heap.h"

#include <assert.h>

#include "base/mem.h"

#include "base/bans.h"

void timer_entry_init(struct timer_entry *entry, void *item)
{
    *entry = (struct timer_entry){ .item = item };
}

bool timer_entry_is_set(const struct timer_entry *entry)
{
    return entry->position != 0;
}

void timer_heap_init(struct timer_heap *heap)
{
    *heap = (struct timer_heap){ 0 };
}

void timer_heap_release(struct timer_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->entries[i]->position = 0;
    mem_free(heap->entries);
    timer_heap_init(heap);
}

static bool earlier(const struct timer_entry *one, const struct timer_entry *other)
{
    if (one->deadline_ms != other->deadline_ms)
        return one->deadline_ms < other->deadline_ms;
    return one->order < other->order;
}

static void place(struct timer_heap *heap, struct timer_entry *entry, size_t i)
{
    heap->entries[i] = entry;
    entry->position = i + 1;
}

static void sift_up(struct timer_heap *heap, struct timer_entry *entry, size_t i)
{
    while (i > 0 && earlier(entry, heap->entries[(i - 1) / 2])) {
        place(heap, heap->entries[(i - 1) / 2], i);
        i = (i - 1) / 2;
    }
    place(heap, entry, i);
}

static void sift_down(struct timer_heap *heap, struct timer_entry *entry, size_t i)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < heap->count && earlier(heap->entries[child + 1], heap->entries[child]))
            child++;
        if (child >= heap->count || !earlier(heap->entries[child], entry))
            break;
        place(heap, heap->entries[child], i);
        i = child;
    }
    place(heap, entry, i);
}

/* Puts the entry where it belongs, starting from a free place i. */
static void settle(struct timer_heap *heap, struct timer_entry *entry, size_t i)
{
    if (i > 0 && earlier(entry, heap->entries[(i - 1) / 2]))
        sift_up(heap, entry, i);
    else
        sift_down(heap, entry, i);
}

static bool make_room(struct timer_heap *heap)
{
    if (heap->count < heap->capacity)
        return true;
    size_t capacity = heap->capacity == 0 ? 16 : heap->capacity * 2;
    struct timer_entry **entries = mem_realloc(heap->entries, capacity * sizeof(struct timer_entry *));
    if (entries == NULL)
        return false;
    heap->entries = entries;
    heap->capacity = capacity;
    return true;
}

bool timer_heap_set(struct timer_heap *heap, struct timer_entry *entry, int64_t deadline_ms)
{
    if (entry->position == 0 && !make_room(heap))
        return false;
    entry->deadline_ms = deadline_ms;
    entry->order = heap->next_order++;
    settle(heap, entry, entry->position == 0 ? heap->count++ : entry->position - 1);
    return true;
}

void timer_heap_remove(struct timer_heap *heap, struct timer_entry *entry)
{
    if (entry->position == 0)
        return;
    size_t i = entry->position - 1;
    assert(i < heap->count && heap->entries[i] == entry);
    struct timer_entry *last = heap->entries[--heap->count];
    entry->position = 0;
    if (last != entry)
        settle(heap, last, i);
}

int64_t timer_heap_next_ms(const struct timer_heap *heap)
{
    return heap->count == 0 ? INT64_MAX : heap->entries[0]->deadline_ms;
}

struct timer_entry *timer_heap_pop_due(struct timer_heap *heap, int64_t now_ms)
{
    if (heap->count == 0 || heap->entries[0]->deadline_ms > now_ms)
        return NULL;
    struct timer_entry *entry = heap->entries[0];
    timer_heap_remove(heap, entry);
    return entry;
}
