/* PEM as people write it into properties. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/pem_text.h"

static void blanks_between_the_markers_become_line_ends(void **state)
{
    static const struct {
        const char *written, *read;
    } cases[] = {
        {"-----BEGIN PRIVATE KEY----- MIIE abc= -----END PRIVATE KEY-----", "\n-----BEGIN PRIVATE KEY-----\nMIIE\nabc=\n-----END PRIVATE KEY-----\n"},
        {"-----BEGIN A----------END A----------BEGIN B-----x-----END B-----",
         "\n-----BEGIN A-----\n-----END A-----\n-----BEGIN B-----\nx\n-----END B-----\n"},
        {"-----BEGIN A-----\nx\n-----END A-----\n", "\n-----BEGIN A-----\nx\n-----END A-----\n"},
        {"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nx y", "\n-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nx\ny"},
        {"-----BEGIN A-----\r\nx\r\n-----END A-----\r\n", "\n-----BEGIN A-----\nx\n-----END A-----\n"},
        {"", "\n"},
        {"-----", "\n-----"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *read = pem_text_unfold(cases[i].written);
        assert_string_equal(read, cases[i].read);
        pem_text_free(read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blanks_between_the_markers_become_line_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
