/* Secrets are hidden wherever they stand in a text, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/log_sink.h"
#include "base/secrets.h"

static int forget(void **state)
{
    (void)state;
    secrets_forget();
    return 0;
}

static void assert_shown(const char *text, const char *shown)
{
    char *copy = strdup(text);
    secrets_hide_text(copy);
    assert_string_equal(copy, shown);
    free(copy);
}

static void a_secret_is_hidden_wherever_it_stands(void **state)
{
    (void)state;
    secrets_note("s3cr3t-one");
    secrets_note("another\xc3\xa9secret");
    assert_shown("s3cr3t-one", "[hidden]");
    assert_shown("login with s3cr3t-one failed", "login with [hidden] failed");
    assert_shown("s3cr3t-ones3cr3t-one,s3cr3t-one", "[hidden],[hidden]");
    assert_shown("another\xc3\xa9secret and s3cr3t-one", "[hidden] and [hidden]");
    assert_shown("s3cr3t-on s3cr3t-One s3cr3t", "s3cr3t-on s3cr3t-One s3cr3t");
    assert_shown("", "");
}

static void texts_that_stand_anywhere_are_no_secrets(void **state)
{
    (void)state;
    secrets_note(NULL);
    secrets_note("");
    secrets_note("short");
    secrets_note("1234567  \n");
    assert_shown("short 1234567  \n", "short 1234567  \n");
    secrets_note("12345678\n");
    assert_shown("12345678!", "[hidden]!");
}

static void of_secrets_that_overlap_nothing_remains(void **state)
{
    (void)state;
    secrets_note("abcdefghij");
    secrets_note("ghijklmnop");
    secrets_note("abcdefghijkl");
    assert_shown("<abcdefghijklmnop>", "<[hidden]>");
}

static void a_long_secret_is_hidden_whole_and_in_part(void **state)
{
    (void)state;
    char secret[201], text[400], half[300];
    for (size_t i = 0; i < sizeof(secret) - 1; i++)
        secret[i] = (char)('a' + (i * i + i / 7) % 26);
    secret[sizeof(secret) - 1] = '\0';
    secrets_note(secret);
    snprintf(text, sizeof(text), "<%s>", secret);
    assert_shown(text, "<[hidden]>");
    snprintf(half, sizeof(half), "%.128s!", secret);
    assert_shown(half, "[hidden]!");
}

static void every_place_of_a_long_text_is_looked_at(void **state)
{
    (void)state;
    static char text[20001];
    secrets_note("needle-in-a-haystack");
    for (size_t at = 4000; at < 4200; at++) {
        memset(text, '.', sizeof(text) - 1);
        memcpy(text + at, "needle-in-a-haystack", 20);
        memcpy(text + at + 4050, "needle-in-a-haystack", 20);
        memcpy(text + 19980, "needle-in-a-haystack", 20);
        size_t length = secrets_hide(text, sizeof(text) - 1);
        assert_int_equal(length, 20000 - 3 * 12);
        assert_memory_equal(text + at - 1, ".[hidden].", 10);
        assert_memory_equal(text + length - 9, ".[hidden]", 9);
        assert_null(memmem(text, length, "needle", 6));
    }
}

static void a_text_of_nothing_but_secrets_shrinks_to_one_mark_a_look(void **state)
{
    (void)state;
    static char text[16001];
    secrets_note("12345678");
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char)('1' + i % 8);
    secrets_hide_text(text);
    assert_null(strstr(text, "12345678"));
    assert_true(strlen(text) < 200);
}

static void when_there_are_too_many_the_newest_are_known(void **state)
{
    (void)state;
    char secret[32];
    for (unsigned i = 0; i < 3 * SECRETS_MAX; i++) {
        snprintf(secret, sizeof(secret), "secret-%08u", i);
        secrets_note(secret);
    }
    assert_shown(secret, "[hidden]");
}

static void keep_line(void *state, const struct log_line *line)
{
    snprintf(state, 200, "%.*s", (int)line->message_length, line->message);
}

static void no_log_line_holds_one(void **state)
{
    (void)state;
    char line[200] = "";
    const struct log_sink sink = {keep_line, line};
    log_sink_set(&sink);
    secrets_note("s3cr3t-one");
    log_error("test", "refused: user=%s password=%s", "ada", "s3cr3t-one");
    log_sink_set(NULL);
    assert_string_equal(line, "refused: user=ada password=[hidden]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_secret_is_hidden_wherever_it_stands, forget),
        cmocka_unit_test_setup(texts_that_stand_anywhere_are_no_secrets, forget),
        cmocka_unit_test_setup(of_secrets_that_overlap_nothing_remains, forget),
        cmocka_unit_test_setup(a_long_secret_is_hidden_whole_and_in_part, forget),
        cmocka_unit_test_setup(every_place_of_a_long_text_is_looked_at, forget),
        cmocka_unit_test_setup(a_text_of_nothing_but_secrets_shrinks_to_one_mark_a_look, forget),
        cmocka_unit_test_setup(when_there_are_too_many_the_newest_are_known, forget),
        cmocka_unit_test_setup(no_log_line_holds_one, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
