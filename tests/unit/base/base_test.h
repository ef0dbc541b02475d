/* What every test of this folder includes: CMocka and the headers it wants before it. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN_TESTS(...)                                                  \
    int main(void)                                                      \
    {                                                                   \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };              \
        return cmocka_run_group_tests(tests, NULL, NULL);               \
    }

#endif
