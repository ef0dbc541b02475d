#include "base_test.h"

#include "base/mem.h"
#include "base/str_buffer.h"
#include "support/alloc_torture.h"

static void an_empty_buffer_reads_as_empty_text(void **state)
{
    (void)state;
    struct str_buffer buffer;
    str_buffer_init(&buffer, 10);
    assert_string_equal(str_buffer_text(&buffer), "");
    char *text = str_buffer_take(&buffer, NULL);
    assert_string_equal(text, "");
    mem_free(text);
    str_buffer_release(&buffer);
}

static void appends_add_up(void **state)
{
    (void)state;
    struct str_buffer buffer;
    str_buffer_init(&buffer, 100000);
    for (int i = 0; i < 1000; i++) {
        assert_true(str_buffer_printf(&buffer, "%d%s", i, ","));
        assert_true(str_buffer_append_char(&buffer, ' '));
    }
    assert_memory_equal(str_buffer_text(&buffer), "0, 1, 2, ", 9);
    assert_int_equal(strlen(str_buffer_text(&buffer)), buffer.length);
    str_buffer_truncate(&buffer, 1);
    assert_true(str_buffer_append_text(&buffer, "!"));
    size_t length;
    char *text = str_buffer_take(&buffer, &length);
    assert_string_equal(text, "0!");
    assert_int_equal(length, 2);
    assert_string_equal(str_buffer_text(&buffer), "");
    mem_free(text);
}

static void the_maximum_is_reached_exactly_and_not_passed(void **state)
{
    (void)state;
    struct str_buffer buffer;
    str_buffer_init(&buffer, 4);
    assert_true(str_buffer_append_text(&buffer, "abcd"));
    assert_false(str_buffer_append_char(&buffer, 'e'));
    assert_true(str_buffer_failed(&buffer));
    assert_true(buffer.over_max);
    assert_string_equal(str_buffer_text(&buffer), "abcd");
    str_buffer_release(&buffer);
}

static void a_failure_sticks_until_the_buffer_is_cleared(void **state)
{
    (void)state;
    struct str_buffer buffer;
    str_buffer_init(&buffer, 4);
    assert_true(str_buffer_append_text(&buffer, "ab"));
    assert_false(str_buffer_append_text(&buffer, "cde"));
    assert_false(str_buffer_append_char(&buffer, 'c'));
    assert_string_equal(str_buffer_text(&buffer), "ab");
    str_buffer_clear(&buffer);
    assert_false(str_buffer_failed(&buffer));
    assert_true(str_buffer_append_text(&buffer, "wxyz"));
    assert_string_equal(str_buffer_text(&buffer), "wxyz");
    str_buffer_release(&buffer);
}

static void a_failed_buffer_hands_nothing_over(void **state)
{
    (void)state;
    struct str_buffer buffer;
    str_buffer_init(&buffer, 2);
    str_buffer_append_text(&buffer, "a");
    str_buffer_append_text(&buffer, "bc");
    size_t length = 7;
    assert_null(str_buffer_take(&buffer, &length));
    assert_int_equal(length, 0);
}

static void bytes_with_nul_are_kept(void **state)
{
    (void)state;
    struct str_buffer buffer;
    str_buffer_init(&buffer, 16);
    assert_true(str_buffer_append(&buffer, "a\0b", 3));
    char *end = str_buffer_reserve(&buffer, 2);
    memcpy(end, "\0c", 2);
    str_buffer_advance(&buffer, 2);
    assert_int_equal(buffer.length, 5);
    assert_memory_equal(str_buffer_text(&buffer), "a\0b\0c", 6);
    str_buffer_release(&buffer);
}

static bool write_a_page(void *argument)
{
    (void)argument;
    struct str_buffer buffer;
    str_buffer_init(&buffer, 5000);
    for (int i = 0; i < 200; i++)
        str_buffer_printf(&buffer, "line %d\n", i);
    char *text = str_buffer_take(&buffer, NULL);
    bool worked = text != NULL;
    mem_free(text);
    return worked;
}

static void no_memory_fails_cleanly(void **state)
{
    (void)state;
    alloc_torture(write_a_page, NULL);
}

RUN_TESTS(cmocka_unit_test(an_empty_buffer_reads_as_empty_text), cmocka_unit_test(appends_add_up),
          cmocka_unit_test(the_maximum_is_reached_exactly_and_not_passed),
          cmocka_unit_test(a_failure_sticks_until_the_buffer_is_cleared),
          cmocka_unit_test(a_failed_buffer_hands_nothing_over), cmocka_unit_test(bytes_with_nul_are_kept),
          cmocka_unit_test(no_memory_fails_cleanly))
