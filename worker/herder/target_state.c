/* PUT /connectors/{n}/pause, /resume, /stop: a target state in the config topic. A stop empties the task list first. */
#include <millrace/error.h>

#include "herder/requests_internal.h"
#include "store/config_store.h"

#include "base/bans.h"

static void write_run(struct herder_job *job)
{
    struct config_store *configs = job->herder->setup.configs;
    const struct herder_request *request = job->request;
    enum target_state target = (enum target_state)request->target;
    int64_t deadline_ms = job_write_deadline_ms(job);

    if (target == TARGET_STOPPED &&
        config_store_put_tasks(configs, request->name, NULL, 0, deadline_ms, &job->error) != 0)
        return;
    config_store_put_target(configs, request->name, target, deadline_ms, &job->error);
}

/* A stop that came only half way, or not in time, has left a running connector without tasks: have them made again. Where it did
 * come through nothing is asked until the connector runs. */
static void heal(struct herder *herder, struct herder_request *request)
{
    if (request->target == TARGET_STOPPED)
        task_configs_want(herder, request->connector);
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;

    if (job->error != NULL) {
        heal(herder, request);
        request_answer_error(herder, request, job->error);
        return;
    }
    request_answer(herder, request, request->target == TARGET_STOPPED ? 204 : 202, NULL);
}

static const struct request_kind target_kind = {
    .route = ROUTE_ANY,
    .doing = "changing the target state",
    .unknown_before = "Unknown connector ",
    .unknown_after = "",
    .write = write_run,
    .written = write_done,
};

/* It empties the task list, which only a leader may. */
static const struct request_kind stop_kind = {
    .route = ROUTE_LEADER,
    .doing = "stopping the connector",
    .unknown_before = "Unknown connector ",
    .unknown_after = "",
    .write = write_run,
    .written = write_done,
    .unfinished = heal,
};

static void request_target(struct herder *herder, const char *name, enum target_state target, herder_reply_fn *reply,
                           void *argument)
{
    struct herder_request *request =
        request_create(target == TARGET_STOPPED ? &stop_kind : &target_kind, name, reply, argument);

    if (request == NULL)
        return;
    request->target = target;
    request_post(herder, request);
}

void herder_pause_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    request_target(herder, name, TARGET_PAUSED, reply, argument);
}

void herder_resume_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    request_target(herder, name, TARGET_STARTED, reply, argument);
}

void herder_stop_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    request_target(herder, name, TARGET_STOPPED, reply, argument);
}
