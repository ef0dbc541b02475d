/* pipeline_test.h: plugins, properties, records and a tolerance for the tests of this folder. */
#ifndef PIPELINE_TEST_H
#define PIPELINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/string_map.h"
#include "errors/tolerance.h"
#include "loader/host.h"
#include "loader/loader.h"
#include "metrics/error_counters.h"
#include "sdk/record_layout.h"

#define STRING_CONVERTER "org.apache.kafka.connect.storage.StringConverter"
#define JSON_CONVERTER "org.apache.kafka.connect.json.JsonConverter"
#define FAILING_CONVERTER "org.acme.FailingConverter"
#define SMT "org.apache.kafka.connect.transforms."

static inline struct loader *load_all(void)
{
    const struct loader_setup setup = {
        .plugin_path = MR_PLUGINS "/transforms.so," MR_PLUGINS "/string_converter.so," MR_PLUGINS "/json_converter.so,"
                       MR_TEST_PLUGINS "/exploding_transform.so," MR_TEST_PLUGINS "/failing_transform.so,"
                       MR_TEST_PLUGINS "/failing_converter.so",
        .host = loader_host(),
    };
    struct loader *loader = loader_create(&setup, NULL);
    assert_non_null(loader);
    assert_int_equal(0, loader_refusal_count(loader));
    return loader;
}

/* Name, text, name, text, …, NULL. */
static inline struct string_map *properties(const char *first, ...)
{
    struct string_map *map = string_map_create();
    va_list rest;
    va_start(rest, first);
    for (const char *name = first; name != NULL; name = va_arg(rest, const char *))
        assert_true(string_map_put(map, name, va_arg(rest, const char *)));
    va_end(rest);
    return map;
}

static inline struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){ .data = text, .size = text == NULL ? 0 : strlen(text) };
}

static inline struct mr_record *append_consumed(struct mr_batch *batch, const char *key, const char *value)
{
    struct mr_record *record = mr_batch_append(batch);
    const struct record_origin origin = {
        .topic = "in",
        .partition = 2,
        .offset = (int64_t)mr_batch_count(batch) - 1,
        .timestamp_ms = 1000,
        .timestamp_type = MR_TIMESTAMP_CREATE_TIME,
        .key = bytes_of(key),
        .value = bytes_of(value),
    };
    assert_int_equal(0, record_set_origin(record, &origin));
    return record;
}

static inline struct mr_record *append_polled(struct mr_batch *batch, const char *key, const char *value)
{
    const struct mr_schema *string = mr_schema_primitive(MR_TYPE_STRING, true);
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    assert_int_equal(0, mr_record_set_topic_ref(record, "out"));
    assert_int_equal(0, mr_record_set_key(record, string, key == NULL ? mr_null() : mr_string(arena, key)));
    assert_int_equal(0, mr_record_set_value(record, string, value == NULL ? mr_null() : mr_string(arena, value)));
    return record;
}

static inline void assert_text(const char *expected, const struct mr_value *value)
{
    assert_int_equal(MR_KIND_STRING, mr_value_kind(value));
    struct mr_bytes bytes = mr_value_bytes(value);
    assert_int_equal(strlen(expected), bytes.size);
    assert_memory_equal(expected, bytes.data, bytes.size);
}

static inline void assert_bytes(const char *expected, struct mr_bytes bytes)
{
    if (expected == NULL) {
        assert_null(bytes.data);
        return;
    }
    assert_non_null(bytes.data);
    assert_int_equal(strlen(expected), bytes.size);
    assert_memory_equal(expected, bytes.data, bytes.size);
}

static inline void no_pause(void *argument, int64_t duration_ms)
{
    (void)duration_ms;
    if (argument != NULL)
        (*(int *)argument)++;
}

static inline struct tolerance *tolerance_of_test(const struct error_settings *settings)
{
    const struct tolerance_setup setup = { .connector = "c", .settings = settings, .pause = no_pause };
    struct tolerance *tolerance = tolerance_create(&setup, NULL);
    assert_non_null(tolerance);
    return tolerance;
}

#endif
