/*
 * plugin_bench: what stands in for the worker around a plugin that is compiled into a test: a host with a clock of the test's,
 * configurations in one line each, a folder of its own. Include after cmocka.h; the test sees sdk.
 */
#ifndef SUPPORT_PLUGIN_BENCH_H
#define SUPPORT_PLUGIN_BENCH_H

#include <fcntl.h>
#include <limits.h>
#include <millrace/millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    char texts[16][PATH_MAX + 64];
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

#define test_in_folder(function) cmocka_unit_test_setup_teardown(function, folder_set_up, folder_tear_down)

#endif
