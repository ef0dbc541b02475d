/* What a dry run says, held against what the pipelines of tasks make, and against the recorded chains. */
#include "dry_run_test.h"

#include "base/base64.h"
#include "dry_run/encode.h"
#include "kafka/producer.h"
#include "sdk/record_layout.h"
#include "support/alloc_torture.h"

/* The same as a real run ---------------------------------------------------------------------------------------- */

static const char *const VALUES[] = {
    "{\"id\": 7, \"card\": \"4111\", \"tags\": [1, 2.5, null]}", "{\"id\": 8, \"card\": \"\"}", "no json", "[]", "null", "",
    "{\"id\": 9, \"card\": \"b\\u00e4r \\ud83d\\ude00\"}",
};
#define VALUE_COUNT (sizeof(VALUES) / sizeof(VALUES[0]))

static struct string_map *json_transforms(struct string_map *map)
{
    const char *const more[][2] = {
        {"value.converter", JSON_CONVERTER},
        {"value.converter.schemas.enable", "false"},
        {"transforms", "mask,route,head"},
        {"transforms.mask.type", SMT "MaskField$Value"},
        {"transforms.mask.fields", "card"},
        {"transforms.mask.replacement", "****"},
        {"transforms.route.type", SMT "RegexRouter"},
        {"transforms.route.regex", "t"},
        {"transforms.route.replacement", "masked"},
        {"transforms.head.type", SMT "InsertHeader"},
        {"transforms.head.header", "by"},
        {"transforms.head.value.literal", "17"},
    };
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        assert_true(string_map_put(map, more[i][0], more[i][1]));
    return map;
}

static struct tolerance *plain_tolerance(bool tolerates_all)
{
    const struct error_settings settings = {.tolerate_all = tolerates_all};
    return tolerance_create(&(struct tolerance_setup){.connector = "c", .settings = &settings}, NULL);
}

/* As a sink task is given them; NULL where its pipeline fails. */
static json_t *really_consumed(const struct string_map *config, const struct record_origin *origin)
{
    struct tolerance *tolerance = plain_tolerance(false);
    struct sink_pipeline *pipeline = sink_pipeline_create(
        &(struct sink_pipeline_setup){
            .loader = loader, .connector = config, .worker = worker->properties, .tolerance = tolerance},
        NULL);
    struct mr_batch *batch = mr_batch_create(64 << 20);
    struct sink_output output;
    struct mr_error *error = NULL;
    json_t *list = NULL;
    sink_output_init(&output);
    assert_int_equal(0, record_set_origin(mr_batch_append(batch), origin));
    if (sink_pipeline_run(pipeline, batch, &output, &error) == 0) {
        list = json_array();
        for (size_t i = 0; i < output.records.count; i++)
            json_array_append_new(list, encode_record(output.records.items[i]));
    }
    mr_error_drop(error);
    sink_output_release(&output);
    sink_pipeline_destroy(pipeline);
    tolerance_destroy(tolerance, 0);
    mr_batch_drop(batch);
    return list;
}

static void what_a_sink_would_be_given_is_what_it_is_given(void **state)
{
    struct string_map *config = json_transforms(sink(NULL));
    struct dry_run *dry_run = try_open(string_map_copy(config));
    const struct record_raw_header header = {"h", {"true", 4}};
    (void)state;
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        const struct record_origin origin = {.topic = "t", .partition = 3, .offset = (int64_t)i, .timestamp_ms = 1700000000000,
                                             .timestamp_type = MR_TIMESTAMP_CREATE_TIME, .key = {"k", 1},
                                             .value = {VALUES[i], strlen(VALUES[i])}, .headers = &header, .header_count = 1};
        struct dry_run_report report;
        assert_int_equal(0, dry_run_consumed(dry_run, &origin, &report, NULL));
        json_t *real = really_consumed(config, &origin);
        assert_int_equal(real == NULL ? DRY_RUN_FAILED : DRY_RUN_PASSED, report.outcome);
        if (real != NULL)
            assert_true(json_equal(real, json_object_get(report.json, "output")));
        json_decref(real);
        dry_run_report_release(&report);
    }
    dry_run_destroy(dry_run);
    string_map_destroy(config);
}

static struct mr_bytes bytes_at(const json_t *json)
{
    const char *text = json_string_value(json_object_get(json, "text"));
    return (struct mr_bytes){.data = text, .size = text == NULL ? 0 : strlen(text)};
}

static void assert_same_bytes(const json_t *json, struct mr_bytes bytes)
{
    struct mr_bytes told = bytes_at(json);
    assert_int_equal(bytes.data == NULL, json_is_null(json));
    assert_int_equal(bytes.size, told.size);
    if (bytes.size > 0)
        assert_memory_equal(bytes.data, told.data, bytes.size);
}

static void what_a_source_would_write_is_what_it_writes(void **state)
{
    struct string_map *config = json_transforms(source(NULL));
    struct dry_run *dry_run = try_open(string_map_copy(config));
    struct tolerance *tolerance = plain_tolerance(true);
    struct source_pipeline *pipeline = source_pipeline_create(
        &(struct source_pipeline_setup){
            .loader = loader, .connector = config, .worker = worker->properties, .tolerance = tolerance},
        NULL);
    struct mr_batch *batch = mr_batch_create(64 << 20);
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *map = mr_map_create(arena, 2);
    struct outgoing_list list;
    (void)state;
    assert_int_equal(0, mr_map_put_text(arena, map, "id", mr_int64(arena, 7)));
    assert_int_equal(0, mr_map_put_text(arena, map, "card", mr_string(arena, "4111")));
    assert_int_equal(0, mr_record_set_topic(record, "t"));
    assert_int_equal(0, mr_record_set_key(record, mr_schema_primitive(MR_TYPE_STRING, false), mr_string(arena, "k")));
    assert_int_equal(0, mr_record_set_value(record, NULL, map));
    outgoing_list_init(&list);
    assert_int_equal(0, source_pipeline_run(pipeline, batch, &list, NULL));
    json_t *report = try_one(dry_run, "{\"key\":\"k\",\"value\":{\"id\":7,\"card\":\"4111\"}}");
    const json_t *told = json_array_get(json_object_get(report, "output"), 0);
    assert_int_equal(1, list.count);
    assert_string_equal("masked", list.items[0].topic);
    assert_string_equal(list.items[0].topic, member(told, "topic"));
    assert_same_bytes(json_object_get(told, "key"), list.items[0].key);
    assert_same_bytes(json_object_get(told, "value"), list.items[0].value);
    assert_int_equal(1, list.items[0].header_count);
    assert_same_bytes(json_object_get(json_array_get(json_object_get(told, "headers"), 0), "value"), list.items[0].headers[0].value);
    json_decref(report);
    outgoing_list_release(&list);
    source_pipeline_destroy(pipeline);
    tolerance_destroy(tolerance, 0);
    mr_batch_drop(batch);
    string_map_destroy(config);
    dry_run_destroy(dry_run);
}

/* The recorded chains ------------------------------------------------------------------------------------------- */

static void assert_outcome(const json_t *test_case, const json_t *report)
{
    const json_t *expect = json_object_get(test_case, "expect"), *record = json_object_get(expect, "record");
    const char *id = member(test_case, "id");
    json_t *output = json_object_get(report, "output");
    if (json_object_get(expect, "error") != NULL && strcmp(member(report, "outcome"), "failed") != 0)
        fail_msg("%s: %s, but an error was expected", id, member(report, "outcome"));
    if (json_object_get(expect, "dropped") != NULL && strcmp(member(report, "outcome"), "dropped") != 0)
        fail_msg("%s: %s, but dropped was expected", id, member(report, "outcome"));
    if (record == NULL)
        return;
    assert_int_equal(1, json_array_size(output));
    json_t *made = json_array_get(output, 0);
    for (size_t i = 0; i < 3; i++) { /* corpora leave out what is usual of a schema */
        static const char *const same[] = {"topic", "value", "key"};
        if (!json_equal(json_object_get(record, same[i]), json_object_get(made, same[i])))
            fail_msg("%s: %s differs", id, same[i]);
    }
}

/* Sink records whose configuration is right: the rest is the validation's. */
static bool run_chain_case(const json_t *test_case)
{
    struct string_map *config = sink(NULL);
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(test_case, "config"), name, value)
        assert_true(string_map_put(config, name, json_string_value(value)));
    if (strcmp(member(json_object_get(test_case, "input"), "kind"), "sink") != 0) {
        string_map_destroy(config);
        return false;
    }
    struct dry_run *dry_run = try_create(config, NULL);
    const json_t *error = json_object_get(json_object_get(test_case, "expect"), "error");
    if (dry_run == NULL) {
        if (strcmp(member(error, "kind"), "config") != 0)
            fail_msg("%s: the configuration is refused", member(test_case, "id"));
        return true;
    }
    if (strcmp(member(error, "kind"), "config") == 0)
        fail_msg("%s: the configuration is accepted", member(test_case, "id"));
    char *text = json_dumps(json_object_get(test_case, "input"), JSON_COMPACT);
    json_t *report = try_one(dry_run, text);
    assert_outcome(test_case, report);
    json_decref(report);
    free(text);
    dry_run_destroy(dry_run);
    return true;
}

static void recorded_chains_come_out_as_recorded(void **state)
{
    FILE *file = fopen(MR_TEST_SOURCE_DIR "/tests/corpus/predicates/Chain.jsonl", "r");
    char *line = NULL;
    size_t capacity = 0, run = 0;
    (void)state;
    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        json_t *test_case = json_loads(line, JSON_ALLOW_NUL, NULL);
        run += run_chain_case(test_case);
        json_decref(test_case);
    }
    free(line);
    fclose(file);
    assert_true(run > 50);
}

/* Stages -------------------------------------------------------------------------------------------------------- */

static void a_dropped_record_names_who_dropped_it(void **state)
{
    struct dry_run *dry_run =
        try_open(sink("transforms", "none", "transforms.none.type", SMT "Filter", "transforms.none.predicate", "tomb",
                      "transforms.none.negate", "true", "predicates", "tomb", "predicates.tomb.type",
                      SMT "predicates.RecordIsTombstone", NULL));
    (void)state;
    json_t *report = try_one(dry_run, "{\"value\":\"x\"}");
    const json_t *stage = json_array_get(json_object_get(report, "stages"), 2);
    assert_string_equal("dropped", member(report, "outcome"));
    assert_string_equal("none", member(report, "dropped_by"));
    assert_json("{\"class\":\"" SMT "predicates.RecordIsTombstone\",\"holds\":false,\"negate\":true}",
                json_object_get(stage, "predicate"));
    assert_json("true", json_object_get(stage, "applied"));
    assert_json("[]", json_object_get(stage, "out"));
    json_decref(report);
    report = try_one(dry_run, "{\"key\":\"k\"}");
    assert_string_equal("passed", member(report, "outcome"));
    assert_json("false", json_object_get(json_array_get(json_object_get(report, "stages"), 2), "applied"));
    json_decref(report);
    dry_run_destroy(dry_run);
}

static void each_part_of_a_record_goes_its_own_way(void **state)
{
    struct dry_run *dry_run = try_open(source("transforms", "many,pass", "transforms.many.type", "org.acme.Exploding",
                                              "transforms.pass.type", "org.acme.Failing", NULL));
    (void)state;
    json_t *report = try_one(dry_run, "{\"value\":\"x\"}");
    assert_string_equal("passed", member(report, "outcome"));
    assert_int_equal(3, json_array_size(json_object_get(report, "output")));
    /* one, three, and of each part its headers, key and value */
    const json_t *stages = json_object_get(report, "stages");
    assert_int_equal(3, json_array_size(json_object_get(json_array_get(stages, 0), "out")));
    for (size_t i = 1; i <= 3; i++)
        assert_string_equal("pass", member(json_array_get(stages, i), "alias"));
    json_decref(report);
    dry_run_destroy(dry_run);
}

static void what_goes_in_is_shown_as_it_was(void **state)
{
    struct dry_run *dry_run = try_open(json_transforms(sink(NULL)));
    (void)state;
    json_t *report = try_one(dry_run, "{\"value\":{\"card\":\"4111\"}}");
    const json_t *mask = json_array_get(json_object_get(report, "stages"), 2);
    assert_json("{\"t\":\"map\",\"v\":[[{\"t\":\"string\",\"v\":\"card\"},{\"t\":\"string\",\"v\":\"4111\"}]]}",
                json_object_get(json_object_get(mask, "in"), "value"));
    assert_json("{\"t\":\"map\",\"v\":[[{\"t\":\"string\",\"v\":\"card\"},{\"t\":\"string\",\"v\":\"****\"}]]}",
                json_object_get(json_array_get(json_object_get(mask, "out"), 0), "value"));
    json_decref(report);
    dry_run_destroy(dry_run);
}

/* Failures ------------------------------------------------------------------------------------------------------ */

static void a_failure_ends_the_task_or_the_record(void **state)
{
    (void)state;
    for (int tolerates = 0; tolerates < 2; tolerates++) {
        struct dry_run *dry_run = try_open(sink("transforms", "f", "transforms.f.type", "org.acme.Failing", "errors.tolerance",
                                                tolerates ? "all" : "none", "errors.log.enable", "true",
                                                "errors.deadletterqueue.topic.name", "dlq", "errors.retry.timeout", "900", NULL));
        json_t *report = try_one(dry_run, "{\"value\":\"bad\"}");
        const json_t *error = json_object_get(report, "error"), *how = json_object_get(report, "treatment");
        assert_string_equal(tolerates ? "skipped" : "failed", member(report, "outcome"));
        assert_string_equal("TRANSFORMATION", member(error, "stage"));
        assert_string_equal("f", member(error, "alias"));
        assert_string_equal("a bad record", member(error, "message"));
        assert_string_equal(tolerates ? "goes on" : "fails", member(how, "task"));
        assert_string_equal("dlq", member(how, "dead_letter_topic"));
        assert_json("true", json_object_get(how, "logged"));
        assert_json("0", json_object_get(how, "retries_ms"));
        assert_json("[]", json_object_get(report, "output"));
        json_decref(report);
        report = try_one(dry_run, "{\"value\":\"good\"}"); /* the next one is looked at all the same */
        assert_string_equal("passed", member(report, "outcome"));
        json_decref(report);
        dry_run_destroy(dry_run);
    }
}

static void what_would_be_tried_again_is_told_and_not_waited_for(void **state)
{
    struct dry_run *dry_run = try_open(source("transforms", "f", "transforms.f.type", "org.acme.Failing", "transforms.f.times", "1",
                                              "errors.retry.timeout", "900000", NULL));
    (void)state;
    json_t *report = try_one(dry_run, "{\"value\":\"x\"}");
    assert_string_equal("failed", member(report, "outcome"));
    assert_json("900000", json_object_get(json_object_get(report, "treatment"), "retries_ms"));
    json_decref(report);
    dry_run_destroy(dry_run);
}

static void a_failure_that_no_policy_covers_says_so(void **state)
{
    struct dry_run *dry_run = try_open(source("errors.tolerance", "all", NULL));
    (void)state;
    json_t *report = try_one(dry_run, "{\"kind\":\"source\",\"topic\":\"t\",\"timestamp\":\"-5\",\"value\":null}");
    assert_string_equal("failed", member(report, "outcome"));
    assert_json("null", json_object_get(json_object_get(report, "error"), "stage"));
    assert_json("false", json_object_get(json_object_get(report, "treatment"), "covers"));
    assert_string_equal("fails", member(json_object_get(report, "treatment"), "task"));
    json_decref(report);
    dry_run_destroy(dry_run);
}

static void a_topic_that_kafka_would_refuse_fails_a_source(void **state)
{
    static const char *const names[] = {"a b", "..", "Zürich"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct dry_run *dry_run = try_open(source("errors.tolerance", "all", "transforms", "n", "transforms.n.type", SMT "RegexRouter",
                                                  "transforms.n.regex", ".*", "transforms.n.replacement", names[i], NULL));
        json_t *report = try_one(dry_run, "{\"value\":\"x\"}");
        assert_string_equal("failed", member(report, "outcome"));
        assert_non_null(strstr(member(json_object_get(report, "error"), "message"), names[i]));
        assert_json("false", json_object_get(json_object_get(report, "treatment"), "covers"));
        json_decref(report);
        dry_run_destroy(dry_run);
    }
}

static void a_wrong_configuration_names_every_mistake(void **state)
{
    struct mr_error *error = NULL;
    (void)state;
    assert_null(try_create(sink("transforms", "a,b", "transforms.a.type", "NoSuch", "transforms.b.type", SMT "MaskField$Value",
                                "tasks.max", "none", NULL), &error));
    assert_int_equal(MR_ERR_CONFIG, mr_error_code(error));
    assert_non_null(strstr(mr_error_message(error), "\ntransforms.a.type: "));
    assert_non_null(strstr(mr_error_message(error), "\ntransforms.b.fields: "));
    assert_non_null(strstr(mr_error_message(error), "\ntasks.max: "));
    mr_error_clear(&error);
    assert_null(try_create(connector("NoSuch", NULL), &error));
    assert_non_null(strstr(mr_error_message(error), "NoSuch"));
    mr_error_drop(error);
}

/* Limits, secrets, memory --------------------------------------------------------------------------------------- */

static void assert_hidden(const char *text, const char *secret)
{
    if (strstr(text, secret) != NULL)
        fail_msg("%s stands in %s", secret, text);
    assert_non_null(strstr(text, "[hidden]"));
}

static void secrets_of_the_configuration_stand_in_no_report(void **state)
{
    struct dry_run *dry_run = try_open(source("transforms", "put", "transforms.put.type", SMT "InsertField$Value",
                                              "transforms.put.static.field", "f", "transforms.put.static.value",
                                              "${secret:vault-path:password}", "made.up.password", "swordfish-9", NULL));
    const char *secret = string_map_get(dry_run->resolved, "transforms.put.static.value");
    struct str_buffer out;
    struct dry_run_report report;
    (void)state;
    assert_null(strstr(secret, "${"));
    str_buffer_init(&out, 1 << 20);
    const char text[] = "{\"value\":{\"own\":\"swordfish-9\"}}";
    assert_int_equal(0, dry_run_text(dry_run, text, strlen(text), &report, NULL));
    assert_true(dry_run_report_write_json(&report, &out));
    assert_hidden(str_buffer_text(&out), secret);
    assert_hidden(str_buffer_text(&out), "swordfish-9");
    str_buffer_clear(&out);
    assert_true(dry_run_report_write_text(&report, &out));
    assert_hidden(str_buffer_text(&out), secret);
    assert_hidden(str_buffer_text(&out), "swordfish-9");
    const char *bytes = member(json_object_get(json_array_get(json_object_get(report.json, "output"), 0), "value"), "bytes");
    struct mr_arena *arena = mr_arena_create(1 << 20);
    size_t size;
    char *decoded = mr_arena_alloc(arena, strlen(bytes) + 1);
    assert_true(base64_decode(bytes, strlen(bytes), decoded, &size));
    decoded[size] = '\0';
    assert_hidden(decoded, secret);
    mr_arena_destroy(arena);
    dry_run_report_release(&report);
    str_buffer_release(&out);
    dry_run_destroy(dry_run);
}

static void a_record_of_ten_megabytes_is_whole_in_json_and_cut_in_text(void **state)
{
    const size_t size = 10 << 20;
    struct dry_run *dry_run = try_open(sink(NULL));
    struct dry_run_report report;
    struct str_buffer out;
    char *text = malloc(size + 64);
    (void)state;
    size_t length = (size_t)sprintf(text, "{\"value\":\"");
    memset(text + length, 'x', size);
    memcpy(text + length + size, "\"}", 3);
    assert_int_equal(0, dry_run_text(dry_run, text, length + size + 2, &report, NULL));
    const json_t *value = json_object_get(json_array_get(json_object_get(report.json, "output"), 0), "value");
    assert_int_equal(size, json_string_length(json_object_get(value, "v")));
    str_buffer_init(&out, 1 << 20);
    assert_true(dry_run_report_write_text(&report, &out));
    assert_true(out.length < 4096);
    assert_non_null(strstr(str_buffer_text(&out), "... (10485760 bytes)"));
    str_buffer_release(&out);
    dry_run_report_release(&report);
    free(text);
    dry_run_destroy(dry_run);
}

/* Sixty values in memory, 2^60 as JSON. */
static void values_that_share_parts_are_measured_before_they_are_shown(void **state)
{
    struct trace trace = {.shown_max = SIZE_MAX, .shown_all_max = SIZE_MAX, .held_max = 1 << 20};
    struct mr_batch *batch = mr_batch_create(1 << 20);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_arena *arena = mr_record_arena(record);
    const struct mr_value *value = mr_boolean(true);
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct mr_value *pair = mr_array_create(arena, 2);
        assert_int_equal(0, mr_array_append(arena, pair, value));
        assert_int_equal(0, mr_array_append(arena, pair, value));
        value = pair;
    }
    assert_int_equal(0, mr_record_set_value(record, NULL, value));
    json_t *json = trace_record(&trace, record);
    assert_json("{\"cut\":true}", json);
    json_decref(json);
    assert_true(trace_is_full(&trace));
    mr_batch_drop(batch);
}

/* Of a text of two bytes for each number jansson makes half a kilobyte. */
static void what_would_take_too_much_memory_is_not_made(void **state)
{
    enum { NUMBERS = 200000 };
    struct string_map *config = sink("value.converter", JSON_CONVERTER, "value.converter.schemas.enable", "false", NULL);
    struct dry_run *dry_run = dry_run_create(
        &(struct dry_run_setup){.loader = loader, .worker = worker, .config = config, .shown_max = SIZE_MAX,
                                .shown_all_max = SIZE_MAX, .held_max = 4 << 20}, NULL);
    struct str_buffer text;
    (void)state;
    string_map_destroy(config);
    str_buffer_init(&text, 1 << 20);
    str_buffer_append_text(&text, "{\"value\":[1");
    for (int i = 0; i < NUMBERS; i++)
        str_buffer_append_text(&text, ",1");
    str_buffer_append_text(&text, "]}");
    json_t *report = try_one(dry_run, str_buffer_text(&text));
    assert_string_equal("passed", member(report, "outcome"));
    assert_json("[{\"cut\":true}]", json_object_get(report, "output"));
    json_t *input = json_object_get(json_object_get(report, "input"), "value");
    assert_int_equal(2 * NUMBERS + 3, json_string_length(json_object_get(input, "text"))); /* what is small enough is there */
    json_decref(report);
    json_t *next = try_one(dry_run, "{\"value\":[1]}");
    assert_null(json_object_get(json_array_get(json_object_get(next, "output"), 0), "cut")); /* each record has room of its own */
    json_decref(next);
    str_buffer_release(&text);
    dry_run_destroy(dry_run);
}

static void what_is_too_much_to_show_is_cut(void **state)
{
    struct string_map *config = source("transforms", "many", "transforms.many.type", "org.acme.Exploding", "transforms.many.count",
                                       "5000", NULL);
    struct dry_run *dry_run = dry_run_create(
        &(struct dry_run_setup){.loader = loader, .worker = worker, .config = config, .shown_max = 20000, .shown_all_max = 30000,
                                .held_max = DRY_RUN_HELD_MAX}, NULL);
    (void)state;
    json_t *report = try_one(dry_run, "{\"value\":\"x\"}");
    const json_t *stages = json_object_get(report, "stages");
    assert_string_equal("passed", member(report, "outcome"));
    assert_json("{\"cut\":true}", json_array_get(stages, json_array_size(stages) - 1));
    assert_json("[{\"cut\":true}]", json_object_get(report, "output"));
    assert_true(json_dumpb(report, NULL, 0, JSON_COMPACT) < 40000);
    json_decref(report);
    for (int i = 0; i < 3; i++) { /* room of its own, until all together have too much */
        report = try_one(dry_run, "{\"value\":\"x\"}");
        assert_int_equal(i == 0, json_object_get(json_object_get(report, "input"), "cut") == NULL);
        json_decref(report);
    }
    string_map_destroy(config);
    dry_run_destroy(dry_run);
}

static bool try_under_torture(void *argument)
{
    static const char text[] = "{\"key\":\"k\",\"value\":{\"card\":\"1\",\"a\":[1,2.5,true,null]},\"headers\":{\"h\":\"1\"}}";
    struct dry_run_report report;
    struct mr_error *error = NULL;
    struct str_buffer out;
    bool worked = dry_run_text(argument, text, strlen(text), &report, &error) == 0;
    str_buffer_init(&out, 1 << 20);
    if (worked) {
        bool passed = report.outcome == DRY_RUN_PASSED;
        worked = dry_run_report_write_text(&report, &out) && dry_run_report_write_json(&report, &out) && passed;
        dry_run_report_release(&report);
    } else {
        assert_non_null(error);
    }
    str_buffer_release(&out);
    mr_error_drop(error);
    return worked;
}

static void short_memory_is_an_error_and_leaks_nothing(void **state)
{
    struct dry_run *dry_run = try_open(json_transforms(sink(NULL)));
    (void)state;
    json_set_alloc_funcs(mem_alloc, mem_free);
    try_under_torture(dry_run); /* what a pipeline keeps is there now */
    alloc_torture(try_under_torture, dry_run);
    json_set_alloc_funcs(malloc, free);
    dry_run_destroy(dry_run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_sink_would_be_given_is_what_it_is_given),
        cmocka_unit_test(what_a_source_would_write_is_what_it_writes),
        cmocka_unit_test(recorded_chains_come_out_as_recorded),
        cmocka_unit_test(a_dropped_record_names_who_dropped_it),
        cmocka_unit_test(each_part_of_a_record_goes_its_own_way),
        cmocka_unit_test(what_goes_in_is_shown_as_it_was),
        cmocka_unit_test(a_failure_ends_the_task_or_the_record),
        cmocka_unit_test(what_would_be_tried_again_is_told_and_not_waited_for),
        cmocka_unit_test(a_failure_that_no_policy_covers_says_so),
        cmocka_unit_test(a_topic_that_kafka_would_refuse_fails_a_source),
        cmocka_unit_test(a_wrong_configuration_names_every_mistake),
        cmocka_unit_test(secrets_of_the_configuration_stand_in_no_report),
        cmocka_unit_test(a_record_of_ten_megabytes_is_whole_in_json_and_cut_in_text),
        cmocka_unit_test(values_that_share_parts_are_measured_before_they_are_shown),
        cmocka_unit_test(what_would_take_too_much_memory_is_not_made),
        cmocka_unit_test(what_is_too_much_to_show_is_cut),
        cmocka_unit_test(short_memory_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
