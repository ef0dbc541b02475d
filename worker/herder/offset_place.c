/* Where the offsets of a connector are: of a source in the offset store, of a sink in its consumer group. */
#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/module.h>
#include <millrace/value.h>

#include "config/connector_config.h"
#include "executor/offset_stores.h"
#include "herder/herder_internal.h"
#include "herder/offsets_internal.h"
#include "herder/requests_internal.h"
#include "loader/loader.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

int offset_place_find(struct offset_place *place, struct mr_error **error)
{
    const struct loader_plugin *plugin;

    if (connector_config_plugin(place->herder->setup.loader, place->config, &plugin, error) != 0)
        return -1;
    place->is_sink = plugin->kind == MR_PLUGIN_SINK;
    return 0;
}

static struct executor_group group_of(const struct offset_place *place)
{
    return (struct executor_group){place->connector, place->config, place->deadline_ms - OFFSETS_WORDS_MARGIN_MS};
}

/* Of a source: the worker's, or the connector's own. Dropped after each use; it stays open for a while. */
static struct offset_store *take_store(const struct offset_place *place, struct mr_error **error)
{
    return executor_take_offsets(place->herder->executor, place->connector, place->config,
                                 place->deadline_ms - OFFSETS_WORDS_MARGIN_MS, error);
}

static void drop_store(const struct offset_place *place, struct offset_store *store)
{
    executor_drop_offsets(place->herder->executor, store);
}

static int read_source(const struct offset_place *place, struct offset_list *list, struct mr_error **error)
{
    struct offset_store *store = take_store(place, error);
    int status = store == NULL ? -1 : offset_list_read(list, store, place->connector, place->deadline_ms, error);

    drop_store(place, store);
    return status;
}

int offset_place_read(const struct offset_place *place, struct offset_list *list, struct mr_error **error)
{
    const struct executor_group group = group_of(place);

    return place->is_sink ? sink_offsets_read(list, place->herder->executor, &group, error) : read_source(place, list, error);
}

int offset_place_normalise(const struct offset_place *place, struct offset_list *list, struct mr_error **error)
{
    const struct executor_group group = group_of(place);

    return place->is_sink ? sink_offsets_normalise(list, place->herder->executor, &group, error) : 0;
}

static int read_former_in(struct offset_store *store, const struct offset_place *place, const struct offset_list *changes,
                          struct offset_list *former, struct mr_error **error)
{
    if (offset_list_arena(former, error) == NULL || offset_store_refresh(store, place->deadline_ms, error) != 0)
        return -1;
    for (size_t i = 0; i < changes->count; i++) {
        const struct mr_value *partition = changes->entries[i].partition;
        const struct mr_value *offset = offset_store_get(store, place->connector, partition, former->arena, error);

        if (offset == NULL || offset_list_add(former, partition, offset, error) != 0)
            return -1;
    }
    return 0;
}

static int read_former_of_source(const struct offset_place *place, const struct offset_list *changes, struct offset_list *former,
                                 struct mr_error **error)
{
    struct offset_store *store = take_store(place, error);
    int status = store == NULL ? -1 : read_former_in(store, place, changes, former, error);

    drop_store(place, store);
    return status;
}

int offset_place_read_former(const struct offset_place *place, const struct offset_list *changes, struct offset_list *former,
                             struct mr_error **error)
{
    struct offset_list current = {0};
    int status;

    if (!place->is_sink)
        return read_former_of_source(place, changes, former, error);
    status = offset_place_read(place, &current, error);
    if (status == 0)
        status = sink_offsets_match(former, changes, &current, error);
    offset_list_release(&current);
    return status;
}

static int write_source(const struct offset_place *place, const struct offset_list *list, struct mr_error **error)
{
    struct offset_store *store = take_store(place, error);
    int64_t budget_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS;
    int64_t deadline_ms = budget_ms < place->deadline_ms ? budget_ms : place->deadline_ms;
    int status = store == NULL ? -1 : offset_list_write(list, store, place->connector, deadline_ms, error);

    drop_store(place, store);
    return status;
}

int offset_place_write(const struct offset_place *place, const struct offset_list *list, bool is_reset, struct mr_error **error)
{
    const struct executor_group group = group_of(place);

    if (!place->is_sink)
        return write_source(place, list, error);
    if (is_reset)
        return executor_delete_group(place->herder->executor, &group, error);
    return sink_offsets_write(list, place->herder->executor, &group, error);
}

bool offset_place_state_allows(const struct config_snapshot *snapshot, const char *connector)
{
    return config_snapshot_target(snapshot, connector) == TARGET_STOPPED && config_snapshot_task_count(snapshot, connector) == 0;
}
