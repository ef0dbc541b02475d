#include "extensions/extensions.h"

#include <millrace/error.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/plugin_options.h"
#include "config/worker_config.h"
#include "executor/job_pool.h"
#include "extensions/extensions_internal.h"

#include "base/bans.h"

#define THREADS_MAX 16 /* beside those that block */
#define DESTROY_TIMEOUT_MS 1000

/* ---- one of them ---- */

static int check_prefix(const struct extensions *extensions, const struct loader_plugin *plugin,
                        const struct extensions_setup *setup, struct mr_error **error)
{
    const char *prefix = plugin->rest_extension->prefix;
    if (prefix == NULL)
        return 0;
    if (setup->prefix_is_taken(prefix))
        return mr_error_set(error, MR_ERR_CONFIG, "rest.extension.classes: %s wants to serve %s, which is the worker's own. Remove it",
                            plugin->class_name, prefix);
    for (size_t i = 0; i < extensions->count; i++) {
        const char *other = extensions->list[i].ops->prefix;
        if (other != NULL && strcmp(other, prefix) == 0)
            return mr_error_set(error, MR_ERR_CONFIG, "rest.extension.classes: %s and %s both want to serve %s. Remove one",
                                extensions->list[i].plugin->class_name, plugin->class_name, prefix);
    }
    return 0;
}

static int create_self(struct extension *extension, struct mr_rest_context *context, struct mr_error **error)
{
    const struct plugin_call before = plugin_call_enter(&extension->plugin->name, "create");
    extension->self = extension->ops->create(context, extension->config, error);
    plugin_call_leave(before);
    if (extension->self != NULL)
        return mr_error_clear(error), 0;
    mr_error_set(error, MR_ERR_CONFIG, "it gave no reason");
    return mr_error_wrap(error, "rest.extension.classes: %s did not start", extension->plugin->class_name);
}

static int add(struct extensions *extensions, const char *name, const struct extensions_setup *setup, struct mr_error **error)
{
    const struct loader_plugin *plugin;
    if (extensions->count == EXTENSIONS_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "rest.extension.classes: at most %d extensions", EXTENSIONS_MAX);
    if (loader_find(setup->loader, MR_PLUGIN_REST_EXTENSION, name, NULL, &plugin, error) != 0)
        return mr_error_wrap(error, "rest.extension.classes: %s is not there", name);
    if (check_prefix(extensions, plugin, setup, error) != 0)
        return -1;
    struct extension *extension = &extensions->list[extensions->count];
    extension->plugin = plugin;
    extension->ops = plugin->rest_extension;
    extension->config = plugin_options_read(plugin, setup->worker->properties, NULL, NULL, error);
    if (extension->config == NULL)
        return mr_error_wrap(error, "rest.extension.classes: %s", plugin->class_name);
    extensions->count++;
    if (create_self(extension, &extensions->context, error) != 0)
        return -1;
    log_info("rest.extensions", "REST extension %s %s", plugin->class_name,
             plugin->rest_extension->prefix == NULL ? "looks at requests" : plugin->rest_extension->prefix);
    return 0;
}

static void destroy_one(struct extension *extension)
{
    if (extension->self != NULL) {
        const struct plugin_call before = plugin_call_enter(&extension->plugin->name, "destroy");
        extension->ops->destroy(extension->self);
        plugin_call_leave(before);
    }
    mr_config_destroy(extension->config);
}

/* ---- all ---- */

/* What the worker itself is in place of. */
static bool is_built_in(const char *name)
{
    return strcmp(name, "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension") == 0;
}

static int add_all(struct extensions *extensions, const struct extensions_setup *setup, struct mr_error **error)
{
    char *names = mem_strdup(setup->worker->rest_extensions), *rest = names;
    int status = 0;
    if (names == NULL)
        return setup->worker->rest_extensions == NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for REST extensions");
    for (char *name; status == 0 && (name = strtok_r(rest, ", \t", &rest)) != NULL;)
        status = is_built_in(name) ? 0 : add(extensions, name, setup, error);
    mem_free(names);
    return status;
}

static int start_pool(struct extensions *extensions, struct mr_error **error)
{
    char why[160];
    if (extensions->count == 0)
        return 0;
    extensions->pool = job_pool_create(&(struct job_pool_setup){.thread_name = "extension", .threads_max = THREADS_MAX}, why, sizeof(why));
    return extensions->pool != NULL ? 0 : mr_error_set(error, MR_ERR_CONNECT, "%s", why);
}

struct extensions *extensions_create(const struct extensions_setup *setup, struct mr_error **error)
{
    struct extensions *extensions = mem_calloc(1, sizeof(*extensions));
    if (extensions == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for REST extensions");
        return NULL;
    }
    extensions->context = (struct mr_rest_context){setup->cluster, setup->cluster_owner};
    extensions->timeout_ms = setup->worker->rest_extension_timeout_ms;
    if (add_all(extensions, setup, error) == 0 && start_pool(extensions, error) == 0)
        return extensions;
    extensions_destroy(extensions);
    return NULL;
}

bool extensions_stop(struct extensions *extensions, int64_t deadline_ms)
{
    atomic_store(&extensions->stopping, true);
    if (!extensions->stopped)
        extensions->stopped = extensions->pool == NULL || job_pool_stop(extensions->pool, deadline_ms);
    return extensions->stopped;
}

void extensions_destroy(struct extensions *extensions)
{
    if (extensions == NULL || !extensions_stop(extensions, clock_monotonic_ms(NULL) + DESTROY_TIMEOUT_MS))
        return;
    for (size_t i = extensions->count; i > 0; i--)
        destroy_one(&extensions->list[i - 1]);
    job_pool_destroy(extensions->pool);
    mem_free(extensions);
}

const char *extensions_prefix(const struct extensions *extensions, size_t index)
{
    for (size_t i = 0; i < extensions->count; i++)
        if (extensions->list[i].ops->prefix != NULL && index-- == 0)
            return extensions->list[i].ops->prefix;
    return NULL;
}

bool extensions_have_filters(const struct extensions *extensions)
{
    for (size_t i = 0; i < extensions->count; i++)
        if (extensions->list[i].ops->filter != NULL)
            return true;
    return false;
}
