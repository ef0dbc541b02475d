/* DELETE /connectors/{n}: tombstones in the config topic; what runs ends with the next pass. */
#include <millrace/error.h>

#include "herder/requests_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

static void write_run(struct herder_job *job)
{
    config_store_remove_connector(job->herder->setup.configs, job->request->name, job_write_deadline_ms(job),
                                  &job->error);
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    if (job->error != NULL)
        request_answer_error(herder, job->request, job->error);
    else
        request_answer(herder, job->request, 204, NULL);
}

static void begin(struct herder *herder, struct herder_request *request)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    bool exists = config_snapshot_has(snapshot, request->name);

    config_snapshot_drop(snapshot);
    if (exists)
        request_post_write(herder, request, write_run, write_done);
    else
        request_answer(herder, request, 404, "Connector %s not found", request->name);
}

static const struct request_kind delete_kind = {.doing = "deleting the connector", .begin = begin};

void herder_delete_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    struct herder_request *request = request_create(&delete_kind, name, reply, argument);

    if (request != NULL)
        request_post(herder, request);
}
