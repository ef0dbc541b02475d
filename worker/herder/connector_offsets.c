/*
 * GET, PATCH, DELETE /connectors/{n}/offsets (KIP-875): of sources in the offset store, of sinks in their consumer group.
 *
 * Reading is an errand. A change is a request in the connector's lane: the connector is STOPPED and none of its tasks is left,
 * its class is asked (plugin code, on a job), then the offsets are written: those of a source are read back, those of a sink are
 * Kafka's to keep. A question that was not answered in time writes nothing.
 */
#include <millrace/error.h>
#include <millrace/module.h>

#include "config/connector_config.h"
#include "herder/cluster_internal.h"
#include "herder/errand_internal.h"
#include "herder/requests_internal.h"
#include "loader/loader.h"
#include "sdk/collect.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define WORDS_MARGIN_MS 1000 /* what waits for a cluster gives up so long before the request's deadline, and says why */

static int find_kind(const struct herder *herder, const struct string_map *config, bool *is_sink,
                     struct mr_error **error)
{
    const struct loader_plugin *plugin;

    if (connector_config_plugin(herder->setup.loader, config, &plugin, error) != 0)
        return -1;
    *is_sink = plugin->kind == MR_PLUGIN_SINK;
    return 0;
}

static int read_all(struct offset_list *list, const struct herder *herder, const char *name,
                    const struct string_map *config, int64_t deadline_ms, struct mr_error **error)
{
    const struct executor_group group = {name, config, deadline_ms - WORDS_MARGIN_MS};
    bool is_sink;

    if (find_kind(herder, config, &is_sink, error) != 0)
        return -1;
    return is_sink ? sink_offsets_read(list, herder->executor, &group, error)
                   : offset_list_read(list, herder->setup.offsets, name, deadline_ms, error);
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static void read_run(struct errand *errand)
{
    struct config_snapshot *snapshot = config_store_snapshot(errand->herder->setup.configs);
    const struct string_map *config = config_snapshot_config(snapshot, errand->name);

    if (config != NULL)
        read_all(&errand->offsets, errand->herder, errand->name, config, errand->deadline_ms, &errand->error);
    config_snapshot_drop(snapshot);
}

static void answer_read(struct errand *errand)
{
    errand_reply(errand, &(struct herder_reply){
                             .status = 200, .offsets = errand->offsets.entries, .offset_count = errand->offsets.count});
}

void herder_read_offsets(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    struct errand *errand = errand_create(herder, name, NULL, reply, argument);

    if (errand == NULL)
        return;
    errand->doing = "reading the offsets of the connector";
    errand->run = read_run;
    errand->answer = answer_read;
    errand_post(errand);
}

/* --- changing ------------------------------------------------------------------------------------------------------- */

/* Target state STOPPED and no tasks; false: answered. */
static bool state_allows(struct herder *herder, struct herder_request *request)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    bool is_stopped = config_snapshot_target(snapshot, request->name) == TARGET_STOPPED &&
                      config_snapshot_task_count(snapshot, request->name) == 0;

    config_snapshot_drop(snapshot);
    if (!is_stopped)
        request_answer(herder, request, 400,
                       "Connectors must be in the STOPPED state before their offsets can be modified. This can be done "
                       "for the specified connector by issuing a 'PUT' request to the '/connectors/%s/stop' endpoint",
                       request->name);
    return is_stopped;
}

/* The null offsets of a reset are those of all partitions there are. */
static int find_changes(struct herder_job *job, const struct string_map *config)
{
    struct herder_request *request = job->request;

    if (find_kind(job->herder, config, &request->is_sink, &job->error) != 0)
        return -1;
    if (request->is_reset) {
        if (read_all(&request->offsets, job->herder, request->name, config, job->deadline_ms, &job->error) != 0)
            return -1;
        offset_list_forget(&request->offsets);
    } else if (request->is_sink && sink_offsets_normalise(&request->offsets, &job->error) != 0) {
        request->is_malformed = mr_error_code(job->error) == MR_ERR_CONFIG;
        return -1;
    }
    return 0;
}

static void ask_connector(struct herder_job *job, const struct string_map *config)
{
    struct herder_request *request = job->request;
    struct mr_offset_changes *changes = offset_changes_create();
    int status = changes == NULL ? -1 : 0;

    for (size_t i = 0; status == 0 && i < request->offsets.count; i++)
        status = offset_changes_add(changes, request->offsets.entries[i].partition, request->offsets.entries[i].offset);
    if (status != 0)
        mr_error_set(&job->error, MR_ERR_NO_MEMORY, "no memory for the offsets of connector %s", request->name);
    else
        executor_alter_offsets(job->herder->executor, config, changes, &request->is_handled, &job->error);
    offset_changes_destroy(changes);
}

typedef void configured_fn(struct herder_job *job, const struct string_map *config);

static void run_configured(struct herder_job *job, configured_fn *run)
{
    struct config_snapshot *snapshot = config_store_snapshot(job->herder->setup.configs);
    const struct string_map *config = config_snapshot_config(snapshot, job->request->name);

    if (config == NULL)
        mr_error_set(&job->error, MR_ERR_CONFLICT, "connector %s was deleted meanwhile", job->request->name);
    else
        run(job, config);
    config_snapshot_drop(snapshot);
}

static void ask_configured(struct herder_job *job, const struct string_map *config)
{
    if (find_changes(job, config) == 0)
        ask_connector(job, config);
}

static void ask_run(struct herder_job *job)
{
    run_configured(job, ask_configured);
}

static void write_group(struct herder_job *job, const struct string_map *config)
{
    const struct herder_request *request = job->request;
    const struct executor_group group = {request->name, config, job->deadline_ms - WORDS_MARGIN_MS};

    if (request->is_reset)
        executor_delete_group(job->herder->executor, &group, &job->error);
    else
        sink_offsets_write(&request->offsets, job->herder->executor, &group, &job->error);
}

static void write_run(struct herder_job *job)
{
    if (job->request->is_sink)
        run_configured(job, write_group);
    else
        offset_list_write(&job->request->offsets, job->herder->setup.offsets, job->request->name,
                          job_write_deadline_ms(job), &job->error);
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;
    const char *done = request->is_reset ? "reset" : "altered";

    if (job->error != NULL)
        request_answer_error(herder, request, job->error);
    else if (request->is_handled)
        request_answer(herder, request, 200, "The offsets for this connector have been %s successfully", done);
    else
        request_answer(herder, request, 200,
                       "The offsets that the worker keeps for this connector have been %s successfully. Where the "
                       "connector keeps offsets elsewhere too, those are unchanged and must be %s there",
                       done, done);
}

static void ask_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;

    if (job->error != NULL)
        request_answer_told(herder, request, request->is_malformed ? 400 : 500, "", job->error);
    else if (request_may_go_on(herder, request) && state_allows(herder, request))
        request_post_job(herder, request, "writing the offsets of the connector", write_run, write_done);
}

/* A task that is stopping still may commit. */
static void look(struct herder *herder, struct herder_request *request)
{
    const struct herder_connector *connector = request->connector;

    for (uint32_t i = 0; i < connector->task_count; i++)
        if (units_task_is_up(&connector->tasks[i]))
            return;
    if (cluster_runs_tasks(herder, request->name))
        return;
    if (state_allows(herder, request))
        request_post_job(herder, request, "asking the connector about its offsets", ask_run, ask_done);
}

static void begin(struct herder *herder, struct herder_request *request)
{
    if (state_allows(herder, request))
        look(herder, request);
}

static const struct request_kind alter_kind = {
    .doing = "waiting for the connector's tasks to stop",
    .unknown_before = "Connector ",
    .unknown_after = " not found",
    .begin = begin,
    .look = look,
};

void herder_alter_offsets(struct herder *herder, const char *name, const struct offset_entry *changes, size_t count,
                          herder_guard_fn *guard, herder_reply_fn *reply, void *argument)
{
    struct herder_request *request = request_create(&alter_kind, name, reply, argument);

    if (request == NULL)
        return;
    request->guard = guard;
    for (size_t i = 0; i < count; i++)
        if (offset_list_add(&request->offsets, changes[i].partition, changes[i].offset, NULL) != 0) {
            request_discard(request);
            return;
        }
    request_post(herder, request);
}

void herder_reset_offsets(struct herder *herder, const char *name, herder_guard_fn *guard, herder_reply_fn *reply,
                          void *argument)
{
    struct herder_request *request = request_create(&alter_kind, name, reply, argument);

    if (request == NULL)
        return;
    request->guard = guard;
    request->is_reset = true;
    request_post(herder, request);
}
