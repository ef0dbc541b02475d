/* A file is due when it has changed, and again while it could not be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_watch.h"

static char folder[64], path[96];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/millrace-watch.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    char why[300];
    assert_true(file_replace(path, &(struct file_content){text, strlen(text), 0600}, why, sizeof(why)));
}

static void a_changed_file_is_due_once(void **state)
{
    struct file_watch watch;
    (void)state;
    write_file("one");
    file_watch_init(&watch, NULL, path);
    assert_false(file_watch_is_due(&watch, 0));
    write_file("two");
    assert_true(file_watch_is_due(&watch, 0));
    file_watch_worked(&watch);
    assert_false(file_watch_is_due(&watch, INT64_MAX));
    unlink(path);
    assert_true(file_watch_is_due(&watch, 0));
}

static void what_failed_is_due_again_ever_later_until_it_works(void **state)
{
    struct file_watch watch;
    int64_t now_ms = 5, wait_ms = FILE_WATCH_AGAIN_MS;
    (void)state;
    write_file("one");
    file_watch_init(&watch, path, NULL);
    write_file("two");
    assert_true(file_watch_is_due(&watch, now_ms));
    for (int i = 0; i < 10; i++) {
        file_watch_failed(&watch, "no memory", now_ms);
        assert_false(file_watch_is_due(&watch, now_ms + wait_ms - 1));
        now_ms += wait_ms;
        assert_true(file_watch_is_due(&watch, now_ms));
        wait_ms = 2 * wait_ms < FILE_WATCH_AGAIN_MAX_MS ? 2 * wait_ms : FILE_WATCH_AGAIN_MAX_MS;
    }
    file_watch_failed(&watch, "no memory", now_ms);
    write_file("three"); /* counts at once */
    assert_true(file_watch_is_due(&watch, now_ms));
    file_watch_failed(&watch, "no memory", now_ms);
    assert_true(file_watch_is_due(&watch, now_ms + FILE_WATCH_AGAIN_MS));
    file_watch_worked(&watch);
    assert_false(file_watch_is_due(&watch, INT64_MAX));
}

static void the_same_is_said_once_of_a_file(void **state)
{
    struct file_watch watch;
    (void)state;
    write_file("one");
    file_watch_init(&watch, path, NULL);
    write_file("two");
    assert_true(file_watch_is_due(&watch, 0));
    assert_true(file_watch_failed(&watch, "no descriptors", 0));
    assert_false(file_watch_failed(&watch, "no descriptors", 0));
    assert_true(file_watch_failed(&watch, "line 1", 0));
    assert_false(file_watch_failed(&watch, "line 1", 0));
    write_file("three");
    assert_true(file_watch_is_due(&watch, 0));
    assert_true(file_watch_failed(&watch, "line 1", 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_changed_file_is_due_once),
        TEST(what_failed_is_due_again_ever_later_until_it_works),
        TEST(the_same_is_said_once_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
