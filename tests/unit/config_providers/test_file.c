#include "provider_test.h"
#include "secret_file.h"

static void values_are_read_as_java_reads_properties(void **state)
{
    struct bench bench;
    const char *path = in_folder(*state, "db.properties");
    append_text_to(path, "# comment\nuser = ada\npassword: p\\u00e4ss\\=w \\\n   ord\nlong.key x y \nraw=\xC3\xA4\n=none\nuser=bob\n");
    bench_init(&bench, &file_provider, NO_LINES);
    assert_int_equal(0, bench_get(&bench, path, LINES("user", "password", "long.key", "raw", "", "absent")));
    assert_int_equal(config_data_count(bench.data), 5);
    assert_string_equal(config_data_get(bench.data, "user"), "bob");
    assert_string_equal(config_data_get(bench.data, "password"), "p\xC3\xA4ss=w ord");
    assert_string_equal(config_data_get(bench.data, "long.key"), "x y ");
    assert_string_equal(config_data_get(bench.data, "raw"), "\xC3\xA4");
    assert_string_equal(config_data_get(bench.data, ""), "none");
    assert_int_equal(config_data_ttl_ms(bench.data), MR_TTL_NONE);
    assert_int_equal(0, bench_get(&bench, path, NULL));
    assert_int_equal(config_data_count(bench.data), 5);
    bench_release(&bench);
}

static void without_a_path_there_is_nothing(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, &file_provider, NO_LINES);
    assert_null(bench_value(&bench, "", "user"));
    bench_release(&bench);
}

static void what_cannot_be_read_is_named_with_the_reason(void **state)
{
    struct bench bench;
    const char *folder = *state, *pipe_path = in_folder(folder, "pipe"), *loop = in_folder(folder, "loop");
    char words[PATH_MAX + 100];
    bench_init(&bench, &file_provider, NO_LINES);
    snprintf(words, sizeof(words), "Could not read properties from file %s: No such file or directory",
             in_folder(folder, "missing"));
    assert_refused(&bench, in_folder(folder, "missing"), "user", words);
    assert_int_equal(mr_error_code(bench.error), MR_ERR_CONFIG);
    assert_refused(&bench, folder, "user", "Is a directory");
    assert_int_equal(0, mkfifo(pipe_path, 0600));
    assert_refused(&bench, pipe_path, "user", "it is not a regular file");
    assert_int_equal(0, symlink("loop", loop));
    assert_refused(&bench, loop, "user", "Too many levels of symbolic links");
    assert_refused(&bench, "/proc/self/mem", "user", "Input/output error");
    bench_release(&bench);
}

static void a_file_that_may_not_be_read_is_named(void **state)
{
    struct bench bench;
    const char *path = in_folder(*state, "closed.properties");
    append_text_to(path, "user=ada\n");
    assert_int_equal(0, chmod(path, 0));
    bench_init(&bench, &file_provider, NO_LINES);
    uid_t former = become_nobody();
    assert_refused(&bench, path, "user", "Permission denied");
    assert_int_equal(0, seteuid(former));
    bench_release(&bench);
}

static void a_file_beyond_the_limit_is_refused_by_its_size(void **state)
{
    struct bench bench;
    const char *path = in_folder(*state, "huge.properties");
    append_text_to(path, "user=ada\n");
    assert_int_equal(0, truncate(path, (off_t)SECRET_FILE_MAX + 1));
    bench_init(&bench, &file_provider, NO_LINES);
    assert_refused(&bench, path, "user", "it is larger than the 16777216 bytes allowed");
    bench_release(&bench);
}

static void what_is_malformed_is_named_by_its_line_and_not_told(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"user=ada\npassword=s3cr3t\\u12\n", "line 2: malformed \\uxxxx escape"},
        {"user=ada\npassword=s3cr3t\xFF\n", "line 2: not valid UTF-8"},
    };
    struct bench bench;
    bench_init(&bench, &file_provider, NO_LINES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = in_folder(*state, i == 0 ? "one" : "two");
        append_text_to(path, cases[i].text);
        assert_refused(&bench, path, "user", cases[i].words);
        assert_null(strstr(mr_error_message(bench.error), "s3cr3t"));
    }
    bench_release(&bench);
}

static void a_path_that_is_not_allowed_has_nothing_and_is_logged(void **state)
{
    struct bench bench;
    const char *folder = *state;
    char allowed[PATH_MAX + 32], around[PATH_MAX + 64];
    assert_int_equal(0, mkdir(in_folder(folder, "in"), 0700));
    assert_int_equal(0, mkdir(in_folder(folder, "inner"), 0700));
    append_text_to(in_folder(folder, "in/a.properties"), "user=ada\n");
    append_text_to(in_folder(folder, "inner/a.properties"), "user=eve\n");
    snprintf(allowed, sizeof(allowed), "allowed.paths=%s", in_folder(folder, "in"));
    snprintf(around, sizeof(around), "%s/in/../inner/a.properties", folder);
    bench_init(&bench, &file_provider, LINES(allowed));
    assert_string_equal(bench_value(&bench, in_folder(folder, "in/a.properties"), "user"), "ada");
    assert_string_equal(bench_value(&bench, in_folder(folder, "inner/../in/./a.properties"), "user"), "ada");
    assert_int_equal(host_warnings, 0);
    assert_null(bench_value(&bench, in_folder(folder, "inner/a.properties"), "user"));
    assert_int_equal(host_warnings, 1);
    assert_non_null(strstr(host_last_warning, "is not allowed to be accessed"));
    assert_null(bench_value(&bench, around, "user"));
    assert_null(bench_value(&bench, "in/a.properties", "user"));
    bench_release(&bench);
}

static void a_time_to_live_is_told_with_each_answer(void **state)
{
    struct bench bench;
    const char *path = in_folder(*state, "db.properties");
    append_text_to(path, "user=ada\n");
    bench_init(&bench, &file_provider, LINES("ttl.ms=250"));
    assert_string_equal(bench_value(&bench, path, "user"), "ada");
    assert_int_equal(config_data_ttl_ms(bench.data), 250);
    bench_release(&bench);
}

static void allowed_paths_that_cannot_be_meant_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    assert_false(bench_try(&bench, &file_provider, LINES("allowed.paths=relative/path")));
    assert_non_null(strstr(mr_error_message(bench.error), "allowed.paths: Path relative/path is not absolute"));
    bench_release(&bench);
    assert_false(bench_try(&bench, &file_provider, LINES("allowed.paths=/tmp,/nowhere/at/all")));
    assert_non_null(strstr(mr_error_message(bench.error), "allowed.paths: Path /nowhere/at/all does not exist"));
    bench_release(&bench);
}

static void memory_may_run_short_anywhere(void **state)
{
    struct bench bench;
    const char *path = in_folder(*state, "db.properties");
    append_text_to(path, "user=ada\npassword=s3cr3t\n");
    for (int i = 0; i < 300; i++)
        append_text_to(path, "another=line that makes the file larger than the first piece read\n");
    bench_init(&bench, &file_provider, LINES("allowed.paths=/,/tmp"));
    provider_torture(&bench, &file_provider, path, LINES("user", "password"), 2);
    bench_release(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_folder(values_are_read_as_java_reads_properties),
        test_in_folder(without_a_path_there_is_nothing),
        test_in_folder(what_cannot_be_read_is_named_with_the_reason),
        test_in_folder(a_file_that_may_not_be_read_is_named),
        test_in_folder(a_file_beyond_the_limit_is_refused_by_its_size),
        test_in_folder(what_is_malformed_is_named_by_its_line_and_not_told),
        test_in_folder(a_path_that_is_not_allowed_has_nothing_and_is_logged),
        test_in_folder(a_time_to_live_is_told_with_each_answer),
        test_in_folder(allowed_paths_that_cannot_be_meant_are_refused),
        test_in_folder(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
