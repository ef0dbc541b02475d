/* Labels and selectors: what they mean, and what is refused. */
#include "base_test.h"

#include <string.h>

#include "base/placement.h"

static void selectors_are_read_as_kubernetes_writes_them(void **state)
{
    static const struct {
        const char *selector, *labels;
        bool fits;
    } rows[] = {
        {NULL, NULL, true},
        {"", "zone=a", true},
        {"zone=a", "zone=a,disk=ssd", true},
        {"zone==a", "zone=a", true},
        {" zone = a , disk = ssd ", "disk=ssd, zone=a", true},
        {"zone=a,disk=hdd", "zone=a,disk=ssd", false},
        {"zone=a", NULL, false},
        {"zone=a", "zone=ab", false},
        {"zone!=a", "zone=b", true},
        {"zone!=a", NULL, true},
        {"zone!=a", "zone=a", false},
        {"spare", "spare", true},
        {"spare", "spare=", true},
        {"spare", "zone=a", false},
        {"!spare", "zone=a", true},
        {"!spare", "spare=1", false},
        {"a in (b)", "a=b", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(placement_fits(rows[i].selector, rows[i].labels), rows[i].fits);
}

static void wrong_labels_and_selectors_are_named(void **state)
{
    char words[200];

    (void)state;
    assert_true(placement_check_labels("zone=a,disk=ssd,spare", words, sizeof(words)));
    assert_true(placement_check_selector("zone!=a,!spare,disk==ssd", words, sizeof(words)));
    assert_false(placement_check_labels("zone=a,=b", words, sizeof(words)));
    assert_non_null(strstr(words, "'=b'"));
    assert_false(placement_check_labels("zone=a,disk=ssd, zone=b", words, sizeof(words)));
    assert_non_null(strstr(words, "'zone' stands there twice"));
    assert_true(placement_check_labels("zone=a,zones=b,ssd", words, sizeof(words)));
    assert_false(placement_check_selector("zone in (a)", words, sizeof(words)));
    assert_non_null(strstr(words, "'zone in (a)'"));
}

RUN_TESTS(cmocka_unit_test(selectors_are_read_as_kubernetes_writes_them),
          cmocka_unit_test(wrong_labels_and_selectors_are_named))
