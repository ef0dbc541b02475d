/* What the topics say of a connector's tasks. */
#include <string.h>

#include "store/config_snapshot.h"
#include "store/kafka_stores.h"
#include "store/status_store.h"
#include "take_over/take_over_internal.h"

#include "base/bans.h"

json_t *tasks_look(const struct config_snapshot *configs, const char *connector)
{
    uint32_t count = config_snapshot_task_count(configs, connector);
    const char *state = count > 0 ? "complete" : "none";
    if (config_snapshot_is_inconsistent(configs, connector))
        state = "incomplete";
    else if (config_snapshot_awaits_commit(configs, connector))
        state = "uncommitted";
    return json_pack("{s:I, s:s}", "count", (json_int_t)count, "state", state);
}

bool tasks_are_half_written(const json_t *look)
{
    const char *state = words_in(look, "state");
    return strcmp(state, "incomplete") == 0 || strcmp(state, "uncommitted") == 0;
}

json_t *status_look(struct kafka_stores *stores, const char *connector)
{
    struct status_view *view = status_store_view(kafka_stores_statuses(stores), connector);
    json_int_t failed = 0;
    if (view == NULL)
        return NULL;
    for (size_t i = 0; i < view->task_count; i++)
        failed += view->tasks[i].status.state == UNIT_FAILED;
    json_t *look = json_pack("{s:s?, s:I}", "connector", view->connector == NULL ? NULL : unit_state_name(view->connector->state),
                             "failed", failed);
    status_view_destroy(view);
    return look;
}
