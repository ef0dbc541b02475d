/* From consumed bytes to the records of put. */
#include "pipeline_test.h"

#include "pipeline/sink_pipeline.h"
#include "support/alloc_torture.h"
#include "support/fake_producer.h"

static struct loader *loader;

struct bench {
    struct error_settings settings;
    struct tolerance *tolerance;
    struct sink_pipeline *pipeline;
    struct mr_batch *batch;
    struct sink_output output;
    struct mr_error *error;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->settings = (struct error_settings)ERROR_SETTINGS_DEFAULT;
    bench->batch = mr_batch_create(64 << 20);
    sink_output_init(&bench->output);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    sink_pipeline_destroy(bench->pipeline);
    tolerance_destroy(bench->tolerance, 0);
    if (fake_producer.listener != NULL)
        fake_producer_end();
    sink_output_release(&bench->output);
    mr_error_drop(bench->error);
    mr_batch_drop(bench->batch);
    free(bench);
    return 0;
}

/* Strings everywhere unless `connector` says otherwise. */
static void open_pipeline(struct bench *bench, struct string_map *connector)
{
    struct string_map *worker = properties("key.converter", STRING_CONVERTER, "value.converter", STRING_CONVERTER,
                                           "header.converter", STRING_CONVERTER, NULL);
    const struct tolerance_setup tolerance = {
        .connector = "c",
        .settings = &bench->settings,
        .pause = no_pause,
        .producers = (struct producer_pool *)bench,
        .producer_config = (struct client_config *)bench,
    };
    fake_producer_reset();
    bench->tolerance = tolerance_create(&tolerance, &bench->error);
    const struct sink_pipeline_setup setup = { .loader = loader, .connector = connector, .worker = worker,
                                               .tolerance = bench->tolerance };
    bench->pipeline = sink_pipeline_create(&setup, &bench->error);
    if (bench->pipeline == NULL)
        fail_msg("%s", mr_error_message(bench->error));
    string_map_destroy(connector);
    string_map_destroy(worker);
}

static int run(struct bench *bench)
{
    mr_error_clear(&bench->error);
    return sink_pipeline_run(bench->pipeline, bench->batch, &bench->output, &bench->error);
}

static void records_pass_in_order_without_copies(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("name", "c", NULL));
    const char *text = "value 0";
    append_consumed(bench->batch, "k", text);
    append_consumed(bench->batch, NULL, NULL);
    assert_int_equal(0, run(bench));
    assert_int_equal(2, bench->output.records.count);
    assert_ptr_equal(mr_batch_at(bench->batch, 0), bench->output.records.items[0]);
    assert_text("k", mr_record_key(bench->output.records.items[0]));
    assert_ptr_equal(text, mr_value_bytes(mr_record_value(bench->output.records.items[0])).data);
    assert_true(mr_value_is_null(mr_record_value(bench->output.records.items[1])));
    assert_int_equal(MR_TYPE_STRING, mr_schema_type(mr_record_value_schema(bench->output.records.items[1])));
}

static void a_converter_that_knows_its_nulls_is_not_asked_about_them(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("key.converter", "org.acme.KnowingConverter", NULL));
    append_consumed(bench->batch, NULL, "v");
    append_consumed(bench->batch, "k", NULL);
    assert_int_equal(0, run(bench));
    assert_int_equal(2, bench->output.records.count);
    const struct mr_record *first = bench->output.records.items[0], *second = bench->output.records.items[1];
    assert_true(mr_value_is_null(mr_record_key(first)));
    assert_int_equal(MR_TYPE_INT64, mr_schema_type(mr_record_key_schema(first)));
    assert_text("k", mr_record_key(second));
    assert_int_equal(MR_TYPE_STRING, mr_schema_type(mr_record_key_schema(second)));
}

static void headers_keep_their_order_and_nulls(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("name", "c", NULL));
    const struct record_raw_header headers[] = { { "a", { "1", 1 } }, { "b", { NULL, 0 } }, { "a", { "", 0 } } };
    const struct record_origin origin = { .topic = "in", .headers = headers, .header_count = 3, .timestamp_ms = -1 };
    struct mr_record *record = mr_batch_append(bench->batch);
    assert_int_equal(0, record_set_origin(record, &origin));
    assert_int_equal(0, run(bench));
    assert_int_equal(3, mr_record_header_count(record));
    assert_string_equal("a", mr_record_header_key(record, 0));
    assert_text("1", mr_record_header_value(record, 0));
    assert_true(mr_value_is_null(mr_record_header_value(record, 1)));
    assert_text("", mr_record_header_value(record, 2));
}

static void transforms_come_after_the_converters(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("transforms", "h,i", "transforms.h.type", SMT "HoistField$Value", "transforms.h.field",
                                    "line", "transforms.i.type", SMT "InsertField$Value", "transforms.i.offset.field",
                                    "offset", NULL));
    append_consumed(bench->batch, "k", "v0");
    append_consumed(bench->batch, "k", "v1");
    assert_int_equal(0, run(bench));
    const struct mr_value *value = mr_record_value(bench->output.records.items[1]);
    assert_text("v1", mr_struct_get(value, "line"));
    assert_int_equal(1, mr_value_integer(mr_struct_get(value, "offset")));
}

static void one_record_may_become_many_or_none(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("transforms", "e", "transforms.e.type", "Exploding", NULL));
    append_consumed(bench->batch, "k", "v0");
    assert_int_equal(0, run(bench));
    assert_int_equal(3, bench->output.records.count);
    assert_int_equal(0, mr_record_offset(bench->output.records.items[2]));
    assert_int_equal(0, bench->output.dropped);
}

static void a_failed_record_is_skipped_and_reported_once(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    bench->settings.dead_letter_topic = "dlq";
    bench->settings.dead_letter_context = true;
    open_pipeline(bench, properties("key.converter", FAILING_CONVERTER, "value.converter", FAILING_CONVERTER, "transforms",
                                    "f", "transforms.f.type", "org.acme.Failing", "transforms.f.bad", "worse", NULL));
    append_consumed(bench->batch, "k", "v0");
    append_consumed(bench->batch, "bad", "bad"); /* key and value: one report */
    append_consumed(bench->batch, "k", "bad");
    append_consumed(bench->batch, "k", "worse");
    append_consumed(bench->batch, "k", "v4");
    assert_int_equal(0, run(bench));
    assert_int_equal(2, bench->output.records.count);
    assert_text("v4", mr_record_value(bench->output.records.items[1]));
    assert_int_equal(3, bench->output.skipped);
    assert_int_equal(3, fake_producer.sent_count);
    static const char *const stages[] = { "KEY_CONVERTER", "VALUE_CONVERTER", "TRANSFORMATION" };
    static const char *const classes[] = { FAILING_CONVERTER, FAILING_CONVERTER, "org.acme.Failing" };
    for (size_t i = 0; i < 3; i++) {
        assert_bytes(stages[i], fake_producer.sent[i].headers[5].value);
        assert_bytes(classes[i], fake_producer.sent[i].headers[6].value);
    }
    assert_bytes("worse", fake_producer.sent[2].value);
    assert_int_equal(1, tolerance_safe_offset(bench->tolerance, "in", 2, 5));
}

static void a_bad_header_is_reported_as_such(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = bench->settings.dead_letter_context = true;
    bench->settings.dead_letter_topic = "dlq";
    open_pipeline(bench, properties("header.converter", FAILING_CONVERTER, NULL));
    const struct record_raw_header headers[] = { { "a", { "1", 1 } }, { "b", { "bad", 3 } } };
    const struct record_origin origin = { .topic = "in", .headers = headers, .header_count = 2, .timestamp_ms = -1 };
    assert_int_equal(0, record_set_origin(mr_batch_append(bench->batch), &origin));
    assert_int_equal(0, run(bench));
    assert_int_equal(1, bench->output.skipped);
    assert_bytes("HEADER_CONVERTER", fake_producer.sent[0].headers[2 + 5].value);
}

static void a_converter_is_tried_again(void **state)
{
    struct bench *bench = *state;
    bench->settings.retry_timeout_ms = -1;
    open_pipeline(bench, properties("header.converter", FAILING_CONVERTER, "header.converter.times", "2", "value.converter",
                                    FAILING_CONVERTER, "value.converter.times", "3", NULL));
    const struct record_raw_header headers[] = { { "a", { "1", 1 } }, { "b", { "2", 1 } } };
    const struct record_origin origin = { .topic = "in", .value = bytes_of("v"), .headers = headers, .header_count = 2,
                                          .timestamp_ms = -1 };
    struct mr_record *record = mr_batch_append(bench->batch);
    assert_int_equal(0, record_set_origin(record, &origin));
    assert_int_equal(0, run(bench));
    assert_text("v", mr_record_value(record));
    assert_int_equal(2, mr_record_header_count(record));
    assert_int_equal(5, tolerance_counters(bench->tolerance)->retries);
}

static void a_transform_is_tried_again_on_the_record_as_it_was(void **state)
{
    struct bench *bench = *state;
    bench->settings.retry_timeout_ms = -1;
    open_pipeline(bench, properties("transforms", "f", "transforms.f.type", "org.acme.Failing", "transforms.f.times", "2",
                                    NULL));
    append_consumed(bench->batch, "k", "v");
    assert_int_equal(0, run(bench));
    assert_text("v", mr_record_value(bench->output.records.items[0]));
    assert_string_equal("in", mr_record_topic(bench->output.records.items[0]));
    assert_int_equal(1, mr_record_header_count(bench->output.records.items[0]));
}

static void without_tolerance_the_run_ends_at_the_failed_record(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("value.converter", FAILING_CONVERTER, NULL));
    append_consumed(bench->batch, "k", "v0");
    append_consumed(bench->batch, "k", "bad");
    append_consumed(bench->batch, "k", "v2");
    assert_int_equal(-1, run(bench));
    assert_string_equal("Tolerance exceeded in error handler", mr_error_message(bench->error));
    assert_int_equal(1, bench->output.records.count);
}

static void a_converter_that_returns_no_value_is_named(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("value.converter", FAILING_CONVERTER, NULL));
    append_consumed(bench->batch, "k", "nothing");
    assert_int_equal(-1, run(bench));
    assert_non_null(strstr(mr_error_message(mr_error_cause(bench->error)), FAILING_CONVERTER));
}

static void a_converter_fails_with_anything_but_zero(void **state)
{
    struct bench *bench = *state;
    open_pipeline(bench, properties("value.converter", FAILING_CONVERTER, NULL));
    append_consumed(bench->batch, "k", "odd");
    assert_int_equal(-1, run(bench));
}

static void an_impossible_timestamp_is_not_tolerated(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    open_pipeline(bench, properties("name", "c", NULL));
    const struct record_origin origin = { .topic = "in", .timestamp_ms = -7 };
    assert_int_equal(0, record_set_origin(mr_batch_append(bench->batch), &origin));
    assert_int_equal(-1, run(bench));
    assert_string_equal("org.apache.kafka.common.InvalidRecordException", mr_error_class_name(bench->error));
}

static void a_record_that_the_task_made_becomes_a_letter(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    bench->settings.dead_letter_topic = "dlq";
    open_pipeline(bench, properties("value.converter", JSON_CONVERTER, "value.converter.schemas.enable", "false", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    assert_int_equal(0, mr_record_add_header(record, "h", NULL, mr_string(mr_batch_arena(bench->batch), "x")));
    assert_int_equal(0, tolerance_report_errant(bench->tolerance, record, NULL, NULL, &bench->error));
    assert_bytes("k", fake_producer.sent[0].key);
    assert_bytes("\"v\"", fake_producer.sent[0].value);
    assert_string_equal("h", fake_producer.sent[0].headers[0].name);
    assert_bytes("x", fake_producer.sent[0].headers[0].value);
}

/* Want of memory ---------------------------------------------------------------------------------------------- */

struct torture {
    struct string_map *connector, *worker;
    struct mr_batch *batch;
};

/* A record that passes and one that becomes a letter. */
static bool run_once(struct tolerance *tolerance, struct sink_pipeline *pipeline, struct mr_batch *batch)
{
    struct sink_output output;
    sink_output_init(&output);
    bool worked = tolerance != NULL && pipeline != NULL &&
                  sink_pipeline_run(pipeline, batch, &output, NULL) == 0 && fake_producer.sent_count == 1;
    if (worked) {
        assert_int_equal(3, output.records.count);
        assert_int_equal(1, output.skipped);
    }
    sink_output_release(&output);
    return worked;
}

static bool build_run_and_end(void *argument)
{
    const struct torture *torture = argument;
    const struct error_settings settings = { .tolerate_all = true, .dead_letter_context = true,
                                             .dead_letter_topic = "dlq" };
    const struct tolerance_setup setup = { .connector = "c", .settings = &settings,
                                           .producers = (struct producer_pool *)&setup,
                                           .producer_config = (struct client_config *)&setup };
    fake_producer_reset();
    struct tolerance *tolerance = tolerance_create(&setup, NULL);
    const struct sink_pipeline_setup pipeline_setup = { .loader = loader, .connector = torture->connector,
                                                        .worker = torture->worker, .tolerance = tolerance };
    struct sink_pipeline *pipeline = tolerance == NULL ? NULL : sink_pipeline_create(&pipeline_setup, NULL);
    bool worked = run_once(tolerance, pipeline, torture->batch);
    sink_pipeline_destroy(pipeline);
    tolerance_destroy(tolerance, 0);
    if (fake_producer.is_closed)
        fake_producer_end();
    return worked;
}

static void want_of_memory_loses_neither_records_nor_memory(void **state)
{
    (void)state;
    struct torture torture = {
        .connector = properties("value.converter", FAILING_CONVERTER, "transforms", "e,f", "transforms.e.type", "Exploding",
                                "transforms.f.type", "org.acme.Failing", "transforms.f.predicate", "p", "predicates", "p",
                                "predicates.p.type", "RecordIsTombstone", NULL),
        .worker = properties("key.converter", STRING_CONVERTER, "header.converter", STRING_CONVERTER, NULL),
        .batch = mr_batch_create(64 << 20),
    };
    append_consumed(torture.batch, "k", "v");
    append_consumed(torture.batch, "k", "bad");
    alloc_torture(build_run_and_end, &torture);
    mr_batch_drop(torture.batch);
    string_map_destroy(torture.connector);
    string_map_destroy(torture.worker);
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
        TEST(records_pass_in_order_without_copies),
        TEST(a_converter_that_knows_its_nulls_is_not_asked_about_them),
        TEST(headers_keep_their_order_and_nulls),
        TEST(transforms_come_after_the_converters),
        TEST(one_record_may_become_many_or_none),
        TEST(a_failed_record_is_skipped_and_reported_once),
        TEST(a_bad_header_is_reported_as_such),
        TEST(a_converter_is_tried_again),
        TEST(a_transform_is_tried_again_on_the_record_as_it_was),
        TEST(without_tolerance_the_run_ends_at_the_failed_record),
        TEST(a_converter_that_returns_no_value_is_named),
        TEST(a_converter_fails_with_anything_but_zero),
        TEST(an_impossible_timestamp_is_not_tolerated),
        TEST(a_record_that_the_task_made_becomes_a_letter),
        cmocka_unit_test(want_of_memory_loses_neither_records_nor_memory),
    };
    return cmocka_run_group_tests(tests, load_plugins, unload_plugins);
}
