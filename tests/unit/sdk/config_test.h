/* What the tests of configurations share: CMocka, and a map written in one line. */
#ifndef CONFIG_TEST_H
#define CONFIG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/string_map.h"
#include "sdk/collect.h"
#include "sdk/config_host.h"

/* map_of("a", "1", "b", NULL_TEXT, NULL) */
#define NULL_TEXT ((const char *)"\001null")

static inline struct string_map *map_of(const char *name, ...)
{
    struct string_map *map = string_map_create();
    va_list args;
    va_start(args, name);
    for (; map != NULL && name != NULL; name = va_arg(args, const char *)) {
        const char *text = va_arg(args, const char *);
        string_map_put(map, name, strcmp(text, NULL_TEXT) == 0 ? NULL : text);
    }
    va_end(args);
    return map;
}

struct parsed {
    struct mr_config *config;
    struct mr_config_report *report;
};

/* Takes the map. */
static inline struct parsed parse(const struct mr_config_def *def, enum config_mood mood, struct string_map *map)
{
    struct parsed parsed = {NULL, config_report_create()};
    struct mr_error *error = NULL;
    assert_non_null(parsed.report);
    struct config_source source = {.mood = mood, .defs = &def, .def_count = 1, .map = map};
    assert_int_equal(config_parse(&source, &parsed.config, parsed.report, &error), 0);
    assert_null(error);
    assert_non_null(parsed.config);
    string_map_destroy(map);
    return parsed;
}

static inline void parsed_release(struct parsed *parsed)
{
    mr_config_destroy(parsed->config);
    config_report_destroy(parsed->report);
}

static inline void assert_finding(const struct parsed *parsed, size_t index, const char *option, const char *message)
{
    assert_true(index < config_report_count(parsed->report));
    assert_string_equal(config_report_option(parsed->report, index), option);
    assert_string_equal(config_report_message(parsed->report, index), message);
}

static inline void assert_no_findings(const struct parsed *parsed)
{
    if (config_report_count(parsed->report) > 0)
        fail_msg("found: %s", config_report_message(parsed->report, 0));
}

#endif
