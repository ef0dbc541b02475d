/* The offset store of a source connector, for who has no task of it: REST. */
#include "executor/offset_stores.h"

#include <millrace/error.h>

#include "base/secrets.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "executor/executor_internal.h"

#include "base/bans.h"

/* As its tasks read it: struct connector_exactly_once. */
static struct offset_stores_want want_of(const struct worker_config *worker, const char *connector, const struct string_map *config,
                                         int64_t deadline_ms)
{
    return (struct offset_stores_want){
        .connector = connector,
        .config = config,
        .topic = string_map_get(config, "offsets.storage.topic"),
        .exactly_once = connector_wants_exactly_once(config, worker),
        .deadline_ms = deadline_ms,
    };
}

/* The policy may refuse now what it allowed when the connector was made. */
static int check_overrides(const struct executor *executor, const char *connector, const struct string_map *raw,
                           const struct string_map *resolved, struct mr_error **error)
{
    const struct executor_setup *setup = &executor->setup;
    struct connector_validation validation = {
        .loader = setup->loader, .worker = setup->worker, .name = connector, .raw = raw};
    const struct loader_plugin *plugin;
    if (connector_config_plugin(setup->loader, resolved, &plugin, error) != 0)
        return -1;
    return connector_config_check_overrides(&validation, plugin, resolved, error);
}

static struct offset_store *take_resolved(struct executor *executor, const char *connector, const struct string_map *config,
                                          int64_t deadline_ms, struct mr_error **error)
{
    struct string_map *resolved = variables_resolve(executor->setup.variables, config, NULL, error);
    struct offset_store *store = NULL;
    if (resolved != NULL && check_overrides(executor, connector, config, resolved, error) == 0) {
        struct offset_stores_want want = want_of(executor->setup.worker, connector, resolved, deadline_ms);
        store = offset_stores_take(executor->offset_stores, &want, error);
    }
    variables_hide_error(config, resolved, error);
    string_map_destroy(resolved);
    return store;
}

struct offset_store *executor_take_offsets(struct executor *executor, const char *connector, const struct string_map *config,
                                           int64_t deadline_ms, struct mr_error **error)
{
    struct offset_stores_want want = want_of(executor->setup.worker, connector, config, deadline_ms);
    if (want.topic == NULL && !want.exactly_once)
        return executor->setup.offsets;
    bool before = secrets_trial(true);
    struct offset_store *store = take_resolved(executor, connector, config, deadline_ms, error);
    secrets_trial(before);
    return store;
}

void executor_drop_offsets(struct executor *executor, struct offset_store *store)
{
    offset_stores_drop(executor->offset_stores, store);
}
