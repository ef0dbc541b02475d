#include "base_test.h"

#include "base/mem.h"
#include "base/ptr_array.h"
#include "support/alloc_torture.h"

static void items_come_out_as_they_went_in(void **state)
{
    (void)state;
    int numbers[100];
    struct ptr_array array;
    ptr_array_init(&array, NULL);
    for (int i = 0; i < 100; i++)
        assert_true(ptr_array_push(&array, &numbers[i]));
    assert_int_equal(array.count, 100);
    assert_ptr_equal(ptr_array_at(&array, 42), &numbers[42]);
    assert_ptr_equal(ptr_array_take_at(&array, 0), &numbers[0]);
    assert_ptr_equal(ptr_array_at(&array, 0), &numbers[1]);
    assert_ptr_equal(ptr_array_take_last(&array), &numbers[99]);
    assert_true(ptr_array_take_item(&array, &numbers[50]));
    assert_false(ptr_array_take_item(&array, &numbers[50]));
    assert_int_equal(array.count, 97);
    ptr_array_release(&array);
    assert_null(ptr_array_take_last(&array));
}

static void owned_items_are_freed(void **state)
{
    (void)state;
    struct ptr_array array;
    ptr_array_init(&array, mem_free);
    mem_watch_start(MEM_NEVER_FAIL);
    ptr_array_push(&array, mem_strdup("a"));
    ptr_array_push(&array, NULL);
    ptr_array_clear(&array);
    ptr_array_push(&array, mem_strdup("b"));
    ptr_array_release(&array);
    assert_int_equal(mem_live(), 0);
    mem_watch_stop();
}

static void texts_are_sorted(void **state)
{
    (void)state;
    char *texts[] = { "b", "", "c", "a" };
    struct ptr_array array;
    ptr_array_init(&array, NULL);
    ptr_array_sort(&array, ptr_array_compare_text);
    for (int i = 0; i < 4; i++)
        ptr_array_push(&array, texts[i]);
    ptr_array_sort(&array, ptr_array_compare_text);
    char **all = (char **)ptr_array_take_all(&array);
    assert_string_equal(all[0], "");
    assert_string_equal(all[1], "a");
    assert_string_equal(all[3], "c");
    assert_null(all[4]);
    assert_int_equal(array.count, 0);
    mem_free(all);
    ptr_array_release(&array);
}

static bool build_and_tear_down(void *argument)
{
    (void)argument;
    struct ptr_array array;
    ptr_array_init(&array, NULL);
    bool worked = true;
    for (int i = 0; worked && i < 64; i++)
        worked = ptr_array_push(&array, argument);
    void **all = worked ? ptr_array_take_all(&array) : NULL;
    worked = all != NULL;
    mem_free(all);
    ptr_array_release(&array);
    return worked;
}

static void no_memory_fails_cleanly(void **state)
{
    (void)state;
    alloc_torture(build_and_tear_down, NULL);
}

RUN_TESTS(cmocka_unit_test(items_come_out_as_they_went_in), cmocka_unit_test(owned_items_are_freed),
          cmocka_unit_test(texts_are_sorted), cmocka_unit_test(no_memory_fails_cleanly))
