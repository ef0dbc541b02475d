/* connector_test.h: what stands in for worker and task around a connector that is compiled into the test: a host with a clock
 * of the test's, contexts that note what was asked, a folder of its own. Include after cmocka.h. */
#ifndef CONNECTOR_TEST_H
#define CONNECTOR_TEST_H

#include <fcntl.h>
#include <limits.h>
#include <millrace/millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sdk/collect.h"
#include "sdk/contexts.h"
#include "sdk/plugin_metrics.h"
#include "sdk/record_layout.h"

/* --- the host ---- */

static int64_t host_wall_ms = 1700000000000, host_monotonic_ms = 1000;
static int host_warnings;
static char host_last_warning[1024];

static inline void host_log(enum mr_log_level level, const char *logger, const char *text)
{
    (void)logger;
    if (level > MR_LOG_WARN)
        return;
    host_warnings++;
    snprintf(host_last_warning, sizeof(host_last_warning), "%s", text);
}

static inline bool host_log_is_on(enum mr_log_level level, const char *logger)
{
    (void)level, (void)logger;
    return true;
}

static inline int64_t host_clock_wall_ms(void)
{
    return host_wall_ms;
}

static inline int64_t host_clock_monotonic_ms(void)
{
    return host_monotonic_ms;
}

static const struct mr_host test_host = {
    .size = sizeof(test_host),
    .abi_major = MR_ABI_MAJOR,
    .abi_minor = MR_ABI_MINOR,
    .worker_version = "test",
    .log = host_log,
    .log_is_on = host_log_is_on,
    .clock_wall_ms = host_clock_wall_ms,
    .clock_monotonic_ms = host_clock_monotonic_ms,
};

static inline const struct mr_plugin *plugin_at(size_t index)
{
    const struct mr_module *module = mr_module_v1(&test_host);

    assert_true(index < module->plugin_count);
    return module->plugins[index];
}

/* "name=value" texts, NULL-terminated. */
static inline struct mr_config *config_of(const struct mr_config_def *def, const char *const *lines)
{
    char texts[16][PATH_MAX];
    const char *names[16], *values[16];
    size_t count = 0;
    struct mr_error *error = NULL;
    struct mr_config *config;

    for (; lines[count] != NULL; count++) {
        snprintf(texts[count], sizeof(texts[count]), "%s", lines[count]);
        char *equals = strchr(texts[count], '=');
        *equals = '\0';
        names[count] = texts[count];
        values[count] = equals + 1;
    }
    config = mr_config_parse(def, names, values, count, &error);
    if (config == NULL)
        fail_msg("%s", mr_error_message(error));
    return config;
}

/* --- a folder of its own ---- */

static inline int folder_set_up(void **state)
{
    char *path = malloc(PATH_MAX);

    snprintf(path, PATH_MAX, "%s/connector-test.XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    *state = path;
    host_warnings = 0;
    host_last_warning[0] = '\0';
    return mkdtemp(path) != NULL ? 0 : -1;
}

static inline int folder_tear_down(void **state)
{
    char command[PATH_MAX + 16];

    snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
    free(*state);
    return system(command);
}

static inline const char *in_folder(const char *folder, const char *name)
{
    static char paths[4][PATH_MAX + 256];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

static inline void append_to(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);

    assert_true(fd >= 0);
    assert_int_equal(size, write(fd, bytes, size));
    close(fd);
}

static inline void append_text_to(const char *path, const char *text)
{
    append_to(path, text, strlen(text));
}

/* --- a source task ---- */

struct source_bench {
    struct mr_source_context context;
    const struct mr_source_task_ops *ops;
    struct mr_config *config;
    void *self;
    struct mr_batch *batch;
    struct mr_arena *arena;
    const struct mr_value *stored; /* NULL: no offset; else a map */
    bool poll_after_is_set;
    uint32_t poll_after_ms;
    struct mr_error *error;
};

static inline const struct mr_value *bench_offset(void *owner, const struct mr_value *partition, struct mr_arena *arena,
                                                  struct mr_error **error)
{
    struct source_bench *bench = owner;

    (void)partition, (void)error;
    return bench->stored == NULL ? mr_null() : mr_value_copy(arena, bench->stored);
}

static inline void bench_poll_after_ms(void *owner, uint32_t delay_ms)
{
    struct source_bench *bench = owner;

    bench->poll_after_is_set = true;
    bench->poll_after_ms = delay_ms;
}

static const struct source_context_host bench_host = {.offset = bench_offset, .poll_after_ms = bench_poll_after_ms};

/* A stored offset {name: number}. */
static inline void source_bench_store(struct source_bench *bench, const char *name, int64_t number)
{
    struct mr_value *map = mr_map_create(bench->arena, 1);

    assert_int_equal(0, mr_map_put_text(bench->arena, map, name, mr_int64(bench->arena, number)));
    bench->stored = map;
}

static inline void source_bench_init(struct source_bench *bench, const struct mr_plugin *plugin,
                                     const char *const *lines)
{
    const struct mr_source_connector_ops *ops = plugin->ops;

    *bench = (struct source_bench){.ops = ops->task, .config = config_of(plugin->config_def, lines)};
    bench->batch = mr_batch_create(64 << 20);
    bench->arena = mr_arena_create(1 << 20);
    bench->context = (struct mr_source_context){
        .host = &bench_host, .owner = bench, .connector = "test", .batch_records_max = 100,
        .metrics = plugin_metrics_create()};
}

static inline void source_bench_start(struct source_bench *bench)
{
    bench->self = bench->ops->create(&bench->context, &bench->error);
    assert_non_null(bench->self);
    if (bench->ops->prepare != NULL)
        assert_int_equal(0, bench->ops->prepare(bench->self, bench->config, &bench->error));
    assert_int_equal(0, bench->ops->start(bench->self, bench->config, &bench->error));
}

/* Polls once into an empty batch; the answer of poll. */
static inline int source_bench_poll(struct source_bench *bench)
{
    batch_clear(bench->batch);
    bench->poll_after_is_set = false;
    mr_error_clear(&bench->error);
    return bench->ops->poll(bench->self, bench->batch, &bench->error);
}

static inline void source_bench_stop(struct source_bench *bench)
{
    if (bench->self == NULL)
        return;
    bench->ops->stop(bench->self);
    bench->ops->destroy(bench->self);
    bench->self = NULL;
}

static inline void source_bench_release(struct source_bench *bench)
{
    source_bench_stop(bench);
    mr_config_destroy(bench->config);
    mr_batch_drop(bench->batch);
    mr_arena_destroy(bench->arena);
    plugin_metrics_destroy(bench->context.metrics);
    mr_error_clear(&bench->error);
}

static inline void assert_text(const char *expected, const struct mr_value *value)
{
    struct mr_bytes text = mr_value_bytes(value);

    assert_int_equal(MR_KIND_STRING, mr_value_kind(value));
    assert_int_equal(strlen(expected), text.size);
    assert_memory_equal(expected, text.data, text.size);
}

#define test_in_folder(function) cmocka_unit_test_setup_teardown(function, folder_set_up, folder_tear_down)

#endif
