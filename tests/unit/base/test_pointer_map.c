#include "base_test.h"

#include "base/mem.h"
#include "base/pointer_map.h"
#include "support/alloc_torture.h"

static int freed;

static void count_free(void *value)
{
    freed++;
    mem_free(value);
}

static void replaced_and_removed_values_are_freed_once(void **state)
{
    (void)state;
    freed = 0;
    struct pointer_map *map = pointer_map_create(count_free);
    char *kept = mem_strdup("kept");
    pointer_map_put(map, "a", mem_strdup("1"));
    pointer_map_put(map, "a", kept);
    assert_int_equal(freed, 1);
    pointer_map_put(map, "a", kept);
    assert_int_equal(freed, 1);
    pointer_map_put(map, "b", mem_strdup("2"));
    pointer_map_put(map, "c", NULL);
    assert_true(pointer_map_has(map, "c"));
    assert_true(pointer_map_remove(map, "b"));
    assert_int_equal(freed, 2);
    assert_ptr_equal(pointer_map_take(map, "a"), kept);
    assert_null(pointer_map_take(map, "a"));
    assert_int_equal(freed, 2);
    mem_free(kept);
    pointer_map_put(map, "d", mem_strdup("4"));
    pointer_map_destroy(map);
    assert_int_equal(freed, 3);
}

static void values_are_left_alone_without_a_free_function(void **state)
{
    (void)state;
    int number = 1;
    struct pointer_map *map = pointer_map_create(NULL);
    pointer_map_put(map, "a", &number);
    assert_ptr_equal(pointer_map_get(map, "a"), &number);
    pointer_map_destroy(map);
    pointer_map_destroy(NULL);
}

static void a_key_may_be_a_part_of_a_longer_text(void **state)
{
    (void)state;
    int number = 1;
    struct pointer_map *map = pointer_map_create(NULL);
    assert_true(pointer_map_put_n(map, "topic-0", 5, &number));
    assert_true(pointer_map_put_n(map, "", 0, &number));
    assert_ptr_equal(pointer_map_get(map, "topic"), &number);
    assert_false(pointer_map_has(map, "topic-0"));
    assert_false(pointer_map_has(map, "topi"));
    assert_true(pointer_map_has(map, ""));
    pointer_map_destroy(map);
}

static void a_cleared_map_is_usable(void **state)
{
    (void)state;
    int number = 1;
    struct pointer_map *map = pointer_map_create(NULL);
    pointer_map_put(map, "a", &number);
    pointer_map_clear(map);
    assert_int_equal(pointer_map_count(map), 0);
    assert_false(pointer_map_has(map, "a"));
    pointer_map_put(map, "b", &number);
    assert_string_equal(pointer_map_key(map, 0), "b");
    assert_ptr_equal(pointer_map_value(map, 0), &number);
    pointer_map_destroy(map);
}

/* Against a plain table of the same keys: random puts and removals. */
static void random_changes_leave_the_same_keys_as_a_plain_table(void **state)
{
    (void)state;
    enum { KEYS = 200 };
    static int values[KEYS];
    bool there[KEYS] = { false };
    struct pointer_map *map = pointer_map_create(NULL);
    unsigned seed = 7;
    char key[16];
    for (int step = 0; step < 20000; step++) {
        int i = rand_r(&seed) % KEYS;
        snprintf(key, sizeof(key), "%d", i);
        bool remove = rand_r(&seed) % 2 == 0;
        if (remove)
            assert_int_equal(pointer_map_remove(map, key), there[i]);
        else
            assert_true(pointer_map_put(map, key, &values[i]));
        there[i] = !remove;
        assert_int_equal(pointer_map_has(map, key), there[i]);
    }
    size_t count = 0;
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_ptr_equal(pointer_map_get(map, key), there[i] ? &values[i] : NULL);
        count += there[i];
    }
    assert_int_equal(pointer_map_count(map), count);
    pointer_map_destroy(map);
}

static bool build_and_tear_down(void *argument)
{
    (void)argument;
    struct pointer_map *map = pointer_map_create(mem_free);
    bool worked = map != NULL;
    char key[16];
    for (int i = 0; worked && i < 30; i++) {
        snprintf(key, sizeof(key), "%d", i);
        char *value = mem_strdup(key);
        worked = value != NULL && pointer_map_put(map, key, value);
        if (!worked)
            mem_free(value);
    }
    pointer_map_destroy(map);
    return worked;
}

static void no_memory_fails_cleanly(void **state)
{
    (void)state;
    alloc_torture(build_and_tear_down, NULL);
}

RUN_TESTS(cmocka_unit_test(replaced_and_removed_values_are_freed_once),
          cmocka_unit_test(values_are_left_alone_without_a_free_function),
          cmocka_unit_test(a_key_may_be_a_part_of_a_longer_text), cmocka_unit_test(a_cleared_map_is_usable),
          cmocka_unit_test(random_changes_leave_the_same_keys_as_a_plain_table),
          cmocka_unit_test(no_memory_fails_cleanly))
