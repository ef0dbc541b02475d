/* POST /connectors, PUT and PATCH /connectors/{n}/config: validate (plugin code, on a job), look whether it exists, write. Order of
 * checks: Kafka's DistributedHerder.putConnectorConfig. */
#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/connector_hints.h"
#include "config/connector_shown.h"
#include "herder/requests_internal.h"
#include "loader/loader.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define TRANSACTIONS_TIMEOUT_MS 5000 /* for the brokers to say whether they take transactions */

static enum target_state initial_target(enum herder_initial_state state)
{
    if (state == HERDER_INITIAL_PAUSED)
        return TARGET_PAUSED;
    return state == HERDER_INITIAL_STOPPED ? TARGET_STOPPED : TARGET_STARTED;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static struct config_change *change_of(const struct herder_request *request)
{
    enum target_state initial = initial_target(request->initial);

    return config_change_of_connector(request->name, request->config,
                                      request->initial != HERDER_INITIAL_NONE ? &initial : NULL);
}

/* In the words that clients know, and why. */
static void write_failed(struct herder *herder, struct herder_request *request, const struct mr_error *error)
{
    if (mr_error_code(error) == MR_ERR_CONFLICT)
        request_answer_error(herder, request, error);
    else
        request_answer_told(herder, request, 500, "Error writing connector configuration to Kafka: ", error);
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;
    struct config_snapshot *snapshot;

    if (job->error != NULL) {
        write_failed(herder, request, job->error);
        return;
    }
    if (request->hints != NULL)
        log_warn(HERDER_LOG, "the configuration of connector %s has options that do nothing: %s", request->name, request->hints);
    snapshot = config_store_snapshot(herder->setup.configs);
    request_answer_reply(herder, request,
                         &(struct herder_reply){.status = request->existed ? 200 : 201,
                                                .created = !request->existed,
                                                .snapshot = snapshot});
    config_snapshot_drop(snapshot);
}

/* --- validating --------------------------------------------------------------------------------------------------- */

/* A connector that is to deliver exactly once and did not so far. One that did has tasks, which must not be shut out. */
static bool begins_exactly_once(const struct herder *herder, const struct herder_request *request)
{
    const struct worker_config *worker = herder->setup.worker;
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    const struct string_map *present = config_snapshot_config(snapshot, request->name);
    bool begins = connector_wants_exactly_once(request->config, worker) && config_snapshot_fenced_count(snapshot, request->name) < 0 &&
                  (present == NULL || !connector_wants_exactly_once(present, worker));
    const struct loader_plugin *plugin = NULL;
    struct mr_error *error = NULL;

    config_snapshot_drop(snapshot);
    begins = begins && connector_config_plugin(herder->setup.loader, request->config, &plugin, &error) == 0 &&
             plugin->kind == MR_PLUGIN_SOURCE;
    mr_error_drop(error);
    return begins;
}

/* Do the brokers take transactions, from this user and as long as they are to be? Where they do not say so in time the tasks will find out. thread: validation's */
static void try_transactions(struct herder_job *job)
{
    const struct herder_request *request = job->request;
    const int64_t deadline_ms = herder_now_ms() + TRANSACTIONS_TIMEOUT_MS;
    const struct executor_fence first = {.connector = request->name,
                                         .config = request->config,
                                         .count = 1,
                                         .deadline_ms = deadline_ms < job->deadline_ms ? deadline_ms : job->deadline_ms};
    struct mr_error *error = NULL;

    if (!begins_exactly_once(job->herder, request) || executor_shut_out_producers(job->herder->executor, &first, &error) == 0)
        return;
    if (mr_error_code(error) == MR_ERR_NOT_SUPPORTED || mr_error_code(error) == MR_ERR_CONFIG)
        mr_error_set(&job->error, MR_ERR_CONFIG, "Connector configuration is invalid: its exactly-once delivery needs transactions. %s",
                     mr_error_message(error));
    mr_error_drop(error);
}

static void validate_run(struct herder_job *job)
{
    const struct herder_setup *setup = &job->herder->setup;
    const struct herder_request *request = job->request;
    struct connector_report *report =
        connector_config_validate(&(struct connector_validation){.loader = setup->loader,
                                                                 .worker = setup->worker,
                                                                 .variables = setup->variables,
                                                                 .name = request->name,
                                                                 .raw = request->config},
                                  &job->error);

    if (report != NULL && report->error_count > 0) {
        job->text = connector_report_message(report);
        if (job->text == NULL)
            mr_error_set(&job->error, MR_ERR_NO_MEMORY, "no memory for what the validation found");
    } else if (report != NULL) {
        job->data = connector_hints_line(report, request->config);
        job->data_free = mem_free;
    }
    connector_report_destroy(report);
    if (job->error == NULL && job->text == NULL)
        try_transactions(job);
}

/* true: refused and answered. */
static bool answer_refusal(struct herder *herder, struct herder_request *request, const struct herder_job *job)
{
    enum mr_error_code code;

    if (job->error == NULL && job->text == NULL)
        return false;
    if (job->error == NULL) {
        secrets_hide_text(job->text); /* a plugin's words, too */
        request_answer_reply(herder, request, &(struct herder_reply){.status = 400, .message = job->text});
        return true;
    }
    code = mr_error_code(job->error);
    request_answer_told(herder, request, code == MR_ERR_CONFIG || code == MR_ERR_NOT_FOUND ? 400 : 500, "", job->error);
    return true;
}

/* Kafka Connect takes options that nobody knows, and so do we; but who misspelt one is told in the log, once for each change. */
static void keep_hints(struct herder_request *request, struct herder_job *job, const struct config_snapshot *snapshot)
{
    if (string_map_equals(config_snapshot_config(snapshot, request->name), request->config))
        return;
    mem_free(request->hints);
    request->hints = job->data;
    job->data = NULL;
}

static void validate_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;
    struct config_snapshot *snapshot;

    if (answer_refusal(herder, request, job) || !request_may_go_on(herder, request))
        return;
    snapshot = config_store_snapshot(herder->setup.configs);
    request->existed = config_snapshot_has(snapshot, request->name);
    keep_hints(request, job, snapshot);
    config_snapshot_drop(snapshot);
    if (request->existed && request->must_be_new)
        request_answer(herder, request, 409, "Connector %s already exists", request->name);
    else
        request_post_change(herder, request, change_of(request), write_done);
}

static void begin(struct herder *herder, struct herder_request *request)
{
    request_post_validation(herder, request, "validating the configuration", validate_run, validate_done);
}

/* Where there is a guard: who may not see a value writes "[hidden]" back, and keeps it. What shall be new keeps nothing: it is validated
 * before anybody looks whether there is one of that name. false: answered. */
static bool restore_hidden(struct herder *herder, struct herder_request *request, const struct string_map *present)
{
    const struct string_map *stored = request->must_be_new ? NULL : present;
    const char *missing;

    if (request->guard == NULL || connector_shown_restore(request->config, stored, &missing))
        return true;
    if (missing == NULL)
        request_answer(herder, request, 503, "The worker has no memory left for this request");
    else
        request_answer(herder, request, 400, CONNECTOR_SHOWN_MISSING, missing);
    return false;
}

static const struct request_kind put_kind = {
    .doing = "putting the connector", .prepare = restore_hidden, .begin = begin};

/* Not seen from outside before it is posted. */
static void post_with_config(struct herder *herder, struct herder_request *request, const struct string_map *config)
{
    request->config = string_map_copy(config);
    if (request->config == NULL)
        request_discard(request);
    else
        request_post(herder, request);
}

void herder_put_connector(struct herder *herder, const struct herder_put_connector *put, herder_reply_fn *reply,
                          void *argument)
{
    struct herder_request *request = request_create(&put_kind, put->name, reply, argument);

    if (request == NULL)
        return;
    request->guard = put->guard;
    request->initial = put->initial_state;
    request->must_be_new = put->must_be_new;
    post_with_config(herder, request, put->config);
}

/* --- changing some options ------------------------------------------------------------------------------------------ */

/* Into an empty map; false: no memory. A removal from a map would cost its length. */
static bool apply(struct string_map *whole, const struct string_map *present, const struct string_map *changes)
{
    bool is_fine = true;

    for (size_t i = 0; is_fine && i < string_map_count(present); i++) {
        const char *option = string_map_key(present, i);

        if (!string_map_has(changes, option))
            is_fine = string_map_put(whole, option, string_map_value(present, i));
        else if (string_map_get(changes, option) != NULL)
            is_fine = string_map_put(whole, option, string_map_get(changes, option));
    }
    for (size_t i = 0; is_fine && i < string_map_count(changes); i++)
        if (string_map_value(changes, i) != NULL)
            is_fine = string_map_put(whole, string_map_key(changes, i), string_map_value(changes, i));
    return is_fine;
}

/* The request's changes become the whole configuration: in its turn, so that no earlier change is lost. */
static bool merge(struct herder *herder, struct herder_request *request, const struct string_map *present)
{
    struct string_map *whole = string_map_create();

    if (whole == NULL || !apply(whole, present, request->config)) {
        string_map_destroy(whole);
        request_answer(herder, request, 503, "The worker has no memory left for this request");
        return false;
    }
    string_map_destroy(request->config);
    request->config = whole;
    return restore_hidden(herder, request, present);
}

static const struct request_kind patch_kind = {
    .doing = "changing the connector's configuration",
    .unknown_before = "Connector ",
    .unknown_after = " not found",
    .prepare = merge,
    .begin = begin,
};

void herder_patch_connector(struct herder *herder, const char *name, const struct string_map *changes,
                            herder_guard_fn *guard, herder_reply_fn *reply, void *argument)
{
    struct herder_request *request = request_create(&patch_kind, name, reply, argument);

    if (request == NULL)
        return;
    request->guard = guard;
    post_with_config(herder, request, changes);
}
