/*
 * A config provider: every path has a password, a number and, when asked with the parameter `ttl.ms`, a time to live.
 * Path "broken" fails. Asking for the key "touch" tells those who subscribed to that path that it has changed.
 */
#include "idle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBSCRIPTIONS_MAX 16

static const struct mr_config_row rows[] = {
    {.name = "ttl.ms", .type = MR_CONFIG_LONG, .default_text = "-1", .importance = MR_LOW, .doc = "Time to live."},
    {.name = "word",
     .type = MR_CONFIG_PASSWORD,
     .default_text = "s3cr3t",
     .importance = MR_LOW,
     .doc = "What passwords begin with."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct subscription {
    char path[64];
    mr_config_changed_fn *changed; /* NULL: free */
    void *argument;
};

struct provider {
    const struct mr_config *config;
    pthread_mutex_t lock;
    struct subscription subscriptions[SUBSCRIPTIONS_MAX];
};

static void *create(const struct mr_config *config, struct mr_error **error)
{
    if (strcmp(mr_config_string(config, "word"), "refused") == 0) {
        mr_error_set(error, MR_ERR_CONFIG, "that word is not accepted");
        return NULL;
    }
    struct provider *provider = calloc(1, sizeof(*provider));
    if (provider == NULL)
        return NULL;
    provider->config = config;
    pthread_mutex_init(&provider->lock, NULL);
    return provider;
}

static void touch(struct provider *provider, const char *path)
{
    pthread_mutex_lock(&provider->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
        struct subscription *subscription = &provider->subscriptions[i];
        if (subscription->changed != NULL && strcmp(subscription->path, path) == 0)
            subscription->changed(subscription->argument, path);
    }
    pthread_mutex_unlock(&provider->lock);
}

static int answer(struct provider *provider, const char *path, const char *key, struct mr_config_data *data)
{
    char value[256];
    if (strcmp(key, "password") == 0) {
        snprintf(value, sizeof(value), "%s-of-%s", mr_config_string(provider->config, "word"), path);
        return mr_config_data_put(data, key, value);
    }
    if (strcmp(key, "number") == 0)
        return mr_config_data_put(data, key, "42");
    if (strcmp(key, "touch") == 0)
        touch(provider, path);
    return 0;
}

static int get(void *self, const char *path, const char *const *keys, size_t key_count, struct mr_config_data *data,
               struct mr_error **error)
{
    struct provider *provider = self;
    int64_t ttl_ms = mr_config_integer(provider->config, "ttl.ms");
    if (strcmp(path, "broken") == 0)
        return mr_error_set(error, MR_ERR_CONNECT, "the vault is sealed");
    if (ttl_ms >= 0)
        mr_config_data_set_ttl_ms(data, ttl_ms);
    for (size_t i = 0; i < key_count; i++) {
        if (answer(provider, path, keys[i], data) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for an answer");
    }
    return 0;
}

static int subscribe(void *self, const char *path, mr_config_changed_fn *changed, void *argument,
                     struct mr_error **error)
{
    struct provider *provider = self;
    int status = -1;
    pthread_mutex_lock(&provider->lock);
    for (size_t i = 0; status != 0 && i < SUBSCRIPTIONS_MAX && strcmp(path, "deaf") != 0; i++) {
        if (provider->subscriptions[i].changed != NULL)
            continue;
        snprintf(provider->subscriptions[i].path, sizeof(provider->subscriptions[i].path), "%s", path);
        provider->subscriptions[i].changed = changed;
        provider->subscriptions[i].argument = argument;
        status = 0;
    }
    pthread_mutex_unlock(&provider->lock);
    return status == 0 ? 0 : mr_error_set(error, MR_ERR_CONNECT, "no more subscriptions");
}

static void unsubscribe(void *self, const char *path, void *argument)
{
    struct provider *provider = self;
    pthread_mutex_lock(&provider->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
        struct subscription *subscription = &provider->subscriptions[i];
        if (subscription->argument == argument && strcmp(subscription->path, path) == 0)
            subscription->changed = NULL;
    }
    pthread_mutex_unlock(&provider->lock);
}

static void destroy(void *self)
{
    struct provider *provider = self;
    pthread_mutex_destroy(&provider->lock);
    free(provider);
}

static const struct mr_config_provider_ops ops = {.size = sizeof(ops),
                                                  .create = create,
                                                  .get = get,
                                                  .subscribe = subscribe,
                                                  .unsubscribe = unsubscribe,
                                                  .destroy = destroy};
static const struct mr_plugin provider = {.size = sizeof(provider),
                                          .kind = MR_PLUGIN_CONFIG_PROVIDER,
                                          .class_name = "org.acme.SecretConfigProvider",
                                          .version = "1.0",
                                          .config_def = &options,
                                          .ops = &ops};
static const struct mr_plugin *const plugins[] = {&provider};
static const struct mr_module module = MR_MODULE("secret_provider", plugins);

IDLE_ENTRY(module)
