/* DELETE /connectors/{n}: tombstones in the config topic; what runs ends with the next pass. */
#include <millrace/error.h>

#include "herder/requests_internal.h"
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

static const struct request_kind delete_kind = {
    .doing = "deleting the connector",
    .unknown_before = "Connector ",
    .unknown_after = " not found",
    .write = write_run,
    .written = write_done,
};

void herder_delete_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    struct herder_request *request = request_create(&delete_kind, name, reply, argument);

    if (request != NULL)
        request_post(herder, request);
}
