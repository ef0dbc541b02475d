/* What lies in a letter topic, on the mock cluster: pages, causes, marks, one letter. Replays need real brokers:
 * tests/system/test_dead_letters.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "../kafka/mock.h"
#include "base/thread.h"
#include "config/connector_config.h"
#include "dead_letters/dead_letters_internal.h"
#include "kafka/graveyard.h"
#include "letters_test.h"
#include "unwrapped.h"

#define SOON_MS 20000
#define PARTITIONS 2
#define LETTERS 15 /* a partition */
#define FIRST_MS 1700000000000

struct fixture {
    struct mock mock;
    struct connector_config config;
    struct dead_letters letters;
};

static rd_kafka_t *open_producer(struct mock *mock)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock->cluster), words, sizeof words);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
}

/* Every third failed in a converter, the others in the sink. */
static void write_letters(struct mock *mock)
{
    rd_kafka_t *rk = open_producer(mock);
    for (int i = 0; i < LETTERS * PARTITIONS; i++) {
        char value[32], message[64];
        int length = snprintf(value, sizeof value, "%d", i), words = snprintf(message, sizeof message, "row %d is refused", i);
        const char *stage = i % 3 == 0 ? "VALUE_CONVERTER" : "TASK_PUT";
        assert_int_equal(0, rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("bad"), RD_KAFKA_V_PARTITION(i % PARTITIONS),
                                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, (size_t)length),
                                              RD_KAFKA_V_TIMESTAMP(FIRST_MS + i), RD_KAFKA_V_HEADER(LETTER_CONTEXT_PREFIX "stage", stage, -1),
                                              RD_KAFKA_V_HEADER(LETTER_CONTEXT_PREFIX "exception.message", message, words), RD_KAFKA_V_END));
    }
    assert_int_equal(0, rd_kafka_flush(rk, SOON_MS));
    rd_kafka_destroy(rk);
}

static void write_mark(struct fixture *fixture, int32_t partition, int64_t offset, const char *state)
{
    char value[160], key[MARKS_KEY_MAX], text[16];
    int i = (int)offset * PARTITIONS + partition;
    struct letter_view view;
    snprintf(text, sizeof text, "%d", i);
    struct topic_tail_record record = {.value = bytes_of(text), .timestamp_ms = FIRST_MS + i};
    letter_view_read(&view, &record);
    marks_letter_key(key, partition, offset);
    snprintf(value, sizeof value, "{\"state\":\"%s\",\"id\":\"night\",\"print\":\"%016llx\"}", state, (unsigned long long)view.print);
    rd_kafka_t *rk = open_producer(&fixture->mock);
    assert_int_equal(0, rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("bad.marks"), RD_KAFKA_V_PARTITION(0),
                                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, strlen(key)),
                                          RD_KAFKA_V_VALUE(value, strlen(value)), RD_KAFKA_V_END));
    assert_int_equal(0, rd_kafka_flush(rk, SOON_MS));
    rd_kafka_destroy(rk);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    mock_open(&fixture->mock);
    assert_int_equal(0, rd_kafka_mock_topic_create(fixture->mock.cluster, "bad", PARTITIONS, 1));
    write_letters(&fixture->mock);
    fixture->config = (struct connector_config){.kind = CONNECTOR_SOURCE, .name = "files"};
    fixture->letters = (struct dead_letters){
        .config = &fixture->config,
        .topic = "bad",
        .marks_topic = "bad.marks",
        .deadline_ms = deadline_after_ms(SOON_MS),
        .graveyard = graveyard_create(NULL),
        .consumer = mock_config(&fixture->mock, CLIENT_CONSUMER, "g", "fetch.max.wait.ms=10\nallow.auto.create.topics=false\n"),
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    client_config_drop(fixture->letters.consumer);
    graveyard_destroy(fixture->letters.graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    free(fixture);
    return 0;
}

static json_t *list(struct fixture *fixture, const char *text)
{
    struct selection selection;
    struct mr_error *error = NULL;
    assert_int_equal(0, selection_read(&selection, text, strlen(text), NULL));
    json_t *json = dead_letters_list(&fixture->letters, &selection, &error);
    if (json == NULL)
        fail_msg("%s", mr_error_message(error));
    selection_release(&selection);
    return json;
}

static int64_t number_in(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static void causes_are_counted_and_the_newest_letters_stand_first(void **state)
{
    json_t *json = list(*state, "{\"limit\":6}");
    const json_t *groups = json_object_get(json, "groups"), *rows = json_object_get(json, "letters");
    assert_int_equal(LETTERS * PARTITIONS, number_in(json, "count"));
    assert_int_equal(LETTERS * PARTITIONS, number_in(json, "open"));
    assert_true(json_is_true(json_object_get(json, "complete")));
    assert_int_equal(2, json_array_size(groups));
    assert_int_equal(20, number_in(json_array_get(groups, 0), "count"));
    assert_string_equal("TASK_PUT", json_string_value(json_object_get(json_array_get(groups, 0), "stage")));
    assert_string_equal("row # is refused", json_string_value(json_object_get(json_array_get(groups, 0), "message")));
    assert_int_equal(FIRST_MS + 1, number_in(json_array_get(groups, 0), "first"));
    assert_int_equal(FIRST_MS + 29, number_in(json_array_get(groups, 0), "last"));
    assert_int_equal(10, number_in(json_array_get(groups, 1), "count"));
    assert_int_equal(6, json_array_size(rows));
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(LETTERS - 1 - (int)i / PARTITIONS, number_in(json_array_get(rows, i), "offset"));
        assert_int_equal(1 - i % PARTITIONS, number_in(json_array_get(rows, i), "partition"));
    }
    json_decref(json);
}

static void a_page_goes_upwards_from_an_offset(void **state)
{
    json_t *json = list(*state, "{\"partition\":1,\"from\":5,\"limit\":3}");
    const json_t *rows = json_object_get(json, "letters");
    assert_int_equal(3, json_array_size(rows));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(5 + i, number_in(json_array_get(rows, i), "offset"));
    assert_true(json_is_false(json_object_get(json, "complete")));
    json_decref(json);
    json = list(*state, "{\"partition\":1,\"before\":2}");
    assert_int_equal(2, number_in(json, "count"));
    assert_int_equal(2, number_in(json, "seen"));
    json_decref(json);
    json = list(*state, "{\"letters\":[{\"partition\":0,\"offset\":3},{\"partition\":1,\"offset\":1}],\"partition\":1}");
    assert_int_equal(1, number_in(json, "count"));
    json_decref(json);
}

static void marks_tell_what_became_of_a_letter(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_topic_create(fixture->mock.cluster, "bad.marks", 1, 1);
    write_mark(fixture, 0, 3, "replayed");
    write_mark(fixture, 1, 4, "discarded");
    write_mark(fixture, 1, 4, "replayed");
    write_mark(fixture, 1, 5, "discarded");
    json_t *json = list(fixture, "{}");
    assert_int_equal(LETTERS * PARTITIONS - 3, number_in(json, "open"));
    assert_int_equal(2, number_in(json, "replayed"));
    assert_int_equal(1, number_in(json, "discarded"));
    json_decref(json);
    json = dead_letters_show(&fixture->letters, 1, 4, NULL);
    assert_string_equal("replayed", json_string_value(json_object_get(json, "state")));
    assert_string_equal("night", json_string_value(json_object_get(json, "replay")));
    assert_string_equal("9", json_string_value(json_object_get(json_object_get(json, "value"), "text")));
    assert_non_null(strstr(json_string_value(json_object_get(json_object_get(json, "pipeline"), "error")), "of a source"));
    json_decref(json);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    assert_null(dead_letters_show(&fixture->letters, 0, LETTERS, &error));
    assert_int_equal(MR_ERR_NOT_FOUND, mr_error_code(error));
    mr_error_clear(&error);
    assert_null(dead_letters_show(&fixture->letters, PARTITIONS, 0, &error));
    assert_int_equal(MR_ERR_NOT_FOUND, mr_error_code(error));
    mr_error_clear(&error);
    assert_null(dead_letters_find_replay(&fixture->letters, "night", &error));
    assert_int_equal(MR_ERR_NOT_FOUND, mr_error_code(error));
    mr_error_clear(&error);
    fixture->letters.topic = "none";
    assert_null(dead_letters_show(&fixture->letters, 0, 0, &error));
    assert_int_equal(MR_ERR_NOT_FOUND, mr_error_code(error));
    mr_error_drop(error);
}

/* The first bytes of a text of two-byte letters. */
static void assert_cut(const json_t *json, const char *name, size_t size)
{
    const json_t *text = json_object_get(json, name);
    assert_int_equal(size, json_string_length(text));
}

static void a_row_shows_the_beginning_of_long_texts_and_a_letter_all_of_them(void **state)
{
    static char words[100001];
    (void)state;
    for (size_t i = 0; i < sizeof(words) - 1; i++)
        words[i] = "x\303\244"[i == 0 ? 0 : 2 - i % 2];
    words[sizeof(words) - 2] = 'x';
    const struct topic_tail_header headers[] = {CONTEXT("topic", "t"), {LETTER_CONTEXT_PREFIX "exception.message", bytes_of(words)},
                                                {LETTER_CONTEXT_PREFIX "exception.class.name", bytes_of(words)}};
    const struct topic_tail_record record = RECORD("k", "v", headers);
    struct letter_view view;
    letter_view_read(&view, &record);
    json_t *row = letter_json_row(&view, NULL), *whole = letter_json_whole(&view, NULL);
    assert_cut(row, "message", DEAD_LETTERS_ROW_TEXT_MAX - 1); /* no half letter */
    assert_cut(row, "exception", DEAD_LETTERS_ROW_TEXT_MAX - 1);
    assert_cut(whole, "message", sizeof(words) - 1);
    json_decref(row);
    json_decref(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(causes_are_counted_and_the_newest_letters_stand_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_goes_upwards_from_an_offset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(marks_tell_what_became_of_a_letter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_found, set_up, tear_down),
        cmocka_unit_test(a_row_shows_the_beginning_of_long_texts_and_a_letter_all_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
