/* Change notices: one subscription for each path that a map refers to. */
#include "config/variables_internal.h"

#include "base/mem.h"

#include "base/bans.h"

struct variables_watch {
    variables_changed_fn *changed;
    void *argument;
    struct ptr_array questions;
    size_t subscribed; /* of the questions, from the first */
};

/* thread: the provider's. */
static void on_changed(void *argument, const char *path)
{
    (void)path;
    struct variables_watch *watch = argument;
    watch->changed(watch->argument);
}

static int subscribe(struct variables_watch *watch, const struct question *question, struct mr_error **error)
{
    const struct provider *provider = question->provider;
    struct mr_error *reason = NULL;
    int status = 0;
    if (provider->ops->subscribe != NULL) {
        const struct plugin_call before = plugin_call_enter(provider->plugin, "subscribe");
        status = provider->ops->subscribe(provider->self, question->path, on_changed, watch, &reason);
        plugin_call_leave(before);
    }
    if (status == 0) {
        mr_error_drop(reason);
        return 0;
    }
    mr_error_set(error, MR_ERR_CONNECT, "Config provider %s cannot tell of changes of path '%s': %s", provider->name,
                 question->path, reason == NULL ? "it gave no reason" : mr_error_message(reason));
    mr_error_drop(reason);
    return -1;
}

struct variables_watch *variables_watch_start(const struct variables *variables, const struct string_map *map,
                                              variables_changed_fn *changed, void *argument, struct mr_error **error)
{
    struct variables_watch *watch = mem_calloc(1, sizeof(*watch));
    if (watch == NULL || !questions_gather(&watch->questions, variables, map)) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to watch a configuration");
        variables_watch_stop(watch);
        return NULL;
    }
    watch->changed = changed;
    watch->argument = argument;
    for (; watch->subscribed < watch->questions.count; watch->subscribed++) {
        if (subscribe(watch, ptr_array_at(&watch->questions, watch->subscribed), error) != 0) {
            variables_watch_stop(watch);
            return NULL;
        }
    }
    return watch;
}

static void unsubscribe(struct variables_watch *watch, const struct question *question)
{
    const struct provider *provider = question->provider;
    if (provider->ops->subscribe == NULL || provider->ops->unsubscribe == NULL)
        return;
    const struct plugin_call before = plugin_call_enter(provider->plugin, "unsubscribe");
    provider->ops->unsubscribe(provider->self, question->path, watch);
    plugin_call_leave(before);
}

void variables_watch_stop(struct variables_watch *watch)
{
    if (watch == NULL)
        return;
    for (size_t i = 0; i < watch->subscribed; i++)
        unsubscribe(watch, ptr_array_at(&watch->questions, i));
    ptr_array_release(&watch->questions);
    mem_free(watch);
}
