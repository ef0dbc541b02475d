#include "loader_test.h"

/* Each list is in ascending order. */
static void assert_ascending(const char *const *versions)
{
    for (size_t i = 0; versions[i] != NULL; i++) {
        for (size_t j = 0; versions[j] != NULL; j++) {
            int order = loader_version_compare(versions[i], versions[j]);
            if ((order > 0) - (order < 0) != (i > j) - (i < j))
                fail_msg("%s and %s compare as %d", versions[i], versions[j], order);
        }
    }
}

static void numbers_order_as_numbers(void **state)
{
    (void)state;
    assert_ascending((const char *const[]){ "1", "1.0.1", "1.2", "1.10", "2", "10", "20240101000000000000",
                                            "20240101000000000001", NULL });
}

static void qualifiers_order_as_releases_come_out(void **state)
{
    (void)state;
    assert_ascending((const char *const[]){ "1-alpha", "1-beta", "1-milestone", "1-rc", "1-SNAPSHOT", "1", "1-sp",
                                            "1-abc", "1-xyz", "1-1", "1.1", NULL });
    assert_ascending((const char *const[]){ "4.3.0-rc1", "4.3.0-rc2", "4.3.0", "4.3.1", NULL });
    assert_ascending((const char *const[]){ "1a1", "1b1", "1m1", "1", NULL });
}

/* Pairs on which shorter rules go wrong; the order is that of ComparableVersion in maven-artifact 3.9.15. */
static void lists_inside_lists_order_as_in_maven(void **state)
{
    static const char *const ascending[][2] = {
        { "1.0.0.rc", "1.0.b" },          { "1.0.0.cr", "1.0.0a" },     { "1.0.SNAPSHOT", "1.0b" },
        { "1.0.x", "1.0-20240101" },      { "Final", "m" },             { "1.0.0.sp", "1.0.0.b" },
        { "10-+-01", "10-+-1.1" },        { "1.0.a1-01_m-ab", "1m" },   { "1.0-rc-10", "1.0-rc.2" },
        { "2.0.0-rc1", "2.0.0-rc10" },    { "7.6.0-ce-rc1", "7.6.0-ce" }, { "1.0.Beta2", "1.0.CR1" },
        { "1.0.CR1", "1.0.Final" },       { "1.0-m3", "1.0-rc1" },      { "3.4.0-SNAPSHOT", "3.4.0" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(ascending) / sizeof(ascending[0]); i++) {
        int order = loader_version_compare(ascending[i][0], ascending[i][1]);
        int back = loader_version_compare(ascending[i][1], ascending[i][0]);
        if (order >= 0 || back <= 0)
            fail_msg("%s and %s compare as %d, %d", ascending[i][0], ascending[i][1], order, back);
    }
}

static void some_spellings_are_equal(void **state)
{
    static const char *const equal[][2] = {
        { "1", "1.0" },     { "1", "1.0.0" },      { "1", "1-ga" },        { "1.0", "1.final" },  { "1-cr", "1-RC" },
        { "1a1", "1-alpha-1" }, { "01.002", "1.2" }, { "1.0.0-foo.0.0", "1-foo" }, { "1.x", "1-X" }, { "1.", "1" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(equal) / sizeof(equal[0]); i++) {
        if (loader_version_compare(equal[i][0], equal[i][1]) != 0)
            fail_msg("%s and %s are not equal", equal[i][0], equal[i][1]);
    }
}

static void no_version_is_older_than_all(void **state)
{
    (void)state;
    assert_true(loader_version_compare(NULL, "0") < 0);
    assert_true(loader_version_compare("0", NULL) > 0);
    assert_int_equal(0, loader_version_compare(NULL, NULL));
}

static void odd_versions_do_no_harm(void **state)
{
    static const char *const odd[] = { "", ".", "-", "...", "-.-", "a", "1..2", "0.0.0.0" };
    char length[4096];
    (void)state;
    memset(length, '.', sizeof(length) - 1);
    length[sizeof(length) - 1] = '\0';
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_int_equal(0, loader_version_compare(odd[i], odd[i]));
        loader_version_compare(odd[i], length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_order_as_numbers),
        cmocka_unit_test(qualifiers_order_as_releases_come_out),
        cmocka_unit_test(lists_inside_lists_order_as_in_maven),
        cmocka_unit_test(some_spellings_are_equal),
        cmocka_unit_test(no_version_is_older_than_all),
        cmocka_unit_test(odd_versions_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
