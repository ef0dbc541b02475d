/* file_input: files that grow, are cut, replaced or missing; pipes; standard input. Nothing ever blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_input.h"

struct fixture {
    char folder[PATH_MAX], path[PATH_MAX + 8];
    struct file_input input;
    struct mr_error *error;
    char got[256];
    int saved_stdin;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    snprintf(fixture->folder, sizeof(fixture->folder), "%s/input-test.XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(fixture->folder) == NULL)
        return -1;
    snprintf(fixture->path, sizeof(fixture->path), "%s/in", fixture->folder);
    file_input_init(&fixture->input, fixture->path);
    fixture->saved_stdin = dup(STDIN_FILENO);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[PATH_MAX + 16];

    file_input_close(&fixture->input);
    dup2(fixture->saved_stdin, STDIN_FILENO);
    close(fixture->saved_stdin);
    mr_error_clear(&fixture->error);
    snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
    free(fixture);
    return system(command);
}

static void put(const char *path, const char *text, int flags)
{
    int fd = open(path, O_WRONLY | flags, 0644);

    assert_true(fd >= 0);
    assert_int_equal(strlen(text), write(fd, text, strlen(text)));
    close(fd);
}

static enum input_state read_some(struct fixture *fixture)
{
    size_t got = 0;
    enum input_state state =
        file_input_read(&fixture->input, fixture->got, sizeof(fixture->got) - 1, &got, &fixture->error);

    fixture->got[got] = '\0';
    return state;
}

static void assert_reads(struct fixture *fixture, const char *expected)
{
    assert_int_equal(INPUT_DATA, read_some(fixture));
    assert_string_equal(expected, fixture->got);
}

static void a_missing_file_is_no_failure(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(0, file_input_open(&fixture->input, &fixture->error));
    put(fixture->path, "here", O_CREAT);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_reads(fixture, "here");
}

static void a_directory_is_refused_in_words(void **state)
{
    struct fixture *fixture = *state;

    file_input_init(&fixture->input, fixture->folder);
    assert_int_equal(-1, file_input_open(&fixture->input, &fixture->error));
    assert_non_null(strstr(mr_error_message(fixture->error), "is a directory"));
    assert_non_null(strstr(mr_error_message(fixture->error), fixture->folder));
}

static void a_growing_file_is_followed(void **state)
{
    struct fixture *fixture = *state;

    put(fixture->path, "one\n", O_CREAT);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_reads(fixture, "one\n");
    assert_int_equal(INPUT_NOTHING, read_some(fixture));
    put(fixture->path, "two\n", O_APPEND);
    assert_reads(fixture, "two\n");
    assert_int_equal(INPUT_NOTHING, read_some(fixture));
}

static void a_cut_file_is_read_from_its_beginning(void **state)
{
    struct fixture *fixture = *state;

    put(fixture->path, "a long line\n", O_CREAT);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_reads(fixture, "a long line\n");
    put(fixture->path, "new\n", O_TRUNC);
    assert_int_equal(INPUT_CUT, read_some(fixture));
    assert_reads(fixture, "new\n");
}

static void a_replaced_file_is_read_to_its_end_first(void **state)
{
    struct fixture *fixture = *state;
    char old[PATH_MAX + 16];

    snprintf(old, sizeof(old), "%s.1", fixture->path);
    put(fixture->path, "one\n", O_CREAT);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_reads(fixture, "one\n");
    assert_int_equal(0, rename(fixture->path, old));
    put(fixture->path, "new\n", O_CREAT);
    assert_int_equal(INPUT_NOTHING, read_some(fixture)); /* its writer may be about to add something */
    put(old, "last words\n", O_APPEND);
    assert_reads(fixture, "last words\n");
    assert_int_equal(INPUT_NOTHING, read_some(fixture));
    assert_int_equal(INPUT_REPLACED, read_some(fixture));
    file_input_close(&fixture->input);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_reads(fixture, "new\n");
}

static void a_deleted_file_waits_for_its_successor(void **state)
{
    struct fixture *fixture = *state;

    put(fixture->path, "one\n", O_CREAT);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_reads(fixture, "one\n");
    assert_int_equal(0, unlink(fixture->path));
    for (int i = 0; i < 5; i++)
        assert_int_equal(INPUT_NOTHING, read_some(fixture));
    put(fixture->path, "two\n", O_CREAT);
    assert_int_equal(INPUT_NOTHING, read_some(fixture));
    assert_int_equal(INPUT_REPLACED, read_some(fixture));
}

static void a_pipe_without_a_writer_is_empty_and_never_blocks(void **state)
{
    struct fixture *fixture = *state;
    int writer;

    assert_int_equal(0, mkfifo(fixture->path, 0644));
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_int_equal(INPUT_NOTHING, read_some(fixture));
    for (int round = 0; round < 2; round++) { /* also a second writer, after the first has gone */
        writer = open(fixture->path, O_WRONLY);
        assert_int_equal(INPUT_NOTHING, read_some(fixture));
        assert_int_equal(3, write(writer, "hi\n", 3));
        assert_reads(fixture, "hi\n");
        close(writer);
        assert_int_equal(INPUT_NOTHING, read_some(fixture));
    }
}

static void standard_input_ends_when_its_writer_has_gone(void **state)
{
    struct fixture *fixture = *state;
    int pipe_fds[2];

    assert_int_equal(0, pipe(pipe_fds));
    dup2(pipe_fds[0], STDIN_FILENO);
    close(pipe_fds[0]);
    file_input_init(&fixture->input, NULL);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_int_equal(INPUT_NOTHING, read_some(fixture));
    assert_int_equal(3, write(pipe_fds[1], "hi\n", 3));
    assert_reads(fixture, "hi\n");
    close(pipe_fds[1]);
    assert_int_equal(INPUT_ENDED, read_some(fixture));
}

static void a_file_on_standard_input_may_grow(void **state)
{
    struct fixture *fixture = *state;
    int fd;

    put(fixture->path, "one\n", O_CREAT);
    fd = open(fixture->path, O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    file_input_init(&fixture->input, NULL);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_reads(fixture, "one\n");
    assert_int_equal(INPUT_NOTHING, read_some(fixture));
    put(fixture->path, "two\n", O_APPEND);
    assert_reads(fixture, "two\n");
}

static int64_t seek_to(struct fixture *fixture, int64_t position, size_t line_max_bytes)
{
    int64_t from = -2;

    mr_error_clear(&fixture->error);
    if (file_input_seek(&fixture->input, position, line_max_bytes, &from, &fixture->error) != 0)
        return -1;
    return from;
}

static void seeking_goes_to_the_line_that_holds_the_position(void **state)
{
    struct fixture *fixture = *state;
    /*                   0    5     10        18 */
    put(fixture->path, "eins\nzwei\r\ndrei\r\rende", O_CREAT);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_int_equal(0, seek_to(fixture, 0, 100));
    assert_int_equal(0, seek_to(fixture, 3, 100));
    assert_int_equal(5, seek_to(fixture, 5, 100));
    assert_int_equal(5, seek_to(fixture, 8, 100));
    assert_int_equal(11, seek_to(fixture, 10, 100)); /* between \r and \n */
    assert_int_equal(11, seek_to(fixture, 11, 100));
    assert_int_equal(16, seek_to(fixture, 16, 100)); /* after a lone \r */
    assert_int_equal(17, seek_to(fixture, 17, 100));
    assert_int_equal(17, seek_to(fixture, 20, 100));
    assert_int_equal(17, seek_to(fixture, 21, 100));
    assert_reads(fixture, "ende");
    assert_int_equal(0, seek_to(fixture, 22, 100)); /* beyond the end: another file */
}

static void seeking_looks_back_no_further_than_the_longest_line(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");

    fputs("start\n", file);
    for (int i = 0; i < 20000; i++)
        fputc('x', file);
    fclose(file);
    assert_int_equal(1, file_input_open(&fixture->input, &fixture->error));
    assert_int_equal(6, seek_to(fixture, 20000, 100000));
    assert_int_equal(-1, seek_to(fixture, 20000, 5000));
    assert_non_null(strstr(mr_error_message(fixture->error), "20000"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_file_is_no_failure),
        TEST(a_directory_is_refused_in_words),
        TEST(a_growing_file_is_followed),
        TEST(a_cut_file_is_read_from_its_beginning),
        TEST(a_replaced_file_is_read_to_its_end_first),
        TEST(a_deleted_file_waits_for_its_successor),
        TEST(a_pipe_without_a_writer_is_empty_and_never_blocks),
        TEST(standard_input_ends_when_its_writer_has_gone),
        TEST(a_file_on_standard_input_may_grow),
        TEST(seeking_goes_to_the_line_that_holds_the_position),
        TEST(seeking_looks_back_no_further_than_the_longest_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
