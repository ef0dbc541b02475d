#include "provider_test.h"

#include "allowed_paths.h"

static void paths_are_normalized_as_java_does_it(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/a/b", "/a/b"},       {"/a//b/", "/a/b"},      {"/a/./b/.", "/a/b"},   {"/a/../b", "/b"},
        {"/../a", "/a"},        {"/a/../../b", "/b"},    {"/", "/"},             {"/..", "/"},
        {"a/..", ""},           {"../a", "../a"},        {"a/../../b", "../b"},  {"../../a", "../../a"},
        {"a/b/../c", "a/c"},    {"./a", "a"},            {"", ""},               {"/a/...", "/a/..."},
        {"/a..b/c", "/a..b/c"}, {"/a/b/../..", "/"},     {"a..", "a.."},         {"/a../..", "/"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *normal = allowed_paths_normalize(cases[i][0]);
        assert_string_equal(normal, cases[i][1]);
        free(normal);
    }
}

static bool is_allowed(const char *list, const char *path)
{
    struct mr_error *error = NULL;
    struct allowed_paths *allowed = allowed_paths_create(list, &error);
    if (allowed == NULL)
        fail_msg("%s", mr_error_message(error));
    char *usable;
    enum allowed_verdict verdict = allowed_paths_check(allowed, path, &usable);
    assert_true((verdict == ALLOWED_YES) == (usable != NULL));
    free(usable);
    allowed_paths_destroy(allowed);
    return verdict == ALLOWED_YES;
}

static void paths_at_or_below_an_allowed_one_are_allowed(void **state)
{
    (void)state;
    assert_true(is_allowed("/tmp", "/tmp"));
    assert_true(is_allowed("/tmp", "/tmp/a/b"));
    assert_true(is_allowed("/usr,/tmp", "/tmp/a"));
    assert_true(is_allowed("/usr/../tmp", "/tmp/a"));
    assert_true(is_allowed("/", "/anything"));
    assert_true(is_allowed("/tmp", "/usr/../tmp/a"));
    assert_false(is_allowed("/tmp", "/tmpfile"));
    assert_false(is_allowed("/tmp", "/tmp/../etc/passwd"));
    assert_false(is_allowed("/tmp", "tmp/a"));
    assert_false(is_allowed("/tmp", "../tmp/a"));
    assert_false(is_allowed("/", "a"));
    assert_false(is_allowed(",", "/tmp"));
}

static void without_a_list_everything_is_allowed_as_it_is(void **state)
{
    (void)state;
    assert_true(is_allowed(NULL, "/etc/../x"));
    assert_true(is_allowed("", "relative"));
}

static void a_list_that_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"tmp", "Path tmp is not absolute"},      {"/tmp, /usr", "Path  /usr is not absolute"},
        {"/tmp,,/usr", "Path  is not absolute"},  {" ", "Path   is not absolute"},
        {"/nowhere/x", "Path /nowhere/x does not exist"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mr_error *error = NULL;
        assert_null(allowed_paths_create(cases[i][0], &error));
        assert_non_null(strstr(mr_error_message(error), cases[i][1]));
        mr_error_drop(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_normalized_as_java_does_it),
        cmocka_unit_test(paths_at_or_below_an_allowed_one_are_allowed),
        cmocka_unit_test(without_a_list_everything_is_allowed_as_it_is),
        cmocka_unit_test(a_list_that_cannot_be_meant_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
