#include "base_test.h"

#include "base/random.h"

static void no_two_draws_are_alike(void **state)
{
    unsigned char first[32] = {0}, second[32] = {0}, nothing[32] = {0};

    (void)state;
    assert_true(random_fill(first, sizeof(first)));
    assert_true(random_fill(second, sizeof(second)));
    assert_memory_not_equal(first, nothing, sizeof(first));
    assert_memory_not_equal(first, second, sizeof(first));
}

/* More than getrandom(2) gives in one go when signals come; the last bytes are drawn as the first. */
static void a_long_draw_is_whole(void **state)
{
    enum { LONG = 4096, END = 32 };
    static unsigned char bytes[LONG];
    static const unsigned char nothing[END];

    (void)state;
    assert_true(random_fill_now(bytes, sizeof(bytes)));
    assert_memory_not_equal(bytes + LONG - END, nothing, END);
}

RUN_TESTS(cmocka_unit_test(no_two_draws_are_alike), cmocka_unit_test(a_long_draw_is_whole))
