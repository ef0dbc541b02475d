/* task_bench.h: what stands around a task that a test steps by hand: clock, lease, listener, plugins, properties.
 * Include after cmocka.h. */
#ifndef TASK_BENCH_H
#define TASK_BENCH_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fake_clock.h"
#include "base/lease.h"
#include "base/string_map.h"
#include "errors/tolerance.h"
#include "kafka/client_config.h"
#include "loader/host.h"
#include "loader/loader.h"
#include "task/task.h"
#include "task/task_listener.h"

#define STRING_CONVERTER "org.apache.kafka.connect.storage.StringConverter"
#define FLUSH_INTERVAL_MS 1000
#define FLUSH_TIMEOUT_MS 500
#define BUFFER_BYTES (1u << 20)
#define STEPS_MAX 100000

static struct task_bench {
    struct fake_clock clock;
    struct lease lease;
    struct loader *loader;
    char states[256], topics[256]; /* as told, each followed by a blank */
    char trace[4096];              /* of FAILED */
    struct failure failure;        /* likewise */
    double records_per_second;     /* 0: no limit */
    atomic_int wakes, wake_references;
    int64_t wake_at_ms; /* of the last step */
    void (*in_pause)(void); /* while the error policy waits; NULL: nothing */
    _Atomic uint32_t topics_epoch;
} bench;

/* --- what the task tells ---- */

static inline void bench_on_state(void *argument, enum task_state state, const char *trace)
{
    size_t used = strlen(bench.states);

    (void)argument;
    snprintf(bench.states + used, sizeof(bench.states) - used, "%s ", task_state_name(state));
    if (trace != NULL)
        snprintf(bench.trace, sizeof(bench.trace), "%s", trace);
}

static inline void bench_on_failure(void *argument, const struct failure *failure)
{
    (void)argument;
    bench.failure = *failure;
}

static inline void bench_on_topic(void *argument, const char *topic)
{
    size_t used = strlen(bench.topics);

    (void)argument;
    snprintf(bench.topics + used, sizeof(bench.topics) - used, "%s ", topic);
}

static const struct task_listener bench_listener = {
    .on_failure = bench_on_failure, .on_state = bench_on_state, .on_topic = bench_on_topic};

static inline void bench_wake(void *argument)
{
    (void)argument;
    atomic_fetch_add(&bench.wakes, 1);
}

static inline void bench_wake_take(void *argument)
{
    (void)argument;
    atomic_fetch_add(&bench.wake_references, 1);
}

static inline void bench_wake_drop(void *argument)
{
    (void)argument;
    assert_true(atomic_fetch_sub(&bench.wake_references, 1) > 0);
}

static inline struct task_common_setup bench_common(void)
{
    static const struct plugin_name plugin = {.class_name = "org.acme.Scripted", .file = "scripted.so"};

    return (struct task_common_setup){
        .connector = "files",
        .number = 0,
        .plugin = &plugin,
        .lease = &bench.lease,
        .clock = &bench.clock.clock,
        .listener = &bench_listener,
        .wake = bench_wake,
        .wake_take = bench_wake_take,
        .wake_drop = bench_wake_drop,
        .offset_flush_interval_ms = FLUSH_INTERVAL_MS,
        .offset_flush_timeout_ms = FLUSH_TIMEOUT_MS,
        .buffer_bytes_max = BUFFER_BYTES,
        .records_per_second = bench.records_per_second,
        .topics_epoch = &bench.topics_epoch,
    };
}

static inline void bench_reset(void)
{
    struct loader *loader = bench.loader;

    memset(&bench, 0, sizeof(bench));
    bench.loader = loader;
    fake_clock_init(&bench.clock, 1700000000000);
    lease_set(&bench.lease, LEASE_FOR_EVER);
}

static inline void bench_load(const char *plugin_path)
{
    bench.loader = loader_create(&(struct loader_setup){.plugin_path = plugin_path, .host = loader_host()}, NULL);
    assert_non_null(bench.loader);
    for (size_t i = 0; i < loader_refusal_count(bench.loader); i++)
        fail_msg("%s: %s", loader_refusal_path(bench.loader, i), loader_refusal_reason(bench.loader, i));
}

/* --- properties ---- */

/* The converters, then "name=value" texts, NULL at the end. NULL: no memory. */
static inline struct string_map *bench_properties(const char *const *lines)
{
    struct string_map *map = string_map_create();
    bool good = map != NULL && string_map_put(map, "key.converter", STRING_CONVERTER) &&
                string_map_put(map, "value.converter", STRING_CONVERTER) &&
                string_map_put(map, "header.converter", STRING_CONVERTER);

    for (; good && lines != NULL && *lines != NULL; lines++) {
        char line[256];

        snprintf(line, sizeof(line), "%s", *lines);
        char *equals = strchr(line, '=');
        *equals = '\0';
        good = string_map_put(map, line, equals + 1);
    }
    if (good)
        return map;
    string_map_destroy(map);
    return NULL;
}

/* NULL: no memory. */
static inline struct client_config *bench_client(enum client_kind kind, const char *name, const char *value)
{
    struct string_map *map = string_map_create();
    struct client_config *config = NULL;

    if (map != NULL && string_map_put(map, "bootstrap.servers", "127.0.0.1:1") &&
        string_map_put(map, "client.id", "client-files-0") &&
        (name == NULL || string_map_put(map, name, value)) &&
        (kind != CLIENT_CONSUMER || string_map_put(map, "group.id", "connect-files")))
        config = client_config_create(kind, map, NULL, NULL);
    string_map_destroy(map);
    return config;
}

/* Time passes without waiting. */
static inline void bench_no_pause(void *argument, int64_t duration_ms)
{
    (void)argument;
    fake_clock_advance_ms(&bench.clock, duration_ms);
    if (bench.in_pause != NULL)
        bench.in_pause();
}

/* --- stepping ---- */

static inline int64_t bench_now_ms(void)
{
    return clock_monotonic_ms(&bench.clock.clock);
}

static inline enum task_step bench_step(struct task *task)
{
    bench.wake_at_ms = INT64_MAX; /* as the pool does */
    return task_step(task, &bench.wake_at_ms);
}

/* Steps until the task has nothing to do now. A task that never rests fails the test. true: it has ended. */
static inline bool bench_run(struct task *task)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        int wakes = bench.wakes;
        enum task_step step = bench_step(task);

        if (step == TASK_STEP_ENDED)
            return true;
        if (step == TASK_STEP_WAIT && bench.wake_at_ms > bench_now_ms() && bench.wakes == wakes)
            return false;
    }
    fail_msg("the task runs in circles");
    return false;
}

/* Lets the time pass as a pool would: to each moment the task asks for. */
static inline void bench_advance_ms(struct task *task, int64_t ms)
{
    int64_t until_ms = bench_now_ms() + ms;

    while (bench_now_ms() < until_ms) {
        int64_t next_ms = bench.wake_at_ms < until_ms ? bench.wake_at_ms : until_ms;

        if (next_ms > bench_now_ms())
            fake_clock_advance_ms(&bench.clock, next_ms - bench_now_ms());
        if (bench_run(task))
            return;
    }
}

#endif
