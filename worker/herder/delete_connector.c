/* DELETE /connectors/{n}: tombstones in the config topic; what runs ends with the next pass. */
#include <millrace/error.h>

#include "base/mem.h"
#include "herder/requests_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

static void write_done(struct herder *herder, struct herder_job *job)
{
    if (job->error != NULL)
        request_answer_error(herder, job->request, job->error);
    else
        request_answer(herder, job->request, 204, NULL);
}

/* NULL: no memory. A connector that is given its name later has nothing to undo. */
static struct config_change *removal_of(struct herder *herder, const char *connector)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    char *undo = offset_undo_key_if_any(snapshot, connector);
    struct config_change *change = config_change_of_removal(connector);

    if (change != NULL && undo != NULL && !config_change_add_note_removal(change, undo)) {
        config_change_drop(change);
        change = NULL;
    }
    config_snapshot_drop(snapshot);
    mem_free(undo);
    return change;
}

static void begin(struct herder *herder, struct herder_request *request)
{
    request_post_change(herder, request, removal_of(herder, request->name), write_done);
}

static const struct request_kind delete_kind = {
    .doing = "deleting the connector",
    .unknown_before = "Connector ",
    .unknown_after = " not found",
    .begin = begin,
};

void herder_delete_connector(struct herder *herder, const char *name, herder_guard_fn *guard, herder_reply_fn *reply,
                             void *argument)
{
    struct herder_request *request = request_create(&delete_kind, name, reply, argument);

    if (request == NULL)
        return;
    request->guard = guard;
    request_post(herder, request);
}
