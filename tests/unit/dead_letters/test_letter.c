/* What a record of a letter topic says of itself, and what it is made to say by somebody who means harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "letters_test.h"

static void the_context_is_read(void **state)
{
    const struct topic_tail_header headers[] = {
        HEADER("h", "1"),           CONTEXT("topic", "orders"), CONTEXT("partition", "7"),
        CONTEXT("offset", "12345678901"), CONTEXT("connector.name", "sink"),  CONTEXT("task.id", "3"),
        CONTEXT("stage", "VALUE_CONVERTER"), CONTEXT("class.name", "c.C"),  CONTEXT("exception.class.name", "e.E"),
        {LETTER_CONTEXT_PREFIX "exception.message", {NULL, 0}}};
    struct topic_tail_record record = RECORD("k", "v", headers);
    struct letter_view view;
    (void)state;
    letter_view_read(&view, &record);
    assert_string_equal("orders", view.topic);
    assert_int_equal(7, view.partition);
    assert_int_equal(12345678901, view.offset);
    assert_true(letter_field_is(&view, LETTER_STAGE, "VALUE_CONVERTER"));
    assert_true(letter_field_is(&view, LETTER_CONNECTOR, "sink"));
    assert_false(letter_field_is(&view, LETTER_CONNECTOR, "sin"));
    assert_false(letter_field_is(&view, LETTER_MESSAGE, ""));
    assert_int_equal(0, view.attempts);
    assert_false(letter_view_is_added(&view, 0));
    for (size_t i = 1; i < record.header_count; i++)
        assert_true(letter_view_is_added(&view, i));
}

/* The letter of a sink that reads a letter topic: the record's own context stays its own. */
static void the_context_is_what_was_added_last(void **state)
{
    const struct topic_tail_header headers[] = {CONTEXT("topic", "orders"), CONTEXT("offset", "1"), HEADER("h", "x"),
                                                CONTEXT("topic", "orders-dlq"), HEADER("z", "y"), CONTEXT("offset", "2")};
    struct topic_tail_record record = RECORD("k", "v", headers);
    struct letter_view view;
    (void)state;
    letter_view_read(&view, &record);
    assert_string_equal("orders-dlq", view.topic);
    assert_int_equal(2, view.offset);
    const bool added[] = {false, false, false, true, false, true};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(added[i], letter_view_is_added(&view, i));
}

static void a_letter_without_context_says_nothing(void **state)
{
    const struct topic_tail_header headers[] = {HEADER("h", "1")};
    struct topic_tail_record record = RECORD(NULL, NULL, headers);
    struct letter_view view;
    (void)state;
    letter_view_read(&view, &record);
    assert_string_equal("", view.topic);
    assert_int_equal(-1, view.partition);
    assert_int_equal(-1, view.offset);
    assert_null(view.fields[LETTER_STAGE].data);
    assert_false(letter_view_is_added(&view, 0));
    assert_int_equal(16, strlen(view.group));
}

static void what_is_not_of_its_form_is_not_believed(void **state)
{
    static const char *const topics[] = {"", ".", "..", "a/b", "a b", "\xff"};
    static const char *const numbers[] = {"", "-1", "+1", "1x", " 1", "9223372036854775808", "00000000000000000000000001"};
    (void)state;
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
        assert_false(letter_topic_is_valid(topics[i], strlen(topics[i])));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct topic_tail_header headers[] = {{LETTER_CONTEXT_PREFIX "partition", bytes_of(numbers[i])},
                                                    {LETTER_CONTEXT_PREFIX "offset", bytes_of(numbers[i])}};
        struct topic_tail_record record = RECORD("k", "v", headers);
        struct letter_view view;
        letter_view_read(&view, &record);
        assert_int_equal(-1, view.partition);
        assert_int_equal(-1, view.offset);
    }
    const struct topic_tail_header large[] = {CONTEXT("partition", "2147483648"), CONTEXT("offset", "9223372036854775807")};
    struct topic_tail_record record = RECORD("k", "v", large);
    struct letter_view view;
    letter_view_read(&view, &record);
    assert_int_equal(-1, view.partition);
    assert_int_equal(INT64_MAX, view.offset);
}

static void the_last_mark_counts_and_an_unreadable_one_is_unknown(void **state)
{
    static const struct {
        const char *mark;
        int32_t attempts;
        const char *id;
    } ROWS[] = {{"{\"id\":\"night\",\"attempt\":2}", 2, "night"}, {"{\"attempt\":1}", 1, ""},
                {"{\"attempt\":0}", LETTER_ATTEMPTS_UNKNOWN, ""},  {"{\"attempt\":\"1\"}", LETTER_ATTEMPTS_UNKNOWN, ""},
                {"{\"attempt\":2147483647}", LETTER_ATTEMPTS_UNKNOWN, ""}, {"[]", LETTER_ATTEMPTS_UNKNOWN, ""},
                {"", LETTER_ATTEMPTS_UNKNOWN, ""}, {"{", LETTER_ATTEMPTS_UNKNOWN, ""}};
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        const struct topic_tail_header headers[] = {MARK("{\"id\":\"old\",\"attempt\":9}"), {LETTER_MARK_HEADER, bytes_of(ROWS[i].mark)}};
        struct topic_tail_record record = RECORD("k", "v", headers);
        struct letter_view view;
        letter_view_read(&view, &record);
        assert_int_equal(ROWS[i].attempts, view.attempts);
        assert_string_equal(ROWS[i].id, view.replay);
        assert_true(letter_view_is_added(&view, 0));
    }
}

/* A topic that was made anew has other letters at the same offsets. */
static void the_print_tells_letters_apart(void **state)
{
    const struct topic_tail_header headers[] = {HEADER("h", "1")};
    struct topic_tail_record records[] = {RECORD("k", "v", headers), RECORD("kv", "", headers), RECORD("", "kv", headers),
                                          RECORD(NULL, "kv", headers), RECORD("k", NULL, headers), RECORD("k", "v", headers)};
    struct letter_view one, other;
    (void)state;
    records[5].timestamp_ms++;
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++) {
            letter_view_read(&one, &records[i]);
            letter_view_read(&other, &records[j]);
            assert_int_equal(i == j, one.print == other.print);
        }
}

/* ---- causes ---- */

static void messages_of_one_cause_are_equal(void **state)
{
    static const struct {
        const char *message, *words;
    } ROWS[] = {
        {"record 17 is too large (1048577 bytes)", "record # is too large (# bytes)"},
        {"field 'amount' of \"orders\" can't be read", "field '...' of \"...\" can't be read"},
        {"id 3f2a-77bc-01 at 0xDEADBEEF", "id # at #"},
        {"utf8 of task12b3", "utf# of task#b#"},
        {"it answered 404: gone 404", "it answered 404: gone #"},
        {"status 503, HTTP 200, status 777, status 4040", "status 503, HTTP 200, status #, status #"},
        {"an open 'quote", "an open 'quote"},
        {"a\nb\xff", "a b?"},
        {"n\xC3\xA4h", "n\xC3\xA4h"},
        {"face of a cafe", "face of a cafe"},
        {"", ""},
    };
    char words[CAUSE_MESSAGE_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        cause_message(bytes_of(ROWS[i].message), words);
        assert_string_equal(ROWS[i].words, words);
    }
    cause_message((struct mr_bytes){.data = NULL}, words);
    assert_string_equal("", words);
    char *large = malloc(100000);
    memset(large, 'x', 100000);
    cause_message((struct mr_bytes){.data = large, .size = 100000}, words);
    assert_true(strlen(words) < CAUSE_MESSAGE_MAX);
    free(large);
}

static void groups_differ_by_stage_class_exception_and_message(void **state)
{
    const struct topic_tail_header rows[][4] = {
        {CONTEXT("stage", "A"), CONTEXT("class.name", "B"), CONTEXT("exception.class.name", "C"), CONTEXT("exception.message", "no 1")},
        {CONTEXT("stage", "A"), CONTEXT("class.name", "B"), CONTEXT("exception.class.name", "C"), CONTEXT("exception.message", "no 22")},
        {CONTEXT("stage", "X"), CONTEXT("class.name", "B"), CONTEXT("exception.class.name", "C"), CONTEXT("exception.message", "no 1")},
        {CONTEXT("stage", "AB"), CONTEXT("class.name", ""), CONTEXT("exception.class.name", "C"), CONTEXT("exception.message", "no 1")},
        {CONTEXT("stage", "A"), CONTEXT("class.name", "B"), CONTEXT("exception.class.name", "D"), CONTEXT("exception.message", "no 1")},
        {CONTEXT("stage", "A"), CONTEXT("class.name", "B"), CONTEXT("exception.class.name", "C"), CONTEXT("exception.message", "yes")}};
    char groups[6][LETTER_GROUP_SIZE];
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct topic_tail_record record = record_of("k", "v", rows[i], 4);
        struct letter_view view;
        letter_view_read(&view, &record);
        memcpy(groups[i], view.group, sizeof(groups[i]));
    }
    assert_string_equal(groups[0], groups[1]);
    for (size_t i = 2; i < 6; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(groups[i], groups[j]);
    assert_string_equal("a5a93740032229af", groups[0]); /* it may be written down: it never changes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_context_is_read),
        cmocka_unit_test(the_context_is_what_was_added_last),
        cmocka_unit_test(a_letter_without_context_says_nothing),
        cmocka_unit_test(what_is_not_of_its_form_is_not_believed),
        cmocka_unit_test(the_last_mark_counts_and_an_unreadable_one_is_unknown),
        cmocka_unit_test(the_print_tells_letters_apart),
        cmocka_unit_test(messages_of_one_cause_are_equal),
        cmocka_unit_test(groups_differ_by_stage_class_exception_and_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
