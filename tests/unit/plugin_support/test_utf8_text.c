/* utf8_text: what is valid stays as it is, what is not becomes U+FFFD, wherever it stands in a text of whatever length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "utf8_text.h"

#define LENGTH_MAX 80u /* two and a half times what is looked at at once */
#define REPLACEMENT "\xEF\xBF\xBD"

static struct mr_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = mr_arena_create(1 << 24);
    return arena == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    mr_arena_destroy(arena);
    return 0;
}

/* In memory of just that size, so that the sanitizer sees a byte too many. */
static char *text_of(size_t length)
{
    char *text = malloc(length > 0 ? length : 1);
    assert_non_null(text);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + i % 26);
    return text;
}

static void ascii_is_left_where_it_is(void **state)
{
    (void)state;
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        char *text = text_of(length);
        struct mr_bytes valid = utf8_text_repair(arena, (struct mr_bytes){.data = text, .size = length});
        assert_ptr_equal(valid.data, text);
        assert_int_equal(valid.size, length);
        free(text);
    }
}

static void characters_of_several_bytes_are_left_where_they_are(void **state)
{
    static const char *const characters[] = {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(characters[i]);
        for (size_t length = size; length <= LENGTH_MAX; length++)
            for (size_t at = 0; at + size <= length; at++) {
                char *text = text_of(length);
                memcpy(text + at, characters[i], size);
                struct mr_bytes valid = utf8_text_repair(arena, (struct mr_bytes){.data = text, .size = length});
                assert_ptr_equal(valid.data, text);
                assert_int_equal(valid.size, length);
                free(text);
            }
    }
}

static void a_byte_that_is_none_is_replaced_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t length = 1; length <= LENGTH_MAX; length++)
        for (size_t at = 0; at < length; at++) {
            char *text = text_of(length), expected[LENGTH_MAX + 3];
            memcpy(expected, text, at);
            memcpy(expected + at, REPLACEMENT, 3);
            memcpy(expected + at + 3, text + at + 1, length - at - 1);
            text[at] = (char)0xFF;
            struct mr_bytes repaired = utf8_text_repair(arena, (struct mr_bytes){.data = text, .size = length});
            assert_int_equal(repaired.size, length + 2);
            assert_memory_equal(repaired.data, expected, repaired.size);
            free(text);
        }
}

static void a_character_that_is_cut_off_is_replaced_once(void **state)
{
    (void)state;
    for (size_t length = 3; length <= LENGTH_MAX; length++) {
        char *text = text_of(length), expected[LENGTH_MAX + 3];
        memcpy(text + length - 3, "\xF0\x9F\x98", 3);
        memcpy(expected, text, length - 3);
        memcpy(expected + length - 3, REPLACEMENT, 3);
        struct mr_bytes repaired = utf8_text_repair(arena, (struct mr_bytes){.data = text, .size = length});
        assert_int_equal(repaired.size, length);
        assert_memory_equal(repaired.data, expected, length);
        free(text);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ascii_is_left_where_it_is),
        TEST(characters_of_several_bytes_are_left_where_they_are),
        TEST(a_byte_that_is_none_is_replaced_wherever_it_stands),
        TEST(a_character_that_is_cut_off_is_replaced_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
