/* Records as people write them, right and wrong. */
#include "dry_run_test.h"

#include "dry_run/decode.h"

static const struct {
    const char *text, *words;
} WRONG[] = {
    {"", "no JSON"},
    {"{\"value\":", "no JSON"},
    {"{\"value\":1,\"value\":2}", "no JSON"},
    {"{\"value\":1} x", "no JSON"},
    {"[]", "a record is a JSON object"},
    {"7", "no JSON"},
    {"{\"vaule\":1}", "unknown member \"vaule\""},
    {"{\"topic\":7}", "\"topic\" is a text"},
    {"{\"topic\":\"\"}", "\"topic\" is a text"},
    {"{\"partition\":\"x\"}", "\"partition\": a whole number"},
    {"{\"partition\":-1}", "\"partition\": -1 is not between"},
    {"{\"partition\":4294967296}", "\"partition\""},
    {"{\"timestamp\":1.5}", "\"timestamp\""},
    {"{\"headers\":7}", "headers are"},
    {"{\"headers\":[7]}", "a header of a list"},
    {"{\"headers\":[{\"value\":1}]}", "a header of a list"},
    {"{\"kind\":\"sponge\"}", "the \"kind\" of a record"},
    {"{\"kind\":7}", "the \"kind\" of a record"},
    {"{\"kind\":\"source\"}", "the record is of a source, the connector is a sink"},
    {"{\"kind\":\"sink\",\"offset\":\"-1\"}", "not between"},
    {"{\"kind\":\"sink\",\"valueSchema\":7}", "a schema is null or an object"},
    {"{\"kind\":\"sink\",\"valueSchema\":{\"type\":\"int33\"}}", "a schema is null or an object"},
    {"{\"kind\":\"sink\",\"valueSchema\":{\"type\":\"struct\",\"fields\":[{}]}}", "a field of a schema"},
    {"{\"kind\":\"sink\",\"valueSchema\":{\"type\":\"string\",\"parameters\":[[1]]}}", "parameters of a schema"},
    {"{\"kind\":\"sink\",\"valueSchema\":{\"type\":\"string\",\"version\":\"x\"}}", "a whole number"},
    {"{\"kind\":\"sink\",\"value\":\"text\"}", "a value is null or an object"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"text\"}}", "no type of values called \"text\""},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"string\"}}", "a string needs a text"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"int8\",\"v\":128}}", "128 is not between -128 and 127"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"int64\"}}", "a whole number is missing"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"float64\"}}", "a float needs its \"bits\""},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"float32\",\"bits\":\"zz\"}}", "no hexadecimal number"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"float32\",\"bits\":\"7ff8000000000000\"}}", "no hexadecimal number"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"bytes\",\"v\":\"*\"}}", "base64"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"bytes\"}}", "base64"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"decimal\",\"unscaled\":\"12\"}}", "a whole number is missing"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"decimal\",\"scale\":1}}", "the digits of a decimal"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"bigint\",\"v\":\"1x\"}}", ""},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"instant\"}}", "a whole number is missing"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"array\",\"v\":7}}", "the \"v\" of an array"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"map\",\"v\":[[null]]}}", "a list of pairs"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"struct\",\"v\":[]}}", "a struct needs a schema"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"struct\",\"v\":[],\"schema\":{\"type\":\"int8\"}}}", "a struct needs a schema"},
    {"{\"kind\":\"sink\",\"value\":{\"t\":\"struct\",\"v\":[[\"a\",null]],\"schema\":{\"type\":\"struct\"}}}", "no field \"a\""},
    {"{\"kind\":\"sink\",\"headers\":7}", "headers are a list"},
    {"{\"kind\":\"sink\",\"headers\":[{}]}", "a header needs a \"key\""},
};

static void what_is_no_record_is_refused_in_words(void **state)
{
    struct dry_run *dry_run = try_open(sink(NULL));
    (void)state;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct dry_run_report report;
        struct mr_error *error = NULL;
        if (dry_run_text(dry_run, WRONG[i].text, strlen(WRONG[i].text), &report, &error) == 0)
            fail_msg("%s was taken", WRONG[i].text);
        if (error == NULL || mr_error_code(error) != MR_ERR_DATA || strstr(mr_error_message(error), WRONG[i].words) == NULL)
            fail_msg("%s: %s", WRONG[i].text, error == NULL ? "no words" : mr_error_message(error));
        mr_error_drop(error);
    }
    dry_run_destroy(dry_run);
}

static void texts_stand_for_their_bytes_and_json_for_its_text(void **state)
{
    struct dry_run *dry_run = try_open(sink(NULL));
    (void)state;
    json_t *report = try_one(dry_run, "{\"key\":\"k\\u00e4\",\"value\":{\"b\":[1, 2.5],\"a\":null},\"topic\":\"other\",\"partition\":2,"
                                      "\"offset\":\"9\",\"timestamp\":5,\"headers\":[{\"key\":\"h\",\"value\":\"1\"},{\"key\":\"h\"}]}");
    assert_json("{\"topic\":\"other\",\"partition\":2,\"offset\":\"9\",\"timestamp\":\"5\",\"key\":{\"text\":\"k\xc3\xa4\",\"bytes\":"
                "\"a8Ok\"},\"value\":{\"text\":\"{\\\"b\\\":[1,2.5],\\\"a\\\":null}\",\"bytes\":\"eyJiIjpbMSwyLjVdLCJhIjpudWxsfQ==\"},"
                "\"headers\":[{\"key\":\"h\",\"value\":{\"text\":\"1\",\"bytes\":\"MQ==\"}},{\"key\":\"h\",\"value\":null}]}",
                json_object_get(report, "input"));
    json_decref(report);
    dry_run_destroy(dry_run);
}

static void what_a_record_does_not_say_is_as_usual(void **state)
{
    struct dry_run *dry_run = try_open(sink("topics", "first,second", NULL));
    (void)state;
    for (int i = 0; i < 2; i++) {
        json_t *report = try_one(dry_run, "{}");
        const json_t *input = json_object_get(report, "input");
        assert_string_equal("first", member(input, "topic"));
        assert_string_equal(i == 0 ? "0" : "1", member(input, "offset"));
        assert_true(strlen(member(input, "timestamp")) > 12); /* now: a consumed record has one */
        assert_json("null", json_object_get(input, "value"));
        json_decref(report);
    }
    dry_run_destroy(dry_run);
}

static void a_sources_values_are_strings_or_have_no_schema(void **state)
{
    struct dry_run *dry_run = try_open(source(NULL));
    (void)state;
    json_t *report = try_one(dry_run, "{\"key\":7,\"value\":\"v\"}");
    const json_t *input = json_object_get(report, "input");
    assert_json("{\"t\":\"int64\",\"v\":\"7\"}", json_object_get(input, "key"));
    assert_json("null", json_object_get(input, "keySchema"));
    assert_json("{\"t\":\"string\",\"v\":\"v\"}", json_object_get(input, "value"));
    assert_string_equal("string", member(json_object_get(input, "valueSchema"), "type"));
    assert_json("null", json_object_get(input, "timestamp"));
    json_decref(report);
    dry_run_destroy(dry_run);
}

static void exact_values_pass_a_sinks_converters_by(void **state)
{
    static const char record[] = "{\"kind\":\"sink\",\"topic\":\"t\",\"partition\":1,\"offset\":\"5\",\"timestamp\":\"7\",\"keySchema\":null,"
                                 "\"key\":null,\"valueSchema\":null,\"value\":{\"t\":\"decimal\",\"unscaled\":\"1234\",\"scale\":2},"
                                 "\"headers\":[{\"key\":\"a\",\"schema\":null,\"value\":{\"t\":\"int8\",\"v\":1}},{\"key\":\"b\","
                                 "\"schema\":null,\"value\":{\"t\":\"boolean\",\"v\":true}}]}";
    struct dry_run *dry_run = try_open(sink(NULL));
    (void)state;
    json_t *report = try_one(dry_run, record);
    assert_json("[]", json_object_get(report, "stages"));
    assert_json(record, json_array_get(json_object_get(report, "output"), 0));
    json_decref(report);
    dry_run_destroy(dry_run);
}

/* A schema is built twice where it has a default: what is nested in it must not be. */
static void nested_schemas_with_defaults_are_read_in_one_pass(void **state)
{
    enum { LEVELS = 400 };
    static const char opening[] = "{\"type\":\"array\",\"optional\":true,\"default\":null,\"valueSchema\":";
    struct dry_run *dry_run = try_open(sink(NULL));
    struct str_buffer text;
    (void)state;
    str_buffer_init(&text, 1 << 20);
    str_buffer_append_text(&text, "{\"kind\":\"sink\",\"value\":null,\"valueSchema\":");
    for (int i = 0; i < LEVELS; i++)
        str_buffer_append_text(&text, opening);
    str_buffer_append_text(&text, "{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"schema\":{\"type\":\"string\"}}]}");
    for (int i = 0; i <= LEVELS; i++)
        str_buffer_append_text(&text, "}");
    json_t *report = try_one(dry_run, str_buffer_text(&text));
    assert_string_equal("passed", member(report, "outcome"));
    json_t *schema = json_object_get(json_array_get(json_object_get(report, "output"), 0), "valueSchema");
    for (int i = 0; i < LEVELS; i++)
        schema = json_object_get(schema, "valueSchema");
    assert_string_equal("struct", member(schema, "type"));
    json_decref(report);
    str_buffer_release(&text);
    dry_run_destroy(dry_run);
}

static void what_is_nested_too_deep_is_refused(void **state)
{
    struct dry_run *dry_run = try_open(sink(NULL));
    struct str_buffer text;
    struct dry_run_report report;
    struct mr_error *error = NULL;
    (void)state;
    str_buffer_init(&text, 1 << 20);
    str_buffer_append_text(&text, "{\"kind\":\"sink\",\"value\":");
    for (int i = 0; i < DECODE_DEPTH_MAX; i++)
        str_buffer_append_text(&text, "[");
    for (int i = 0; i < DECODE_DEPTH_MAX; i++)
        str_buffer_append_text(&text, "]");
    str_buffer_append_text(&text, "}");
    assert_int_equal(-1, dry_run_text(dry_run, str_buffer_text(&text), text.length, &report, &error));
    assert_non_null(strstr(mr_error_message(error), "at most 1800 levels"));
    mr_error_drop(error);
    str_buffer_release(&text);
    dry_run_destroy(dry_run);
}

static void text_for_people_shows_what_each_stage_changed(void **state)
{
    struct dry_run *dry_run = try_open(source("transforms", "wrap", "transforms.wrap.type", SMT "HoistField$Value",
                                              "transforms.wrap.field", "line", NULL));
    struct str_buffer out;
    struct dry_run_report report;
    (void)state;
    str_buffer_init(&out, 1 << 16);
    assert_int_equal(0, dry_run_text(dry_run, "{\"value\":\"a\\nb\"}", 16, &report, NULL));
    assert_true(dry_run_report_write_text(&report, &out));
    assert_string_equal("record 1: passed\n"
                        "  in\n"
                        "    topic      t\n"
                        "    partition  none\n"
                        "    timestamp  none\n"
                        "    key        null (no schema)\n"
                        "    value      \"a\\x0ab\" (string)\n"
                        "  TRANSFORMATION wrap " SMT "HoistField$Value\n"
                        "    value      {line: \"a\\x0ab\"} (struct)\n"
                        "  KEY_CONVERTER " STRING_CONVERTER "\n"
                        "    out        null\n"
                        "  VALUE_CONVERTER " STRING_CONVERTER "\n"
                        "    out        \"Struct{line=a\\x0ab}\"\n"
                        "  out\n"
                        "    topic      t\n"
                        "    partition  none\n"
                        "    timestamp  none\n"
                        "    key        null\n"
                        "    value      \"Struct{line=a\\x0ab}\"\n"
                        "\n",
                        str_buffer_text(&out));
    str_buffer_release(&out);
    dry_run_report_release(&report);
    dry_run_destroy(dry_run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_record_is_refused_in_words),
        cmocka_unit_test(texts_stand_for_their_bytes_and_json_for_its_text),
        cmocka_unit_test(what_a_record_does_not_say_is_as_usual),
        cmocka_unit_test(a_sources_values_are_strings_or_have_no_schema),
        cmocka_unit_test(exact_values_pass_a_sinks_converters_by),
        cmocka_unit_test(nested_schemas_with_defaults_are_read_in_one_pass),
        cmocka_unit_test(what_is_nested_too_deep_is_refused),
        cmocka_unit_test(text_for_people_shows_what_each_stage_changed),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
