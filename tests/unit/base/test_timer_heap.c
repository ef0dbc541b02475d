#include "base_test.h"

#include "base/mem.h"
#include "base/timer_heap.h"

static void deadlines_come_out_in_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static struct timer_entry entries[COUNT];
    struct timer_heap heap;
    timer_heap_init(&heap);
    unsigned seed = 3;
    for (int i = 0; i < COUNT; i++) {
        timer_entry_init(&entries[i], &entries[i]);
        assert_true(timer_heap_set(&heap, &entries[i], rand_r(&seed) % 1000));
    }
    for (int i = 0; i < COUNT; i += 3)
        timer_heap_remove(&heap, &entries[i]);
    for (int i = 1; i < COUNT; i += 3)
        assert_true(timer_heap_set(&heap, &entries[i], rand_r(&seed) % 1000));
    int64_t last_ms = -1;
    size_t left = heap.count;
    for (struct timer_entry *entry; (entry = timer_heap_pop_due(&heap, 1000)) != NULL; left--) {
        assert_true(entry->deadline_ms >= last_ms);
        assert_false(timer_entry_is_set(entry));
        last_ms = entry->deadline_ms;
    }
    assert_int_equal(left, 0);
    timer_heap_release(&heap);
}

static void nothing_comes_before_its_time(void **state)
{
    (void)state;
    struct timer_entry entry;
    struct timer_heap heap;
    timer_heap_init(&heap);
    timer_entry_init(&entry, &heap);
    assert_true(timer_heap_next_ms(&heap) == INT64_MAX);
    assert_null(timer_heap_pop_due(&heap, INT64_MAX));
    timer_heap_set(&heap, &entry, 100);
    assert_int_equal(timer_heap_next_ms(&heap), 100);
    assert_null(timer_heap_pop_due(&heap, 99));
    assert_ptr_equal(timer_heap_pop_due(&heap, 100), &entry);
    assert_ptr_equal(entry.item, &heap);
    timer_heap_release(&heap);
}

static void equal_deadlines_keep_the_order_they_were_set_in(void **state)
{
    (void)state;
    struct timer_entry entries[20];
    struct timer_heap heap;
    timer_heap_init(&heap);
    for (int i = 0; i < 20; i++) {
        timer_entry_init(&entries[i], NULL);
        timer_heap_set(&heap, &entries[i], 5);
    }
    for (int i = 0; i < 20; i++)
        assert_ptr_equal(timer_heap_pop_due(&heap, 5), &entries[i]);
    timer_heap_release(&heap);
}

static void a_removed_entry_may_be_set_again(void **state)
{
    (void)state;
    struct timer_entry entry;
    struct timer_heap heap;
    timer_heap_init(&heap);
    timer_entry_init(&entry, NULL);
    timer_heap_remove(&heap, &entry);
    timer_heap_set(&heap, &entry, 5);
    timer_heap_set(&heap, &entry, 7);
    assert_int_equal(heap.count, 1);
    timer_heap_remove(&heap, &entry);
    assert_false(timer_entry_is_set(&entry));
    timer_heap_set(&heap, &entry, 9);
    assert_int_equal(timer_heap_next_ms(&heap), 9);
    timer_heap_release(&heap);
    assert_false(timer_entry_is_set(&entry));
}

static void without_memory_an_entry_is_not_set_but_one_that_is_can_move(void **state)
{
    (void)state;
    struct timer_entry entries[17];
    struct timer_heap heap;
    timer_heap_init(&heap);
    for (int i = 0; i < 17; i++)
        timer_entry_init(&entries[i], NULL);
    for (int i = 0; i < 16; i++)
        assert_true(timer_heap_set(&heap, &entries[i], i));
    mem_watch_start(0);
    assert_false(timer_heap_set(&heap, &entries[16], 0));
    assert_true(timer_heap_set(&heap, &entries[3], -1));
    mem_watch_stop();
    assert_false(timer_entry_is_set(&entries[16]));
    assert_ptr_equal(timer_heap_pop_due(&heap, 0), &entries[3]);
    timer_heap_release(&heap);
}

RUN_TESTS(cmocka_unit_test(deadlines_come_out_in_order), cmocka_unit_test(nothing_comes_before_its_time),
          cmocka_unit_test(equal_deadlines_keep_the_order_they_were_set_in),
          cmocka_unit_test(a_removed_entry_may_be_set_again),
          cmocka_unit_test(without_memory_an_entry_is_not_set_but_one_that_is_can_move))
