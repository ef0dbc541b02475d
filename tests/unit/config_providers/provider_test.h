/* provider_test.h: what the tests of this folder share: CMocka, a provider made in one line, its answer. */
#ifndef PROVIDER_TEST_H
#define PROVIDER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "providers.h"
#include "sdk/collect.h"
#include "support/malloc_torture.h"
#include "support/plugin_bench.h"

struct bench {
    const struct mr_config_provider_ops *ops;
    struct mr_config *config;
    void *self;
    struct mr_config_data *data;
    struct mr_error *error;
};

/* `lines`: "name=value" texts, NULL-terminated. */
static inline bool bench_try(struct bench *bench, const struct mr_plugin *plugin, const char *const *lines)
{
    provider_host = &test_host;
    *bench = (struct bench){.ops = plugin->ops, .config = config_of(plugin->config_def, lines)};
    bench->self = bench->ops->create(bench->config, &bench->error);
    return bench->self != NULL;
}

#define NO_LINES ((const char *const[]){NULL})
#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void bench_init(struct bench *bench, const struct mr_plugin *plugin, const char *const *lines)
{
    if (!bench_try(bench, plugin, lines))
        fail_msg("%s", mr_error_message(bench->error));
}

static inline void bench_release(struct bench *bench)
{
    config_data_destroy(bench->data);
    if (bench->self != NULL)
        bench->ops->destroy(bench->self);
    mr_config_destroy(bench->config);
    mr_error_clear(&bench->error);
}

/* Asks for these keys (NULL: all). */
static inline int bench_get(struct bench *bench, const char *path, const char *const *keys)
{
    size_t count = 0;
    while (keys != NULL && keys[count] != NULL)
        count++;
    config_data_destroy(bench->data);
    mr_error_clear(&bench->error);
    bench->data = config_data_create();
    assert_non_null(bench->data);
    return bench->ops->get(bench->self, path, keys, count, bench->data, &bench->error);
}

/* The value of one key, or NULL. */
static inline const char *bench_value(struct bench *bench, const char *path, const char *key)
{
    if (bench_get(bench, path, LINES(key)) != 0)
        fail_msg("%s", mr_error_message(bench->error));
    return config_data_get(bench->data, key);
}

static inline void assert_refused(struct bench *bench, const char *path, const char *key, const char *words)
{
    assert_int_equal(-1, bench_get(bench, path, LINES(key)));
    if (strstr(mr_error_message(bench->error), words) == NULL)
        fail_msg("'%s' is not in: %s", words, mr_error_message(bench->error));
    assert_null(config_data_get(bench->data, key));
}

/* Root may read everything: the test is somebody else for a while. */
static inline uid_t become_nobody(void)
{
    uid_t former = geteuid();
    if (former == 0)
        assert_int_equal(0, seteuid(65534));
    return former;
}

/* One attempt for malloc_torture: make the provider, ask, end it. The caller's own memory is not in play: the answer is. */
struct attempt {
    const struct mr_plugin *plugin;
    const struct mr_config *config;
    const char *path;
    const char *const *keys;
    size_t key_count;
};

static inline bool create_get_destroy(void *argument)
{
    const struct attempt *attempt = argument;
    const struct mr_config_provider_ops *ops = attempt->plugin->ops;
    struct mr_error *error = NULL;
    void *self = ops->create(attempt->config, &error);
    struct mr_config_data *data = self == NULL ? NULL : config_data_create();
    int status = data == NULL ? -1 : ops->get(self, attempt->path, attempt->keys, attempt->key_count, data, &error);
    bool worked = status == 0 && config_data_count(data) == attempt->key_count;
    config_data_destroy(data);
    if (self != NULL)
        ops->destroy(self);
    mr_error_drop(error);
    return worked;
}

static inline void provider_torture(struct bench *bench, const struct mr_plugin *plugin, const char *path,
                                    const char *const *keys, size_t key_count)
{
    struct attempt attempt = {plugin, bench->config, path, keys, key_count};
    malloc_torture(create_get_destroy, &attempt);
}

#endif
