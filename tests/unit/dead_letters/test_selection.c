/* What is asked for: read, refused in words, and which letters fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "dead_letters/selection.h"
#include "letters_test.h"

static void all_members_are_read(void **state)
{
    static const char text[] =
        "{\"letters\":[{\"partition\":1,\"offset\":9},{\"offset\":3,\"partition\":1}],\"group\":\"g\",\"rate\":5,\"limit\":7,\"attempts\":2,"
        "\"force\":true,\"again\":true,\"dry_run\":true,\"id\":\"n-1\",\"to\":\"t\",\"reason\":\"r\"}";
    struct selection selection;
    (void)state;
    assert_int_equal(0, selection_read(&selection, text, strlen(text), NULL));
    assert_int_equal(2, selection.place_count);
    assert_int_equal(3, selection.places[0].offset); /* sorted */
    assert_int_equal(9, selection.places[1].offset);
    assert_string_equal("g", selection.group);
    assert_int_equal(5, selection.rate);
    assert_int_equal(7, selection.limit);
    assert_int_equal(2, selection.attempts);
    assert_true(selection.force && selection.again && selection.is_trial);
    assert_string_equal("n-1", selection.id);
    assert_string_equal("t", selection.to);
    assert_true(selection_is_explicit(&selection));
    selection_release(&selection);
    assert_int_equal(0, selection_read(&selection, NULL, 0, NULL));
    assert_false(selection_is_explicit(&selection));
    assert_int_equal(SELECTION_ATTEMPTS, selection.attempts);
    selection_release(&selection);
}

#define ONE "\"letters\":[{\"partition\":0,\"offset\":1}],"

static void another_key_or_value_is_bytes_text_or_json(void **state)
{
    static const struct {
        const char *text;
        const char *value;
        size_t size;
    } ROWS[] = {{"{" ONE "\"value\":\"a\\u0000b\"}", "a\0b", 3}, {"{" ONE "\"value\":{\"a\": [1, 2.5]}}", "{\"a\": [1, 2.5]}", 15},
                {"{" ONE "\"value\":null}", NULL, 0}, {"{" ONE "\"value\":\"\"}", "", 0}, {"{" ONE "\"value_base64\":\"AAECAw==\"}", "\0\1\2\3", 4}};
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct selection selection;
        assert_int_equal(0, selection_read(&selection, ROWS[i].text, strlen(ROWS[i].text), NULL));
        assert_true(selection.edits_value);
        assert_false(selection.edits_key);
        assert_int_equal(ROWS[i].size, selection.value.size);
        assert_int_equal(ROWS[i].value == NULL, selection.value.data == NULL);
        if (ROWS[i].size > 0)
            assert_memory_equal(ROWS[i].value, selection.value.data, ROWS[i].size);
        selection_release(&selection);
    }
}

static void json_goes_back_as_it_was_written(void **state)
{
    static const char *const VALUES[] = {"{\"price\":1.1,\"e\":1e2}", "0.10", "[ 1.0E-5 , \"]}\\\"\" ]", "{\"b\":{\"value\":1},\"a\":\"\\u00e4\"}", "true"};
    static const char *const BODIES[] = {"{" ONE "\"value\":%s}", " { \"value\" : %s , " ONE "\"all\":false}",
                                         "{" ONE "\"key\":{\"value\":[7]},\"value\":%s\n}"};
    (void)state;
    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]) * 3; i++) {
        const char *value = VALUES[i / 3];
        struct selection selection;
        char text[200];
        const char *body = BODIES[i % 3], *at = strstr(body, "%s");
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - body), body, value, at + 2);
        assert_int_equal(0, selection_read(&selection, text, strlen(text), NULL));
        assert_int_equal(strlen(value), selection.value.size);
        assert_memory_equal(value, selection.value.data, strlen(value));
        selection_release(&selection);
    }
}

static void what_cannot_be_meant_is_refused_in_words(void **state)
{
    static const struct {
        const char *text, *words;
    } ROWS[] = {
        {"", "no JSON"},
        {"[]", "a selection is a JSON object"},
        {"{\"all\":true,\"all\":true}", "no JSON"},
        {"{\"al\":true}", "unknown member \"al\""},
        {"{\"all\":1}", "\"all\" must be true or false"},
        {"{\"group\":\"\"}", "\"group\" must be a text"},
        {"{\"group\":\"a\\u0000b\"}", "\"group\" must be a text"},
        {"{\"limit\":0}", "\"limit\" must be a whole number from 1 to 1000000"},
        {"{\"rate\":1.5}", "\"rate\" must be a whole number"},
        {"{\"letters\":[]}", "\"letters\" must be a list"},
        {"{\"letters\":[{\"partition\":0}]}", "letters[0] must be"},
        {"{\"letters\":[{\"partition\":0,\"offset\":1},{\"partition\":-1,\"offset\":1}]}", "letters[1] must be"},
        {"{\"letters\":[{\"partition\":0,\"offset\":1,\"x\":1}]}", "letters[0] must be"},
        {"{\"header_value\":\"v\"}", "goes with \"header\""},
        {"{\"from\":3}", "goes with \"partition\""},
        {"{\"id\":\"a b\"}", "\"id\" has at most 64"},
        {"{\"to\":\"a/b\"}", "\"to\" is no name of a topic"},
        {"{\"all\":true,\"value\":\"1\"}", "for one letter"},
        {"{" ONE "\"value\":\"1\",\"value_base64\":\"AA==\"}", "give the bytes once"},
        {"{" ONE "\"value\":null,\"value_base64\":\"AA==\"}", "give the bytes once"},
        {"{" ONE "\"key_base64\":\"A\"}", "must be a text in base64"},
        {"{" ONE "\"v\\u0061lue\":1}", "without escapes"},
        {"{" ONE "\"value\":123456789012345678901234567890}", "no JSON"},
    };
    (void)state;
    mem_watch_start(MEM_NEVER_FAIL);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct selection selection;
        struct mr_error *error = NULL;
        assert_int_equal(-1, selection_read(&selection, ROWS[i].text, strlen(ROWS[i].text), &error));
        assert_int_equal(MR_ERR_CONFIG, mr_error_code(error));
        if (strstr(mr_error_message(error), ROWS[i].words) == NULL)
            fail_msg("%s: %s", ROWS[i].text, mr_error_message(error));
        mr_error_drop(error);
    }
    assert_int_equal(0, mem_live());
    mem_watch_stop();
}

static void without_memory_nothing_is_left(void **state)
{
    static const char text[] = "{\"group\":\"g\"," ONE "\"key\":\"k\",\"value_base64\":\"AAEC\",\"to\":\"t\"}";
    int status = -1;
    (void)state;
    for (int64_t works = 0; status != 0; works++) {
        struct selection selection;
        mem_watch_start(works);
        status = selection_read(&selection, text, strlen(text), NULL);
        if (status == 0)
            selection_release(&selection);
        assert_int_equal(0, mem_live());
        mem_watch_stop();
    }
}

/* ---- fitting ---- */

static void a_letter_fits_when_all_that_is_given_does(void **state)
{
    const struct topic_tail_header headers[] = {HEADER("h", "x"), HEADER("h", "y"), CONTEXT("topic", "orders"), CONTEXT("stage", "TASK_PUT"),
                                                CONTEXT("class.name", "c.C"), CONTEXT("exception.class.name", "e.E")};
    struct topic_tail_record record = RECORD("k", "v", headers);
    struct letter_view view;
    static const struct {
        const char *text;
        bool fits;
    } ROWS[] = {
        {"{}", true},
        {"{\"all\":true}", true},
        {"{\"stage\":\"TASK_PUT\",\"class\":\"c.C\",\"exception\":\"e.E\",\"topic\":\"orders\"}", true},
        {"{\"stage\":\"TASK_PUT\",\"class\":\"c.D\"}", false},
        {"{\"exception\":\"e\"}", false},
        {"{\"topic\":\"order\"}", false},
        {"{\"header\":\"h\"}", true},
        {"{\"header\":\"h\",\"header_value\":\"y\"}", true},
        {"{\"header\":\"h\",\"header_value\":\"z\"}", false},
        {"{\"header\":\"g\"}", false},
        {"{\"since\":1700000000000,\"until\":1700000000001}", true},
        {"{\"since\":1700000000001}", false},
        {"{\"until\":1700000000000}", false},
        {"{\"partition\":2,\"from\":41,\"before\":42}", true},
        {"{\"partition\":1}", false},
        {"{\"partition\":2,\"from\":42}", false},
        {"{\"before\":41}", false},
        {"{\"letters\":[{\"partition\":2,\"offset\":41},{\"partition\":0,\"offset\":1}]}", true},
        {"{\"letters\":[{\"partition\":2,\"offset\":40},{\"partition\":41,\"offset\":2}]}", false},
        {"{\"group\":\"0000000000000000\"}", false},
    };
    (void)state;
    letter_view_read(&view, &record);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct selection selection;
        assert_int_equal(0, selection_read(&selection, ROWS[i].text, strlen(ROWS[i].text), NULL));
        if (selection_fits(&selection, &view) != ROWS[i].fits)
            fail_msg("%s", ROWS[i].text);
        selection_release(&selection);
    }
}

/* One letter of a million is found without reading those behind it. */
static void reading_ends_where_nothing_can_fit_any_more(void **state)
{
    static const struct {
        const char *text;
        bool is_past;
        int64_t from; /* -1: of more than one partition */
    } ROWS[] = {
        {"{\"letters\":[{\"partition\":2,\"offset\":40},{\"partition\":2,\"offset\":7}]}", true, 7},
        {"{\"letters\":[{\"partition\":2,\"offset\":41}]}", false, 41},
        {"{\"letters\":[{\"partition\":2,\"offset\":40},{\"partition\":3,\"offset\":7}]}", false, -1},
        {"{\"letters\":[{\"partition\":2,\"offset\":90},{\"partition\":3,\"offset\":7}],\"partition\":2}", false, 0},
        {"{\"letters\":[{\"partition\":1,\"offset\":90},{\"partition\":2,\"offset\":50}],\"partition\":2}", false, 0},
        {"{\"letters\":[{\"partition\":1,\"offset\":40}]}", false, 40},
        {"{\"partition\":2,\"before\":41}", true, 0},
        {"{\"partition\":2,\"before\":42,\"from\":30}", false, 30},
        {"{\"before\":41}", false, -1}, /* other partitions are read as well */
        {"{}", false, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct selection selection;
        assert_int_equal(0, selection_read(&selection, ROWS[i].text, strlen(ROWS[i].text), NULL));
        int32_t partition;
        int64_t from;
        bool is_one = selection_is_of_one(&selection, &partition, &from);
        if (selection_is_past(&selection, 2, 41) != ROWS[i].is_past || is_one != (ROWS[i].from != -1) || (is_one && from != ROWS[i].from))
            fail_msg("%s", ROWS[i].text);
        selection_release(&selection);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_members_are_read),
        cmocka_unit_test(another_key_or_value_is_bytes_text_or_json),
        cmocka_unit_test(json_goes_back_as_it_was_written),
        cmocka_unit_test(what_cannot_be_meant_is_refused_in_words),
        cmocka_unit_test(without_memory_nothing_is_left),
        cmocka_unit_test(a_letter_fits_when_all_that_is_given_does),
        cmocka_unit_test(reading_ends_where_nothing_can_fit_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
