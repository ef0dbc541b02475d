#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "routes/refusal_log.h"

static void a_flood_of_refusals_is_counted_instead_of_logged(void **state)
{
    struct refusal_log log = {0};
    unsigned left_out = 7;
    (void)state;
    for (int i = 0; i < REFUSALS_PER_SECOND_MAX; i++) {
        assert_true(refusal_log_takes(&log, 5000 + i, &left_out));
        assert_int_equal(left_out, 0);
    }
    for (int i = 0; i < 100; i++)
        assert_false(refusal_log_takes(&log, 5900, &left_out));
    assert_true(refusal_log_takes(&log, 6000, &left_out));
    assert_int_equal(left_out, 100);
    assert_true(refusal_log_takes(&log, 6000, &left_out));
    assert_int_equal(left_out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_flood_of_refusals_is_counted_instead_of_logged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
