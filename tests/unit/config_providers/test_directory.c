#include "provider_test.h"

static void values_are_whole_files_as_they_are(void **state)
{
    struct bench bench;
    const char *folder = *state;
    append_text_to(in_folder(folder, "user"), "ada");
    append_text_to(in_folder(folder, "cert"), "line 1\nline 2\n");
    append_text_to(in_folder(folder, "bytes"), "a\xFF"
                                               "b");
    append_text_to(in_folder(folder, "empty"), "");
    bench_init(&bench, &directory_provider, NO_LINES);
    assert_int_equal(0, bench_get(&bench, folder, LINES("user", "cert", "bytes", "empty")));
    assert_string_equal(config_data_get(bench.data, "user"), "ada");
    assert_string_equal(config_data_get(bench.data, "cert"), "line 1\nline 2\n");
    assert_string_equal(config_data_get(bench.data, "bytes"), "a\xEF\xBF\xBD"
                                                              "b");
    assert_string_equal(config_data_get(bench.data, "empty"), "");
    assert_int_equal(0, bench_get(&bench, folder, NULL));
    assert_int_equal(config_data_count(bench.data), 4);
    bench_release(&bench);
}

static void only_regular_files_of_the_folder_are_keys(void **state)
{
    struct bench bench;
    const char *folder = *state;
    assert_int_equal(0, mkdir(in_folder(folder, "sub"), 0700));
    append_text_to(in_folder(folder, "sub/file"), "no");
    assert_int_equal(0, mkfifo(in_folder(folder, "pipe"), 0600));
    assert_int_equal(0, symlink("nowhere", in_folder(folder, "dangling")));
    assert_int_equal(0, symlink("sub/file", in_folder(folder, "link")));
    bench_init(&bench, &directory_provider, NO_LINES);
    assert_int_equal(0, bench_get(&bench, folder, LINES("sub", "sub/file", "pipe", "dangling", ".", "..", "", "absent", "../x")));
    assert_int_equal(config_data_count(bench.data), 0);
    assert_string_equal(bench_value(&bench, folder, "link"), "no");
    assert_int_equal(0, bench_get(&bench, folder, NULL));
    assert_int_equal(config_data_count(bench.data), 1);
    bench_release(&bench);
}

static void the_links_of_a_kubernetes_volume_are_followed(void **state)
{
    struct bench bench;
    const char *folder = *state;
    char allowed[PATH_MAX + 32];
    assert_int_equal(0, mkdir(in_folder(folder, "..2026_01"), 0700));
    append_text_to(in_folder(folder, "..2026_01/password"), "s3cr3t");
    assert_int_equal(0, symlink("..2026_01", in_folder(folder, "..data")));
    assert_int_equal(0, symlink("..data/password", in_folder(folder, "password")));
    snprintf(allowed, sizeof(allowed), "allowed.paths=%s", folder);
    bench_init(&bench, &directory_provider, LINES(allowed));
    assert_string_equal(bench_value(&bench, folder, "password"), "s3cr3t");
    assert_int_equal(0, bench_get(&bench, folder, NULL));
    assert_int_equal(config_data_count(bench.data), 1);
    bench_release(&bench);
}

static void what_is_no_folder_has_nothing_and_is_logged(void **state)
{
    struct bench bench;
    const char *file = in_folder(*state, "file");
    append_text_to(file, "x");
    bench_init(&bench, &directory_provider, NO_LINES);
    assert_null(bench_value(&bench, in_folder(*state, "missing"), "user"));
    assert_null(bench_value(&bench, file, "user"));
    assert_int_equal(host_warnings, 2);
    assert_non_null(strstr(host_last_warning, "is not a directory"));
    assert_null(bench_value(&bench, "", "user"));
    assert_int_equal(host_warnings, 2);
    bench_release(&bench);
}

static void a_file_that_is_no_text_is_named(void **state)
{
    struct bench bench;
    const char *folder = *state;
    append_to(in_folder(folder, "key"), "s3cr3t\0more", 11);
    bench_init(&bench, &directory_provider, NO_LINES);
    assert_refused(&bench, folder, "key", "it holds a NUL byte");
    assert_non_null(strstr(mr_error_message(bench.error), "Could not read file "));
    assert_null(strstr(mr_error_message(bench.error), "s3cr3t"));
    assert_refused(&bench, "/proc/self", "mem", "Could not read file /proc/self/mem for property mem: ");
    bench_release(&bench);
}

static void a_folder_that_may_not_be_listed_is_an_error(void **state)
{
    struct bench bench;
    const char *folder = in_folder(*state, "closed");
    assert_int_equal(0, mkdir(folder, 0));
    bench_init(&bench, &directory_provider, NO_LINES);
    uid_t former = become_nobody();
    assert_refused(&bench, folder, "user", "Could not list directory");
    assert_int_equal(0, seteuid(former));
    bench_release(&bench);
}

static void memory_may_run_short_anywhere(void **state)
{
    struct bench bench;
    const char *folder = *state;
    append_text_to(in_folder(folder, "user"), "ada");
    append_text_to(in_folder(folder, "bytes"), "a\xFF"
                                               "b");
    bench_init(&bench, &directory_provider, LINES("allowed.paths=/"));
    provider_torture(&bench, &directory_provider, folder, LINES("user", "bytes"), 2);
    bench_release(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_folder(values_are_whole_files_as_they_are),
        test_in_folder(only_regular_files_of_the_folder_are_keys),
        test_in_folder(the_links_of_a_kubernetes_volume_are_followed),
        test_in_folder(what_is_no_folder_has_nothing_and_is_logged),
        test_in_folder(a_file_that_is_no_text_is_named),
        test_in_folder(a_folder_that_may_not_be_listed_is_an_error),
        test_in_folder(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
