/* metrics_test.h: a registry with a fake clock, and its text. Include after cmocka.h. */
#ifndef METRICS_TEST_H
#define METRICS_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fake_clock.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "metrics/exposition.h"
#include "metrics/registry.h"
#include "metrics/task_metrics.h"

static struct metrics_bench {
    struct fake_clock clock;
    struct metrics_registry *registry;
    struct str_buffer text;
} bench;

static inline int bench_set_up(void **state)
{
    (void)state;
    fake_clock_init(&bench.clock, 1700000000000);
    bench.registry = metrics_registry_create(&(struct metrics_registry_setup){
        .clock = &bench.clock.clock, .version = "0.1.0", .librdkafka_version = "2.12.0", .connect_protocol = "sessioned"});
    assert_non_null(bench.registry);
    str_buffer_init(&bench.text, 64u << 20);
    return 0;
}

static inline int bench_tear_down(void **state)
{
    (void)state;
    metrics_registry_destroy(bench.registry);
    str_buffer_release(&bench.text);
    return 0;
}

static inline const char *bench_write(enum metrics_format format)
{
    str_buffer_clear(&bench.text);
    assert_true(metrics_write(bench.registry, format, &bench.text));
    return str_buffer_text(&bench.text);
}

/* The value of the series, exactly as written; NULL: there is none. Lasts until the next. */
static inline const char *bench_series(const char *series)
{
    static char value[64];
    const char *at = bench_write(METRICS_PROMETHEUS);
    size_t length = strlen(series);

    for (; at != NULL && *at != '\0'; at = strchr(at, '\n') == NULL ? NULL : strchr(at, '\n') + 1)
        if (strncmp(at, series, length) == 0 && at[length] == ' ') {
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + length + 1, "\n"), at + length + 1);
            return value;
        }
    return NULL;
}

static inline void bench_expect(const char *series, const char *value)
{
    const char *seen = bench_series(series);

    if (seen == NULL ? value != NULL : value == NULL || strcmp(seen, value) != 0)
        fail_msg("%s is %s, not %s; in\n%s", series, seen == NULL ? "missing" : seen, value == NULL ? "missing" : value,
                 str_buffer_text(&bench.text));
}

static inline int64_t bench_now_us(void)
{
    return clock_monotonic_us(&bench.clock.clock);
}

#endif
