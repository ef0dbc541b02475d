/* dry_run_test.h: plugins, a worker's configuration and dry runs for the tests of this folder. */
#ifndef DRY_RUN_TEST_H
#define DRY_RUN_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "dry_run/dry_run_internal.h"
#include "errors/tolerance.h"
#include "loader/host.h"
#include "loader/loader.h"

#define STRING_CONVERTER "org.apache.kafka.connect.storage.StringConverter"
#define JSON_CONVERTER "org.apache.kafka.connect.json.JsonConverter"
#define SMT "org.apache.kafka.connect.transforms."

static struct loader *loader;
static struct worker_config *worker;
static struct variables *variables;

/* Name, text, …, NULL, into a map; of equal names the last counts. */
static inline struct string_map *put_all(struct string_map *map, va_list rest)
{
    for (const char *name; (name = va_arg(rest, const char *)) != NULL;)
        assert_true(string_map_put(map, name, va_arg(rest, const char *)));
    return map;
}

static inline struct string_map *properties(const char *first, ...)
{
    struct string_map *map = string_map_create();
    va_list rest;
    va_start(rest, first);
    if (first != NULL) {
        assert_true(string_map_put(map, first, va_arg(rest, const char *)));
        put_all(map, rest);
    }
    va_end(rest);
    return map;
}

static inline int set_up_all(void **state)
{
    (void)state;
    log_level_set("root", LOG_LEVEL_WARN, 0, NULL);
    const struct loader_setup setup = {
        .plugin_path = MR_PLUGINS "," MR_TEST_PLUGINS "/exploding_transform.so," MR_TEST_PLUGINS "/failing_transform.so,"
                       MR_TEST_PLUGINS "/secret_provider.so",
        .host = loader_host(),
    };
    loader = loader_create(&setup, NULL);
    struct string_map *map = properties("bootstrap.servers", "localhost:9", "key.converter", STRING_CONVERTER, "value.converter",
                                        STRING_CONVERTER, "offset.storage.file.filename", "/dev/null", "config.providers", "secret",
                                        "config.providers.secret.class", "org.acme.SecretConfigProvider", NULL);
    worker = worker_config_create(WORKER_STANDALONE, map, NULL);
    string_map_destroy(map);
    assert_non_null(worker);
    variables = variables_create(loader, worker->properties, NULL);
    assert_non_null(variables);
    variables_are_secret(variables);
    return 0;
}

static inline int tear_down_all(void **state)
{
    (void)state;
    variables_destroy(variables);
    worker_config_destroy(worker);
    loader_destroy(loader);
    return 0;
}

static inline struct string_map *connector(const char *class_name, ...)
{
    bool is_sink = strcmp(class_name, "FileStreamSink") == 0;
    struct string_map *map = properties("name", "c", "connector.class", class_name, is_sink ? "topics" : "topic", "t", "file",
                                        "/dev/null", NULL);
    va_list rest;
    va_start(rest, class_name);
    put_all(map, rest);
    va_end(rest);
    return map;
}
#define sink(...) connector("FileStreamSink", __VA_ARGS__)
#define source(...) connector("FileStreamSource", __VA_ARGS__)

/* Takes the configuration. */
static inline struct dry_run *try_create(struct string_map *config, struct mr_error **error)
{
    struct dry_run *dry_run = dry_run_create(&(struct dry_run_setup){.loader = loader,
                                                                     .worker = worker,
                                                                     .variables = variables,
                                                                     .config = config,
                                                                     .shown_max = DRY_RUN_SHOWN_MAX,
                                                                     .shown_all_max = SIZE_MAX,
                                                                     .held_max = DRY_RUN_HELD_MAX},
                                             error);
    string_map_destroy(config);
    return dry_run;
}

static inline struct dry_run *try_open(struct string_map *config)
{
    struct mr_error *error = NULL;
    struct dry_run *dry_run = try_create(config, &error);
    if (dry_run == NULL)
        fail_msg("%s", mr_error_message(error));
    return dry_run;
}

/* The report; json_decref. */
static inline json_t *try_one(struct dry_run *dry_run, const char *text)
{
    struct dry_run_report report;
    struct mr_error *error = NULL;
    if (dry_run_text(dry_run, text, strlen(text), &report, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    return report.json;
}

static inline void assert_json(const char *expected, const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(expected, text == NULL ? "NULL" : text);
    free(text);
}

static inline const char *member(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text == NULL ? "" : text;
}

#endif
