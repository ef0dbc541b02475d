/* From polled records to what is sent. */
#include "pipeline_test.h"

#include "pipeline/source_pipeline.h"
#include "support/fake_producer.h"

static struct loader *loader;

struct bench {
    struct error_settings settings;
    struct tolerance *tolerance;
    struct source_pipeline *pipeline;
    struct mr_batch *batch;
    struct outgoing_list list;
    struct mr_error *error;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->settings = (struct error_settings)ERROR_SETTINGS_DEFAULT;
    bench->batch = mr_batch_create(64 << 20);
    outgoing_list_init(&bench->list);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    source_pipeline_destroy(bench->pipeline);
    tolerance_destroy(bench->tolerance, 0);
    outgoing_list_release(&bench->list);
    mr_error_drop(bench->error);
    mr_batch_drop(bench->batch);
    free(bench);
    return 0;
}

static void open_pipeline(struct bench *bench, struct string_map *connector)
{
    struct string_map *worker = properties("key.converter", STRING_CONVERTER, "value.converter", STRING_CONVERTER,
                                           "header.converter", STRING_CONVERTER, NULL);
    bench->tolerance = tolerance_of_test(&bench->settings);
    const struct source_pipeline_setup setup = { .loader = loader, .connector = connector, .worker = worker,
                                                 .tolerance = bench->tolerance };
    bench->pipeline = source_pipeline_create(&setup, &bench->error);
    if (bench->pipeline == NULL)
        fail_msg("%s", mr_error_message(bench->error));
    string_map_destroy(connector);
    string_map_destroy(worker);
}

static int run(struct bench *bench)
{
    mr_error_clear(&bench->error);
    return source_pipeline_run(bench->pipeline, bench->batch, &bench->list, &bench->error);
}

static void a_record_becomes_what_is_sent(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("name", "c", NULL));
    struct mr_record *record = append_polled(bench->batch, NULL, "line");
    mr_record_set_partition(record, 4);
    mr_record_set_timestamp_ms(record, 77);
    assert_int_equal(0, mr_record_add_header(record, "h", NULL, mr_string(mr_batch_arena(bench->batch), "x")));
    append_polled(bench->batch, "k", NULL);
    assert_int_equal(0, run(bench));
    assert_int_equal(2, bench->list.count);
    const struct outgoing *item = &bench->list.items[0];
    assert_int_equal(OUTGOING_SEND, item->kind);
    assert_ptr_equal(record, item->record);
    assert_string_equal("out", item->topic);
    assert_int_equal(4, item->partition);
    assert_int_equal(77, item->timestamp_ms);
    assert_bytes(NULL, item->key);
    assert_bytes("line", item->value);
    assert_int_equal(1, item->header_count);
    assert_string_equal("h", item->headers[0].name);
    assert_bytes("x", item->headers[0].value);
    assert_int_equal(-1, bench->list.items[1].partition);
    assert_int_equal(-1, bench->list.items[1].timestamp_ms);
    assert_bytes("k", bench->list.items[1].key);
    assert_bytes(NULL, bench->list.items[1].value);
    assert_int_equal(0, bench->list.items[1].header_count);
}

static void progress_markers_keep_their_place(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("name", "c", NULL));
    struct mr_value *map = mr_map_create(mr_batch_arena(bench->batch), 1);
    append_polled(bench->batch, "k", "v");
    assert_int_equal(0, mr_batch_append_progress(bench->batch, map, map));
    append_polled(bench->batch, "k", "v");
    assert_int_equal(0, run(bench));
    assert_int_equal(3, bench->list.count);
    assert_int_equal(OUTGOING_PROGRESS, bench->list.items[1].kind);
    assert_ptr_equal(batch_entry_at(bench->batch, 1), bench->list.items[1].record);
}

static void transforms_leave_the_polled_record_alone(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("value.converter", JSON_CONVERTER, "value.converter.schemas.enable", "false",
                                    "transforms", "h,i", "transforms.h.type", SMT "HoistField$Value",
                                    "transforms.h.field", "line", "transforms.i.type", SMT "InsertField$Value",
                                    "transforms.i.static.field", "s", "transforms.i.static.value", "x", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    assert_int_equal(0, run(bench));
    assert_bytes("{\"line\":\"v\",\"s\":\"x\"}", bench->list.items[0].value);
    assert_text("v", mr_record_value(record));
    assert_ptr_equal(record, bench->list.items[0].record->original);
}

static void the_parts_of_a_record_stand_together(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("transforms", "e", "transforms.e.type", "Exploding", NULL));
    struct mr_record *first = append_polled(bench->batch, "k", "v0");
    struct mr_record *second = append_polled(bench->batch, "k", "v1");
    assert_int_equal(0, run(bench));
    assert_int_equal(6, bench->list.count);
    for (size_t i = 0; i < 6; i++) {
        char part[2] = { (char)('0' + i % 3), '\0' };
        assert_ptr_equal(i < 3 ? first : second, bench->list.items[i].record->original);
        assert_bytes(part, bench->list.items[i].headers[0].value);
    }
}

static void a_dropped_record_still_stands_in_its_place(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("transforms", "e", "transforms.e.type", "Exploding", "transforms.e.count", "0", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v0");
    assert_int_equal(0, run(bench));
    assert_int_equal(1, bench->list.count);
    assert_int_equal(OUTGOING_DROPPED, bench->list.items[0].kind);
    assert_false(bench->list.items[0].failed);
    assert_ptr_equal(record, bench->list.items[0].record);
}

static void failed_records_are_dropped_as_failed(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    open_pipeline(bench, properties("key.converter", FAILING_CONVERTER, "transforms", "f", "transforms.f.type",
                                    "org.acme.Failing", NULL));
    append_polled(bench->batch, "k", "bad");
    append_polled(bench->batch, "bad", "v");
    append_polled(bench->batch, "k", "v");
    assert_int_equal(0, run(bench));
    assert_int_equal(3, bench->list.count);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(OUTGOING_DROPPED, bench->list.items[i].kind);
        assert_true(bench->list.items[i].failed);
        assert_ptr_equal(batch_entry_at(bench->batch, (uint32_t)i), bench->list.items[i].record);
    }
    assert_int_equal(OUTGOING_SEND, bench->list.items[2].kind);
    assert_int_equal(2, tolerance_counters(bench->tolerance)->records_skipped);
}

/* Each record answers for itself, also where all lie in one arena. */
static void a_setter_that_failed_is_not_held_against_the_next_record(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    open_pipeline(bench, properties("transforms", "f", "transforms.f.type", "org.acme.Failing", NULL));
    struct mr_record *full = append_polled(bench->batch, "k", "v");
    for (int i = 0; i < RECORD_HEADERS_MAX; i++)
        assert_int_equal(0, record_add_header_ref(full, "h", NULL, mr_null()));
    append_polled(bench->batch, "k", "w");
    if (run(bench) != 0)
        fail_msg("%s", mr_error_message(bench->error));
    assert_int_equal(2, bench->list.count);
    assert_int_equal(OUTGOING_DROPPED, bench->list.items[0].kind);
    assert_int_equal(OUTGOING_SEND, bench->list.items[1].kind);
}

static void an_arena_that_was_full_once_makes_no_bad_record_fatal(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    open_pipeline(bench, properties("value.converter", FAILING_CONVERTER, NULL));
    append_polled(bench->batch, "k", "bad");
    assert_null(mr_arena_alloc(mr_batch_arena(bench->batch), 1 << 30)); /* a plugin asked whether more would fit */
    if (run(bench) != 0)
        fail_msg("%s", mr_error_message(bench->error));
    assert_int_equal(OUTGOING_DROPPED, bench->list.items[0].kind);
}

static void a_part_that_cannot_be_converted_takes_the_others_with_it(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    open_pipeline(bench, properties("value.converter", FAILING_CONVERTER, "value.converter.bad", "v1", "transforms", "e",
                                    "transforms.e.type", "Exploding", NULL));
    append_polled(bench->batch, "k", "v0");
    append_polled(bench->batch, "k", "v1");
    assert_int_equal(0, run(bench));
    assert_int_equal(4, bench->list.count);
    assert_int_equal(OUTGOING_DROPPED, bench->list.items[3].kind);
}

static void without_tolerance_what_came_before_is_still_sent(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("value.converter", FAILING_CONVERTER, NULL));
    append_polled(bench->batch, "k", "v0");
    append_polled(bench->batch, "k", "bad");
    append_polled(bench->batch, "k", "v2");
    assert_int_equal(-1, run(bench));
    assert_string_equal("Tolerance exceeded in error handler", mr_error_message(bench->error));
    assert_int_equal(1, bench->list.count);
    assert_bytes("v0", bench->list.items[0].value);
}

static void a_converter_is_tried_again(void **state)
{
    struct bench *bench = *state;
    bench->settings.retry_timeout_ms = -1;
    open_pipeline(bench, properties("header.converter", FAILING_CONVERTER, "header.converter.times", "2", "key.converter",
                                    FAILING_CONVERTER, "key.converter.times", "1", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    assert_int_equal(0, mr_record_add_header(record, "h", NULL, mr_string(mr_batch_arena(bench->batch), "x")));
    assert_int_equal(0, run(bench));
    assert_int_equal(1, bench->list.items[0].header_count);
    assert_bytes("k", bench->list.items[0].key);
    assert_int_equal(3, tolerance_counters(bench->tolerance)->retries);
}

static void a_converter_fails_with_anything_but_zero(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("value.converter", "org.acme.FailingConverter", NULL));
    append_polled(bench->batch, "k", "odd");
    assert_int_equal(-1, run(bench));
    assert_int_equal(0, bench->list.count);
}

static void records_that_cannot_be_addressed_are_not_tolerated(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    open_pipeline(bench, properties("name", "c", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    mr_record_set_timestamp_ms(record, -1); /* none, by another name */
    assert_int_equal(0, run(bench));
    assert_int_equal(-1, bench->list.items[0].timestamp_ms);
    mr_record_set_timestamp_ms(record, -2);
    assert_int_equal(-1, run(bench));
    assert_string_equal("org.apache.kafka.common.InvalidRecordException", mr_error_class_name(bench->error));
    mr_record_clear_timestamp(record);
    record->content.topic = NULL;
    assert_int_equal(-1, run(bench));
    assert_int_equal(0, bench->list.count);
}

static void a_record_that_kafka_refused_is_tolerated_or_not(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("name", "c", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    const struct refusal refusal = {.record = record, .words = "too large"};
    struct mr_future *letter = NULL;
    assert_int_equal(-1, source_pipeline_produce_failed(bench->pipeline, &refusal, &letter, &bench->error));
    assert_null(letter);
    assert_string_equal("Unrecoverable exception from producer send callback", mr_error_message(bench->error));
    const struct mr_error *place = mr_error_cause(bench->error);
    assert_non_null(strstr(mr_error_message(place), "'KAFKA_PRODUCE'"));
    assert_string_equal("too large", mr_error_message(mr_error_cause(place)));
    assert_int_equal(0, tolerance_counters(bench->tolerance)->record_failures);
    source_pipeline_destroy(bench->pipeline);
    tolerance_destroy(bench->tolerance, 0);
    mr_error_clear(&bench->error);
    bench->settings.tolerate_all = true;
    open_pipeline(bench, properties("name", "c", NULL));
    assert_int_equal(0, source_pipeline_produce_failed(bench->pipeline, &refusal, &letter, &bench->error));
    assert_true(mr_future_is_done(letter)); /* nothing is written about it */
    mr_future_drop(letter);
    assert_null(bench->error);
    assert_int_equal(1, tolerance_counters(bench->tolerance)->record_failures);
    assert_int_equal(0, tolerance_counters(bench->tolerance)->records_skipped);
}

static int load_plugins(void **state)
{
    (void)state;
    loader = load_all();
    return 0;
}

static int unload_plugins(void **state)
{
    (void)state;
    loader_destroy(loader);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_record_becomes_what_is_sent),
        TEST(progress_markers_keep_their_place),
        TEST(transforms_leave_the_polled_record_alone),
        TEST(the_parts_of_a_record_stand_together),
        TEST(a_dropped_record_still_stands_in_its_place),
        TEST(failed_records_are_dropped_as_failed),
        TEST(a_setter_that_failed_is_not_held_against_the_next_record),
        TEST(an_arena_that_was_full_once_makes_no_bad_record_fatal),
        TEST(a_part_that_cannot_be_converted_takes_the_others_with_it),
        TEST(without_tolerance_what_came_before_is_still_sent),
        TEST(a_converter_is_tried_again),
        TEST(a_converter_fails_with_anything_but_zero),
        TEST(records_that_cannot_be_addressed_are_not_tolerated),
        TEST(a_record_that_kafka_refused_is_tolerated_or_not),
    };
    return cmocka_run_group_tests(tests, load_plugins, unload_plugins);
}
