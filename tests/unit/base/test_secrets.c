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

static void note_as(const char *connector, const char *text)
{
    struct log_context context;
    log_context_push(&context, connector, -1);
    secrets_note(text);
    log_context_pop(&context);
}

static void a_huge_secret_takes_little_room(void **state)
{
    (void)state;
    static char huge[(1 << 20) + 1];
    char secret[32], part[65] = "";
    for (unsigned i = 0; i < SECRETS_MAX / 4; i++) {
        snprintf(secret, sizeof(secret), "secret-%08u", i);
        secrets_note(secret);
    }
    size_t before = secrets_beginnings();
    for (size_t i = 0; i < sizeof(huge) - 1; i += 8)
        snprintf(huge + i, 9, "%08zx", i);
    secrets_note(huge);
    assert_true(secrets_beginnings() <= before + 2 * SECRETS_ENDS / SECRETS_PIECE + 1);
    memcpy(part, huge, 64);
    assert_shown(part, "[hidden]");
    memcpy(part, huge + sizeof(huge) - 1 - 64, 64);
    assert_shown(part, "[hidden]");
}

static void a_private_key_is_hidden_whole(void **state)
{
    (void)state;
    char key[2 * SECRETS_ENDS + 1] = "";
    for (size_t i = 0; i < sizeof(key) - 1; i += 8)
        snprintf(key + i, 9, "%08zx", i * 2654435761u % 4294967291u);
    secrets_note(key);
    assert_shown(key, "[hidden]");
}

/* As many distinct ones as would push out all, three times over. */
static void note_a_flood(const char *connector)
{
    char secret[32];
    for (unsigned i = 0; i < 3 * SECRETS_MAX; i++) {
        snprintf(secret, sizeof(secret), "flood-%08u", i);
        if (connector == NULL)
            secrets_note(secret);
        else
            note_as(connector, secret);
    }
}

static void nobody_pushes_out_what_another_connector_runs_with(void **state)
{
    (void)state;
    secrets_note("the-workers-own");
    note_as("quiet", "s3cr3t-of-quiet");
    note_a_flood("loud");
    assert_shown("the-workers-own", "[hidden]");
    assert_shown("s3cr3t-of-quiet", "[hidden]");
}

#define RUNNING (SECRETS_MAX / 64) /* so few that no bucket is full of them, whatever the base of the fingerprints */

static void what_is_only_tried_pushes_out_nothing_that_runs(void **state)
{
    (void)state;
    char secret[32];
    bool before = secrets_trial(true);
    secrets_note("tried-then-run");
    secrets_trial(before);
    note_as("busy", "tried-then-run");
    for (unsigned i = 0; i < RUNNING; i++) {
        snprintf(secret, sizeof(secret), "secret-%08u", i);
        note_as("busy", secret);
    }
    before = secrets_trial(true);
    note_a_flood(NULL);
    assert_true(secrets_trial(before));
    assert_shown("tried-then-run", "[hidden]");
    for (unsigned i = 0; i < RUNNING; i++) {
        snprintf(secret, sizeof(secret), "secret-%08u", i);
        assert_shown(secret, "[hidden]");
    }
}

static void what_was_pushed_out_costs_nothing_any_more(void **state)
{
    (void)state;
    char secret[32];
    for (unsigned i = 0; i < 20 * SECRETS_MAX; i++) {
        snprintf(secret, sizeof(secret), "%08x-secret", i * 2654435761u);
        secrets_note(secret);
    }
    assert_true(secrets_beginnings() <= SECRETS_MAX);
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
        cmocka_unit_test_setup(a_huge_secret_takes_little_room, forget),
        cmocka_unit_test_setup(a_private_key_is_hidden_whole, forget),
        cmocka_unit_test_setup(nobody_pushes_out_what_another_connector_runs_with, forget),
        cmocka_unit_test_setup(what_is_only_tried_pushes_out_nothing_that_runs, forget),
        cmocka_unit_test_setup(what_was_pushed_out_costs_nothing_any_more, forget),
        cmocka_unit_test_setup(no_log_line_holds_one, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
