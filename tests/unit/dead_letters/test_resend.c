/* The record that goes back equals the one that was read; where it may go; which marks count. */
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
#include "base/string_map.h"
#include "config/connector_config.h"
#include "dead_letters/dead_letters_internal.h"
#include "letters_test.h"
#include "regex/java_regex.h"
#include "sdk/record_layout.h"

static bool same(struct mr_bytes one, struct mr_bytes other)
{
    return (one.data == NULL) == (other.data == NULL) && one.size == other.size && (one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
}

static void the_beginning_of_time_does_not_become_now(void **state)
{
    const struct topic_tail_header headers[] = {CONTEXT("topic", "orders")};
    struct topic_tail_record record = RECORD("k", "v", headers);
    struct selection selection;
    struct letter_view view;
    (void)state;
    record.timestamp_ms = 0;
    selection_read(&selection, NULL, 0, NULL);
    letter_view_read(&view, &record);
    struct resend *resend = resend_create(&view, &selection, &(struct resend_to){"orders", 1, "night", "orders-dlq"});
    assert_int_equal(1, resend->entry.timestamp_ms); /* 0 is "now" to the producer */
    mem_free(resend);
    resend = resend_create(&view, &selection, &(struct resend_to){"orders", 1, NULL, "orders-dlq"});
    assert_int_equal(0, resend->entry.timestamp_ms); /* into the pipeline */
    mem_free(resend);
}

/* Nulls stay null, the empty empty; names repeat; the order stays. */
static void a_replayed_record_is_the_original_and_the_mark(void **state)
{
    const struct topic_tail_header headers[] = {HEADER("h", "1"),     {"n", {NULL, 0}},      {"e", {"", 0}},        HEADER("h", "\0\xff"),
                                                CONTEXT("stage", "X"), MARK("{\"id\":\"a\",\"attempt\":1}"), CONTEXT("topic", "orders"),
                                                CONTEXT("partition", "1"), CONTEXT("offset", "5")};
    static const struct {
        const char *key, *value;
    } RECORDS[] = {{"k", "v"}, {NULL, "v"}, {"k", NULL}, {"", ""}, {NULL, NULL}};
    const size_t own[] = {0, 1, 2, 3, 4}; /* the stage stands before the last topic: it is the record's */
    struct selection selection;
    (void)state;
    selection_read(&selection, NULL, 0, NULL);
    for (size_t r = 0; r < sizeof(RECORDS) / sizeof(RECORDS[0]); r++) {
        struct topic_tail_record record = RECORD(RECORDS[r].key, RECORDS[r].value, headers);
        struct letter_view view;
        letter_view_read(&view, &record);
        struct resend *resend = resend_create(&view, &selection, &(struct resend_to){"orders", 1, "night", "orders-dlq"});
        const struct fenced_writer_entry *entry = &resend->entry;
        assert_string_equal("orders", entry->topic);
        assert_int_equal(1, entry->partition);
        assert_int_equal(record.timestamp_ms, entry->timestamp_ms);
        assert_true(same(record.key, entry->key));
        assert_true(same(record.value, entry->value));
        assert_int_equal(sizeof(own) / sizeof(own[0]) + 1, entry->header_count);
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
            assert_string_equal(headers[own[i]].name, entry->headers[i].name);
            assert_true(same(headers[own[i]].value, entry->headers[i].value));
        }
        const struct fenced_writer_header *mark = &entry->headers[entry->header_count - 1];
        assert_string_equal(LETTER_MARK_HEADER, mark->name);
        assert_true(same(mark->value, bytes_of("{\"id\":\"night\",\"topic\":\"orders-dlq\",\"partition\":2,\"offset\":41,\"attempt\":2}")));
        mem_free(resend);
    }
    selection_release(&selection);
}

static void another_key_or_value_takes_the_place_of_its_own(void **state)
{
    static const char text[] = "{\"letters\":[{\"partition\":2,\"offset\":41}],\"key\":null,\"value\":{\"a\":1}}";
    const struct topic_tail_header headers[] = {HEADER("h", "1")};
    struct topic_tail_record record = RECORD("k", "a longer value than that", headers);
    struct selection selection;
    struct letter_view view;
    (void)state;
    assert_int_equal(0, selection_read(&selection, text, strlen(text), NULL));
    letter_view_read(&view, &record);
    struct resend *resend = resend_create(&view, &selection, &(struct resend_to){"t", -1, "i", "l"});
    assert_null(resend->entry.key.data);
    assert_true(same(resend->entry.value, bytes_of("{\"a\":1}")));
    mem_free(resend);
    selection_release(&selection);
}

/* Into the pipeline nothing comes along that was not the record's; its place is told. */
static void without_a_replays_id_it_bears_no_mark_and_knows_its_place(void **state)
{
    const struct topic_tail_header headers[] = {HEADER("h", "1"), MARK("{\"id\":\"a\",\"attempt\":1}"), CONTEXT("topic", "orders"),
                                                CONTEXT("partition", "1"), CONTEXT("offset", "5")};
    struct topic_tail_record record = RECORD("k", "v", headers);
    struct record_raw_header *raw;
    struct record_origin origin;
    struct selection selection;
    struct letter_view view;
    (void)state;
    selection_read(&selection, NULL, 0, NULL);
    letter_view_read(&view, &record);
    struct resend *resend = resend_create(&view, &selection, &(struct resend_to){"orders", 1, NULL, "orders-dlq"});
    assert_true(resend_origin(resend, &origin, &raw));
    assert_string_equal("orders", origin.topic);
    assert_int_equal(1, origin.partition);
    assert_int_equal(5, origin.offset);
    assert_int_equal(record.timestamp_ms, origin.timestamp_ms);
    assert_true(same(record.value, origin.value));
    assert_int_equal(1, origin.header_count);
    assert_string_equal("h", origin.headers[0].key);
    mem_free(raw);
    mem_free(resend);
    selection_release(&selection);
}

/* Of a source: where its record was. */
static void context_beyond_that_of_sinks_is_told(void **state)
{
    const struct topic_tail_header headers[] = {CONTEXT("source.offset", "the record's own"), HEADER("h", "1"), CONTEXT("topic", "t"),
                                                CONTEXT("stage", "TRANSFORMATION"), CONTEXT("source.partition", "{\"file\":\"a\"}")};
    struct topic_tail_record record = RECORD("k", "\xff", headers);
    struct letter_view view;
    (void)state;
    letter_view_read(&view, &record);
    json_t *json = letter_json_whole(&view, NULL);
    const json_t *context = json_object_get(json, "context"), *own = json_object_get(json, "headers");
    assert_int_equal(1, json_array_size(context));
    assert_string_equal("source.partition", json_string_value(json_object_get(json_array_get(context, 0), "key")));
    assert_int_equal(2, json_array_size(own));
    assert_string_equal("/w==", json_string_value(json_object_get(json_object_get(json, "value"), "base64")));
    json_decref(json);
}

/* ---- where to ---- */

/* A sink of "orders", and of what the expression matches; topics without brokers. */
static void letters_of(struct dead_letters *letters, struct connector_config *config, const char *regex)
{
    static const char *const topics[] = {"orders"};
    *config = (struct connector_config){
        .kind = CONNECTOR_SINK, .name = "sink", .topics = topics, .topic_count = regex == NULL, .topics_regex = regex};
    *letters = (struct dead_letters){.config = config, .topic = "bad", .marks_topic = "bad.marks", .partitions = string_map_create()};
    string_map_put(letters->partitions, "orders", "2");
    string_map_put(letters->partitions, "other", "1");
    string_map_put(letters->partitions, "gone", "0");
}

static void a_letter_goes_only_where_the_connector_reads(void **state)
{
    static const struct {
        const char *topic, *partition, *connector, *mark, *selection, *regex;
        const char *words; /* NULL: it may go, there: */
        const char *to;
        int32_t to_partition;
    } ROWS[] = {
        {"orders", "1", "sink", NULL, "{}", NULL, NULL, "orders", 1},
        {"orders", "2", "sink", NULL, "{}", NULL, NULL, "orders", -1}, /* the partition is gone */
        {"orders", "x", NULL, NULL, "{}", NULL, NULL, "orders", -1},
        {"orders", "1", "other", NULL, "{}", NULL, "another connector's", NULL, 0},
        {"other", "0", "sink", NULL, "{}", NULL, "does not read", NULL, 0},
        {"__consumer_offsets", "0", "sink", NULL, "{}", NULL, "does not read", NULL, 0},
        {NULL, NULL, NULL, NULL, "{}", NULL, "does not say where", NULL, 0},
        {NULL, NULL, NULL, NULL, "{\"to\":\"other\"}", NULL, NULL, "other", -1},
        {"orders", "1", "sink", NULL, "{\"to\":\"gone\"}", NULL, "does not exist", NULL, 0},
        {"orders", "1", "sink", NULL, "{\"to\":\"bad\"}", NULL, "among the letters", NULL, 0},
        {"orders", "1", "sink", NULL, "{\"to\":\"bad.marks\"}", NULL, "among the letters", NULL, 0},
        {"other", "0", "sink", NULL, "{}", "o.*r", NULL, "other", 0},
        {"orders", "0", "sink", NULL, "{}", "o.*r", "does not read", NULL, 0},
        {"orders", "1", "sink", "{\"attempt\":2}", "{}", NULL, NULL, "orders", 1},
        {"orders", "1", "sink", "{\"attempt\":3}", "{}", NULL, "failed again", NULL, 0},
        {"orders", "1", "sink", "{\"attempt\":3}", "{\"attempts\":4}", NULL, NULL, "orders", 1},
        {"orders", "1", "sink", "{\"attempt\":3}", "{\"force\":true}", NULL, NULL, "orders", 1},
        {"orders", "1", "sink", "?", "{}", NULL, "cannot be read", NULL, 0},
        {"orders", "1", "sink", "?", "{\"force\":true}", NULL, NULL, "orders", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        const struct topic_tail_header headers[] = {{ROWS[i].mark == NULL ? "h" : LETTER_MARK_HEADER, bytes_of(ROWS[i].mark)},
                                                    {LETTER_CONTEXT_PREFIX "topic", bytes_of(ROWS[i].topic)},
                                                    {LETTER_CONTEXT_PREFIX "partition", bytes_of(ROWS[i].partition)},
                                                    {LETTER_CONTEXT_PREFIX "connector.name", bytes_of(ROWS[i].connector)}};
        struct topic_tail_record record = RECORD("k", "v", headers);
        struct connector_config config;
        struct dead_letters letters;
        struct selection selection;
        struct letter_view view;
        struct resend_to to = {.partition = -1};
        int status;
        letters_of(&letters, &config, ROWS[i].regex);
        letter_view_read(&view, &record);
        assert_int_equal(0, selection_read(&selection, ROWS[i].selection, strlen(ROWS[i].selection), NULL));
        const char *why = target_find(&letters, &view, &selection, &to, &status, NULL);
        assert_int_equal(0, status);
        if (ROWS[i].words == NULL ? why != NULL : why == NULL || strstr(why, ROWS[i].words) == NULL)
            fail_msg("row %zu: %s", i, why);
        if (why == NULL) {
            assert_string_equal(ROWS[i].to, to.topic);
            assert_int_equal(ROWS[i].to_partition, to.partition);
        }
        selection_release(&selection);
        java_regex_destroy(letters.topics_regex);
        string_map_destroy(letters.partitions);
    }
}

static const char *pipeline_refusal_of(struct topic_tail_record *record)
{
    static const char text[] = "{\"into\":\"pipeline\"}";
    struct connector_config config;
    struct dead_letters letters;
    struct selection selection;
    struct letter_view view;
    struct resend_to to = {.partition = -1, .id = "night"};
    int status;
    letters_of(&letters, &config, NULL);
    letter_view_read(&view, record);
    assert_int_equal(0, selection_read(&selection, text, strlen(text), NULL));
    const char *why = target_find(&letters, &view, &selection, &to, &status, NULL);
    assert_int_equal(0, status);
    assert_true(why != NULL || (to.partition == view.partition && to.id == NULL));
    selection_release(&selection);
    string_map_destroy(letters.partitions);
    return why;
}

/* The plugin is told where a record was read: that must be known, and be the connector's. No topic need be there any more. */
static void a_letter_goes_into_the_pipeline_with_its_place_alone(void **state)
{
    const struct topic_tail_header whole[] = {CONTEXT("topic", "orders"), CONTEXT("partition", "7"), CONTEXT("offset", "5")};
    const struct topic_tail_header placeless[] = {CONTEXT("topic", "orders"), CONTEXT("partition", "7")};
    const struct topic_tail_header foreign[] = {CONTEXT("topic", "other"), CONTEXT("partition", "0"), CONTEXT("offset", "5")};
    const struct topic_tail_header tried[] = {MARK("{\"attempt\":3}"), CONTEXT("topic", "orders"), CONTEXT("partition", "7"), CONTEXT("offset", "5")};
    struct topic_tail_record record = RECORD("k", "v", whole);
    (void)state;
    assert_null(pipeline_refusal_of(&record));
    record = RECORD("k", "v", placeless);
    assert_non_null(strstr(pipeline_refusal_of(&record), "does not say where"));
    record = RECORD("k", "v", foreign);
    assert_non_null(strstr(pipeline_refusal_of(&record), "does not read"));
    record = RECORD("k", "v", tried);
    assert_non_null(strstr(pipeline_refusal_of(&record), "failed again"));
}

static void a_sink_that_has_tasks_alone_has_a_pipeline_to_go_into(void **state)
{
    struct connector_config config = {.kind = CONNECTOR_SOURCE, .name = "files"};
    struct dead_letters letters = {.config = &config};
    struct mr_error *error = NULL;
    (void)state;
    assert_int_equal(-1, letters_may_deliver(&letters, true, &error));
    mr_error_clear(&error);
    config.kind = CONNECTOR_SINK;
    assert_int_equal(0, letters_may_deliver(&letters, true, &error)); /* a dry run needs none */
    assert_int_equal(-1, letters_may_deliver(&letters, false, &error));
    assert_non_null(strstr(mr_error_message(error), "stopped"));
    mr_error_drop(error);
}

/* ---- marks ---- */

static void add(struct marks *marks, const char *key, const char *value)
{
    struct topic_tail_record record = {.key = bytes_of(key), .value = bytes_of(value)};
    assert_int_equal(0, marks_add(marks, &record, NULL));
}

static void the_last_mark_of_a_letter_counts_and_only_for_that_letter(void **state)
{
    const struct topic_tail_header headers[] = {HEADER("h", "1")};
    struct topic_tail_record record = RECORD("k", "v", headers), other = RECORD("k", "w", headers);
    struct letter_view view, anew;
    struct marks marks;
    char replayed[200], discarded[200];
    (void)state;
    letter_view_read(&view, &record);
    letter_view_read(&anew, &other);
    snprintf(replayed, sizeof(replayed), "{\"state\":\"replayed\",\"id\":\"a\",\"print\":\"%016llx\"}", (unsigned long long)view.print);
    snprintf(discarded, sizeof(discarded), "{\"state\":\"discarded\",\"id\":\"b\",\"print\":\"%016llx\"}", (unsigned long long)view.print);
    marks_init(&marks, "a");
    add(&marks, "letter/2/42", discarded);
    add(&marks, "letter/2/41", discarded);
    add(&marks, "letter/10/0", discarded);
    add(&marks, "letter/2/41", replayed);
    add(&marks, "replay/a", "{\"replayed\":1}");
    add(&marks, "replay/b", "{\"replayed\":2}");
    marks_sort(&marks);
    assert_int_equal(3, marks.count);
    assert_int_equal(MARK_REPLAYED, marks_find(&marks, &view)->state);
    assert_string_equal("a", marks_find(&marks, &view)->id);
    assert_null(marks_find(&marks, &anew));
    assert_int_equal(1, json_integer_value(json_object_get(marks.replay, "replayed")));
    add(&marks, "letter/2/41", NULL); /* taken back */
    marks.items[marks.count - 1].order = UINT64_MAX;
    marks_sort(&marks);
    assert_null(marks_find(&marks, &view));
    marks_release(&marks);
}

/* What failed in the pipeline is open, and its attempts count on. */
static void a_mark_of_an_open_letter_counts_its_attempts(void **state)
{
    const struct topic_tail_header headers[] = {MARK("{\"attempt\":1}"), CONTEXT("topic", "t")};
    struct topic_tail_record record = RECORD("k", "v", headers);
    struct letter_view view;
    struct marks marks;
    char open[200];
    (void)state;
    letter_view_read(&view, &record);
    snprintf(open, sizeof(open), "{\"state\":\"open\",\"id\":\"a\",\"attempt\":2,\"print\":\"%016llx\"}", (unsigned long long)view.print);
    marks_init(&marks, NULL);
    add(&marks, "letter/2/41", open);
    add(&marks, "letter/2/42", "{\"state\":\"open\",\"id\":\"a\",\"print\":\"1\"}"); /* says nothing */
    marks_sort(&marks);
    assert_int_equal(1, marks.count);
    const struct mark *mark = marks_find(&marks, &view);
    assert_int_equal(MARK_NONE, mark->state);
    assert_int_equal(2, marks_attempts(mark, &view));
    assert_int_equal(1, marks_attempts(NULL, &view));
    json_t *row = letter_json_row(&view, mark);
    assert_string_equal("open", json_string_value(json_object_get(row, "state")));
    assert_int_equal(2, json_integer_value(json_object_get(row, "attempts")));
    json_decref(row);
    marks_release(&marks);
}

static void records_that_are_no_marks_are_passed_over(void **state)
{
    static const char *const keys[] = {"", "letter/", "letter/1", "letter/1/", "letter/-1/1", "letter/01/1", "letter/1/1x", "letter/99999999999/1", "other/1/1", NULL};
    struct marks marks;
    (void)state;
    marks_init(&marks, NULL);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        add(&marks, keys[i], "{\"state\":\"replayed\",\"id\":\"a\",\"print\":\"1\"}");
    marks_sort(&marks);
    assert_int_equal(0, marks.count);
    add(&marks, "letter/1/1", "{\"state\":\"replayed\"}");
    add(&marks, "letter/1/2", "no JSON");
    marks_sort(&marks);
    assert_int_equal(0, marks.count);
    marks_release(&marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_beginning_of_time_does_not_become_now),
        cmocka_unit_test(a_replayed_record_is_the_original_and_the_mark),
        cmocka_unit_test(another_key_or_value_takes_the_place_of_its_own),
        cmocka_unit_test(without_a_replays_id_it_bears_no_mark_and_knows_its_place),
        cmocka_unit_test(context_beyond_that_of_sinks_is_told),
        cmocka_unit_test(a_letter_goes_only_where_the_connector_reads),
        cmocka_unit_test(a_letter_goes_into_the_pipeline_with_its_place_alone),
        cmocka_unit_test(a_sink_that_has_tasks_alone_has_a_pipeline_to_go_into),
        cmocka_unit_test(a_mark_of_an_open_letter_counts_its_attempts),
        cmocka_unit_test(the_last_mark_of_a_letter_counts_and_only_for_that_letter),
        cmocka_unit_test(records_that_are_no_marks_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
