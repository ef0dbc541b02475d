/*
 * path_provider: what the providers of files and of folders have in common: parameters, which paths they may read, change notices.
 *
 * Life: path_provider_create (the provider's `create`) → … → path_provider_destroy. Constant after create.
 */
#ifndef CONFIG_PROVIDERS_PATH_PROVIDER_H
#define CONFIG_PROVIDERS_PATH_PROVIDER_H

#include <millrace/module.h>

#include "allowed_paths.h"
#include "path_watch.h"

struct path_provider {
    const char *class_name;
    enum path_kind kind;
    struct allowed_paths *allowed;
    int64_t ttl_ms; /* MR_TTL_NONE: none */
    bool watches;
};

/* allowed.paths, ttl.ms, watch. */
extern const struct mr_config_def path_provider_options;

struct path_provider *path_provider_create(const struct mr_plugin *plugin, enum path_kind kind, const struct mr_config *config,
                                           struct mr_error **error);
void path_provider_destroy(void *self);

/* What to open for `path` (free it), or NULL: nothing can be got from it, and *status says whether that is an error (-1) or an
 * empty answer (0): no path, or one that is not allowed, which is logged. */
char *path_provider_usable(const struct path_provider *provider, const char *path, int *status, struct mr_error **error);

/* The tables' subscribe and unsubscribe. */
int path_provider_subscribe(void *self, const char *path, mr_config_changed_fn *changed, void *argument,
                            struct mr_error **error);
void path_provider_unsubscribe(void *self, const char *path, void *argument);

#endif
