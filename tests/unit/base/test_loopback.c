/* loopback: which hosts and URLs lead to the machine itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/loopback.h"

static void names_and_addresses_of_the_machine_itself_are_known(void **state)
{
    static const char *const OWN[] = {"localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"};
    static const char *const OTHERS[] = {"", "localhost.example.org", "127.", "127.example.org", "10.0.0.1", "1127.0.0.1", "::2", "[::1", "LOCAL"};

    (void)state;
    for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++)
        assert_true(loopback_is_host(OWN[i], strlen(OWN[i])));
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
        assert_false(loopback_is_host(OTHERS[i], strlen(OTHERS[i])));
    assert_false(loopback_is_host("localhosts", 10));
    assert_true(loopback_is_host("localhosts", 9));
}

static void the_host_of_a_url_counts(void **state)
{
    static const char *const OWN[] = {"http://localhost:8083/", "https://127.0.0.1/", "http://[::1]:8083/", "http://localhost"};
    static const char *const OTHERS[] = {"http://worker-1:8083/", "http://worker/localhost", "http://[fe80::1]:1/", "http://[::1", "", "://"};

    (void)state;
    for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++)
        assert_true(loopback_is_url(OWN[i]));
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
        assert_false(loopback_is_url(OTHERS[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_addresses_of_the_machine_itself_are_known),
        cmocka_unit_test(the_host_of_a_url_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
