#include "base_test.h"

#include "base/mem.h"

static void a_size_of_zero_still_gives_memory(void **state)
{
    (void)state;
    void *one = mem_alloc(0), *two = mem_calloc(0, 8), *three = mem_realloc(mem_alloc(4), 0);
    assert_non_null(one);
    assert_non_null(two);
    assert_non_null(three);
    mem_free(one);
    mem_free(two);
    mem_free(three);
    mem_free(NULL);
}

static void a_product_that_overflows_is_refused(void **state)
{
    (void)state;
    volatile size_t half = SIZE_MAX / 2;
    assert_null(mem_calloc(half, 3));
}

static void copies_are_of_their_own(void **state)
{
    (void)state;
    char text[] = "kafka";
    char *whole = mem_strdup(text), *part = mem_strndup(text, 2);
    text[0] = 'x';
    assert_string_equal(whole, "kafka");
    assert_string_equal(part, "ka");
    assert_null(mem_strdup(NULL));
    mem_free(whole);
    mem_free(part);
}

static void the_nth_allocation_fails_when_told(void **state)
{
    (void)state;
    mem_watch_start(2);
    char *one = mem_alloc(1), *two = mem_strdup("x"), *three = mem_alloc(1), *four = mem_realloc(one, 100);
    assert_non_null(one);
    assert_non_null(two);
    assert_null(three);
    assert_null(four);
    assert_int_equal(mem_live(), 2);
    assert_int_equal(mem_failed(), 2);
    mem_free(one);
    mem_free(two);
    assert_int_equal(mem_live(), 0);
    mem_watch_stop();
    char *five = mem_alloc(1);
    assert_non_null(five);
    mem_free(five);
}

RUN_TESTS(cmocka_unit_test(a_size_of_zero_still_gives_memory), cmocka_unit_test(a_product_that_overflows_is_refused),
          cmocka_unit_test(copies_are_of_their_own), cmocka_unit_test(the_nth_allocation_fails_when_told))
