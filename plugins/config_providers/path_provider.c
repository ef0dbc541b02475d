#include "path_provider.h"

#include <stdlib.h>

#include "providers.h"

#define ALLOWED_PATHS "allowed.paths"

static const struct mr_range ttl_range = {MR_TTL_NONE, INT64_MAX};
static const struct mr_config_row rows[] = {
    {
        .name = ALLOWED_PATHS,
        .type = MR_CONFIG_STRING,
        .default_text = NULL,
        .importance = MR_MEDIUM,
        .doc = "A comma separated list of paths that this config provider is allowed to access. If not set, all paths are "
               "allowed.",
    },
    {
        .name = "watch",
        .type = MR_CONFIG_BOOLEAN,
        .default_text = "true",
        .importance = MR_LOW,
        .doc = "Whether to look out for changes: connectors whose values have changed are then restarted, as their "
               "config.action.reload says.",
    },
    {
        .name = "ttl.ms",
        .type = MR_CONFIG_LONG,
        .default_text = "-1",
        .importance = MR_LOW,
        .doc = "Values are read again after this many milliseconds, and connectors restarted whose values have changed; -1: "
               "they are not.",
        .validator = mr_check_range,
        .validator_argument = &ttl_range,
    },
};
const struct mr_config_def path_provider_options = MR_CONFIG_DEF(rows);

struct path_provider *path_provider_create(const struct mr_plugin *plugin, enum path_kind kind, const struct mr_config *config,
                                           struct mr_error **error)
{
    struct path_provider *provider = calloc(1, sizeof(*provider));
    if (provider == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a config provider");
        return NULL;
    }
    provider->class_name = plugin->class_name;
    provider->kind = kind;
    provider->ttl_ms = mr_config_integer(config, "ttl.ms");
    provider->watches = mr_config_boolean(config, "watch");
    provider->allowed = allowed_paths_create(mr_config_text(config, ALLOWED_PATHS), error);
    if (provider->allowed == NULL) {
        free(provider);
        return NULL;
    }
    path_watch_take();
    return provider;
}

void path_provider_destroy(void *self)
{
    struct path_provider *provider = self;
    path_watch_drop();
    allowed_paths_destroy(provider->allowed);
    free(provider);
}

static char *usable_of(const struct path_provider *provider, const char *path, bool is_told, struct mr_error **error)
{
    char *usable = NULL;
    if (path == NULL || *path == '\0')
        return NULL;
    enum allowed_verdict verdict = allowed_paths_check(provider->allowed, path, &usable);
    if (verdict == ALLOWED_NO_MEMORY)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a path");
    else if (verdict == ALLOWED_NO && is_told)
        mr_log(provider_host, MR_LOG_WARN, provider->class_name, "The path %s is not allowed to be accessed", path);
    return usable;
}

char *path_provider_usable(const struct path_provider *provider, const char *path, int *status, struct mr_error **error)
{
    struct mr_error *reason = NULL;
    char *usable = usable_of(provider, path, true, &reason);
    *status = reason == NULL ? 0 : -1;
    if (reason != NULL)
        mr_error_set(error, mr_error_code(reason), "%s", mr_error_message(reason));
    mr_error_drop(reason);
    return usable;
}

int path_provider_subscribe(void *self, const char *path, mr_config_changed_fn *changed, void *argument,
                            struct mr_error **error)
{
    const struct path_provider *provider = self;
    struct mr_error *reason = NULL;
    char *usable = provider->watches ? usable_of(provider, path, false, &reason) : NULL;
    struct path_subscription subscription = {provider, path, changed, argument};
    int status = reason == NULL ? 0 : mr_error_set(error, mr_error_code(reason), "%s", mr_error_message(reason));
    if (usable != NULL)
        status = path_watch_subscribe(&subscription, usable, provider->kind, error);
    mr_error_drop(reason);
    free(usable);
    return status;
}

void path_provider_unsubscribe(void *self, const char *path, void *argument)
{
    path_watch_unsubscribe(&(struct path_subscription){.owner = self, .path = path, .argument = argument});
}
