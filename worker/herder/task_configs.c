/*
 * From a running connector to task records: ask the connector, compare, write. Failures are tried again for ever, 250 ms → 60 s
 * (lifecycle, section 3). Nothing is written when the tasks are what the topic holds already, for the very configuration of
 * the connector (internal-topics, section 7.4): a restart adds no records.
 *
 * What the topic holds must also be whole for those who read it later, when it was compacted, or another worker would have no tasks to
 * run (config_snapshot_is_settled). A configuration written anew as it was, or a writer that died half-way, leaves it unsettled:
 * then it is written again after HERDER_SETTLE_TIMEOUT_MS, which is long before the cleaner comes; at once when a commit lacks tasks.
 */
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "herder/leader_link.h"
#include "herder/requests_internal.h"
#include "herder/units_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define RETRY_FIRST_MS 250
#define RETRY_MAX_MS 60000
#define INCONSISTENT_MS 500 /* until tasks that are missing are asked for: they may be about to come */

void task_configs_want(struct herder *herder, struct herder_connector *connector)
{
    connector->reconfigure = true;
    connector->retry_at_ms = connector->retry_ms = 0;
    units_mark(herder, connector);
}

static void try_again_later(struct herder *herder, struct herder_connector *connector)
{
    connector->retry_ms = connector->retry_ms == 0 ? RETRY_FIRST_MS : connector->retry_ms * 2;
    if (connector->retry_ms > RETRY_MAX_MS)
        connector->retry_ms = RETRY_MAX_MS;
    connector->retry_at_ms = herder_now_ms() + connector->retry_ms;
    connector->reconfigure = true;
    units_mark(herder, connector);
}

static bool may_have_tasks(const struct herder_connector *connector, const struct config_snapshot *snapshot)
{
    return connector->phase == CONNECTOR_UP && connector->is_running && !connector->restart &&
           config_snapshot_target(snapshot, connector->name) == TARGET_STARTED;
}

/* How long may it stay as it is? */
static uint32_t patience_ms(const struct herder *herder, const struct herder_connector *connector,
                            const struct config_snapshot *snapshot)
{
    if (config_snapshot_is_inconsistent(snapshot, connector->name))
        return INCONSISTENT_MS;
    return herder->setup.settle_timeout_ms != 0 ? herder->setup.settle_timeout_ms : HERDER_SETTLE_TIMEOUT_MS;
}

/* Counted by every worker, so that an owner that is new, or was paused, does not begin anew. */
static void watch_settling(struct herder *herder, struct herder_connector *connector, const struct config_snapshot *snapshot)
{
    int64_t now_ms = herder_now_ms(), latest_ms = now_ms + patience_ms(herder, connector, snapshot);

    if (config_snapshot_is_settled(snapshot, connector->name)) {
        connector->mend_at_ms = 0;
        connector->must_mend = false;
        return;
    }
    if (connector->mend_at_ms == 0 || connector->mend_at_ms > latest_ms)
        connector->mend_at_ms = latest_ms;
    if (!may_have_tasks(connector, snapshot) || connector->has_too_many || connector->reconfigure || connector->is_asked)
        return;
    if (connector->mend_at_ms <= now_ms) {
        log_info(HERDER_LOG, "connector %s: its task configurations are written again, so that the config topic holds them whole",
                 connector->name);
        connector->mend_at_ms = now_ms + HERDER_SETTLE_TIMEOUT_MS;
        connector->reconfigure = connector->must_mend = true;
    } else {
        units_mark_at(herder, connector, connector->mend_at_ms);
    }
}

void task_configs_reconcile(struct herder *herder, struct herder_connector *connector,
                            const struct config_snapshot *snapshot)
{
    watch_settling(herder, connector, snapshot);
    if (!connector->reconfigure || connector->is_asked || !may_have_tasks(connector, snapshot))
        return;
    if (connector->retry_at_ms > herder_now_ms()) {
        units_mark_at(herder, connector, connector->retry_at_ms);
        return;
    }
    connector->reconfigure = false;
    connector->is_asked = true;
    connector->token = ++herder->last_token;
    executor_request_task_configs(herder->executor, connector->name, connector->token);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static bool is_what_is_stored(const struct config_snapshot *snapshot, const char *name, struct string_map *const *maps,
                              size_t count)
{
    if (config_snapshot_is_inconsistent(snapshot, name) || config_snapshot_task_count(snapshot, name) != count)
        return false;
    if (!string_map_equals(config_snapshot_applied(snapshot, name), config_snapshot_config(snapshot, name)))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!string_map_equals(config_snapshot_task(snapshot, name, (uint32_t)i), maps[i]))
            return false;
    return true;
}

static bool put_references_back(const struct string_map *raw, struct string_map **maps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!variables_put_back(raw, maps[i]))
            return false;
    return true;
}

/* --- by the leader, when another worker leads ------------------------------------------------------------------------ */

struct link_answer {
    struct herder_post post;
    char *connector;
    int status;
    char words[256];
};

static void handle_link_answer(struct herder *herder, struct herder_post *post)
{
    struct link_answer *answer = (struct link_answer *)post;
    struct herder_connector *connector = units_find(herder, answer->connector);

    if (connector != NULL && herder->stage != HERDER_ENDED) {
        if (answer->status >= 200 && answer->status < 300) {
            connector->retry_ms = 0;
        } else {
            log_warn(HERDER_LOG, "connector %s: the leader did not take its task configurations, trying again: %s",
                     connector->name, answer->words);
            try_again_later(herder, connector);
        }
    }
    mem_free(answer->connector);
    mem_free(answer);
}

struct link_call {
    struct herder *herder;
    struct link_answer *answer;
};

/* thread: the link's */
static void on_link_done(void *argument, int status, const char *message)
{
    struct link_call *call = argument;

    call->answer->status = status;
    snprintf(call->answer->words, sizeof(call->answer->words), "%s", message != NULL ? message : "");
    herder_post(call->herder, &call->answer->post);
    mem_free(call);
}

static void send_tasks(struct herder *herder, struct herder_connector *connector, const struct task_configs_answer *answer)
{
    const struct leader_link *link = herder->setup.leader_link;
    struct link_call *call = mem_calloc(1, sizeof(*call));
    struct link_answer *reply = mem_calloc(1, sizeof(*reply));

    if (reply != NULL)
        reply->connector = mem_strdup(connector->name);
    if (link == NULL || herder->leader_url == NULL || call == NULL || reply == NULL || reply->connector == NULL) {
        if (reply != NULL)
            mem_free(reply->connector);
        mem_free(reply);
        mem_free(call);
        try_again_later(herder, connector);
        return;
    }
    reply->post.handle = handle_link_answer;
    *call = (struct link_call){herder, reply};
    link->put_tasks(link->argument, herder->leader_url,
                    &(struct leader_link_tasks){.connector = connector->name,
                                                .maps = (const struct string_map *const *)answer->maps,
                                                .count = answer->count,
                                                .made_from = connector->started_with},
                    herder_now_ms() + STORE_WRITE_TIMEOUT_MS, on_link_done, call);
}

/* --- by this worker ------------------------------------------------------------------------------------------------- */

static void write_tasks(struct herder *herder, struct herder_connector *connector, struct task_configs_answer *answer)
{
    struct herder_request *request;

    if (herder->stage != HERDER_LEADING) {
        send_tasks(herder, connector, answer);
        return;
    }
    request = request_create(&put_tasks_kind, connector->name, NULL, NULL);

    if (request == NULL) {
        try_again_later(herder, connector);
        return;
    }
    request->maps = answer->maps;
    request->map_count = answer->count;
    request->version = connector->version;
    snprintf(request->made_from, sizeof(request->made_from), "%s", connector->started_with);
    answer->maps = NULL;
    answer->count = 0;
    request_enter(herder, request);
}

static bool has_fingerprint(const struct string_map *config, const char *expected)
{
    char text[FINGERPRINT_SIZE];

    fingerprint(config, text);
    return strcmp(text, expected) == 0;
}

static void take_configs(struct herder *herder, struct herder_connector *connector, struct task_configs_answer *answer)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    const struct string_map *raw = config_snapshot_config(snapshot, connector->name);

    if (raw != NULL && !has_fingerprint(raw, connector->started_with))
        connector->reconfigure = true; /* asked again once it runs with this one */
    else if (raw != NULL && !put_references_back(raw, answer->maps, answer->count))
        try_again_later(herder, connector);
    else if (raw != NULL && (connector->must_mend ||
                             !is_what_is_stored(snapshot, connector->name, answer->maps, answer->count)))
        write_tasks(herder, connector, answer);
    else
        connector->retry_ms = 0;
    config_snapshot_drop(snapshot);
}

void task_configs_answered(struct herder *herder, struct herder_connector *connector,
                           struct task_configs_answer *answer)
{
    if (!connector->is_asked || connector->token != answer->token)
        return;
    connector->is_asked = false;
    if (!herder_may_run(herder)) {
        connector->reconfigure = true; /* asked again once it may run again */
        return;
    }
    if (answer->maps != NULL) {
        take_configs(herder, connector, answer);
        return;
    }
    log_error(HERDER_LOG, "connector %s gave no task configurations: %s", connector->name, answer->trace);
    if (!answer->is_too_many) {
        try_again_later(herder, connector);
        return;
    }
    connector->has_too_many = true;
    status_of_connector(herder, connector->name, UNIT_FAILED, answer->trace, connector->plugin_version);
}

/* --- the write, in the connector's lane: it must not overtake a stop or a new configuration ------------------------ */

/* NULL: nothing. A stop that was given up may have come through after all, just before; and what another worker sent may have been on
 * its way while the connector was configured anew: the tasks of the new configuration may stand already. */
static const char *what_forbids(struct config_store *configs, const struct herder_request *request)
{
    struct config_snapshot *snapshot = config_store_snapshot(configs);
    const struct string_map *config = config_snapshot_config(snapshot, request->name);
    const char *words = NULL;

    if (config_snapshot_target(snapshot, request->name) != TARGET_STARTED)
        words = "the connector is not to run any more";
    else if (config != NULL && request->made_from[0] != '\0' && !has_fingerprint(config, request->made_from))
        words = "the connector has another configuration than the one they were made from";
    config_snapshot_drop(snapshot);
    return words;
}

/* What is written holds on to the request: another job may write it along with its own. */
struct tasks_condition {
    struct config_store *configs;
    struct herder_request *request;
};

static const char *tasks_are_forbidden(void *argument)
{
    const struct tasks_condition *condition = argument;

    return what_forbids(condition->configs, condition->request);
}

static void tasks_condition_drop(void *argument)
{
    struct tasks_condition *condition = argument;

    request_drop(condition->request);
    mem_free(condition);
}

/* NULL: no memory. */
static struct config_change *change_of(struct herder *herder, struct herder_request *request)
{
    struct config_change *change =
        config_change_of_tasks(request->name, (const struct string_map *const *)request->maps, request->map_count);
    struct tasks_condition *condition = mem_alloc(sizeof(*condition));

    if (change == NULL || condition == NULL) {
        config_change_drop(change);
        mem_free(condition);
        return NULL;
    }
    *condition = (struct tasks_condition){herder->setup.configs, request};
    request_take(request);
    config_change_set_condition(change, &(struct config_condition){tasks_are_forbidden, condition, tasks_condition_drop});
    return change;
}

static void put_tasks_failed(struct herder *herder, struct herder_request *request, const char *words)
{
    log_warn(HERDER_LOG, "connector %s: its task configurations were not written: %s", request->name, words);
    try_again_later(herder, request->connector);
    request_answer(herder, request, 500, NULL);
}

static void put_tasks_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;

    if (job->error != NULL) {
        put_tasks_failed(herder, request, mr_error_message(job->error));
        return;
    }
    request->connector->retry_ms = 0;
    units_mark(herder, request->connector);
    request_answer(herder, request, 200, NULL);
}

static void put_tasks_late(struct herder *herder, struct herder_job *job)
{
    put_tasks_failed(herder, job->request, "not in time");
}

static void put_tasks_begin(struct herder *herder, struct herder_request *request)
{
    struct herder_connector *connector = request->connector;
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    bool still = config_snapshot_has(snapshot, request->name) && may_have_tasks(connector, snapshot) &&
                 connector->version == request->version;

    config_snapshot_drop(snapshot);
    if (!still) {
        connector->reconfigure = true; /* asked again once it runs */
        request_answer(herder, request, 409, NULL);
        return;
    }
    request->deadline_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS;
    request->has_job = herder_job_post(herder, &(struct herder_job_setup){.request = request,
                                                                          .run = job_run_change,
                                                                          .change = change_of(herder, request),
                                                                          .done = put_tasks_done,
                                                                          .late = put_tasks_late,
                                                                          .serial = herder->setup.configs,
                                                                          .deadline_ms = request->deadline_ms});
    if (!request->has_job)
        put_tasks_failed(herder, request, "the job pool is full");
}

/* --- for another worker, whose connector made them ----------------------------------------------------------------------- */

static void put_for_other_done(struct herder *herder, struct herder_job *job)
{
    if (job->error != NULL)
        request_answer_error(herder, job->request, job->error);
    else
        request_answer(herder, job->request, 204, NULL);
}

static void put_for_other_begin(struct herder *herder, struct herder_request *request)
{
    request_post_change(herder, request, change_of(herder, request), put_for_other_done);
}

static const struct request_kind put_for_other_kind = {
    .route = ROUTE_LEADER,
    .doing = "writing task configurations",
    .unknown_before = "Connector ",
    .unknown_after = " not found",
    .begin = put_for_other_begin,
};

void herder_put_task_configs(struct herder *herder, const char *name, const struct string_map *const *maps, size_t count,
                             const char *made_from, herder_reply_fn *reply, void *argument)
{
    struct herder_request *request = request_create(&put_for_other_kind, name, reply, argument);

    if (request == NULL)
        return;
    snprintf(request->made_from, sizeof(request->made_from), "%s", made_from != NULL ? made_from : "");
    request->maps = mem_calloc(count + 1, sizeof(*request->maps));
    for (size_t i = 0; request->maps != NULL && i < count; i++) {
        request->maps[i] = string_map_copy(maps[i]);
        if (request->maps[i] == NULL)
            break;
        request->map_count++;
    }
    if (request->maps == NULL || request->map_count < count)
        request_discard(request);
    else
        request_post(herder, request);
}

const struct request_kind put_tasks_kind = {
    .doing = "writing task configurations",
    .is_of_herder = true,
    .begin = put_tasks_begin,
};
