/*
 * GET, PATCH, DELETE /connectors/{n}/offsets (KIP-875), POST …/offsets/undo: of sources in the offset store, of sinks in their consumer
 * group (offset_place.c).
 *
 * Reading is an errand. A change is a request in the connector's lane: the connector is STOPPED and none of its tasks is left,
 * its class is asked (plugin code, on a job), then what the offsets are is kept for an undo (offset_undo.c), then they are written: those
 * of a source are read back, those of a sink are Kafka's to keep. A question that was not answered in time writes nothing.
 */
#include <millrace/error.h>
#include <millrace/module.h>
#include <millrace/value.h>

#include "base/mem.h"
#include "config/connector_config.h"
#include "herder/cluster_internal.h"
#include "herder/errand_internal.h"
#include "herder/requests_internal.h"
#include "sdk/collect.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

/* --- reading -------------------------------------------------------------------------------------------------------- */

static void read_run(struct errand *errand)
{
    struct config_snapshot *snapshot = config_store_snapshot(errand->herder->setup.configs);
    const struct string_map *config = config_snapshot_config(snapshot, errand->name);

    struct offset_place place = {errand->herder, errand->name, config, errand->deadline_ms, false};

    if (config != NULL && offset_place_find(&place, &errand->error) == 0)
        offset_place_read(&place, &errand->offsets, &errand->error);
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

/* false: answered. */
static bool state_allows(struct herder *herder, struct herder_request *request)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    bool allows = offset_place_state_allows(snapshot, request->name);

    config_snapshot_drop(snapshot);
    if (!allows)
        request_answer(herder, request, 400, OFFSETS_NEED_STOPPED, request->name);
    return allows;
}

/* The null offsets of a reset are those of all partitions there are. */
static int find_reset(const struct offset_place *place, struct offset_list *list, struct mr_error **error)
{
    if (offset_place_read(place, list, error) != 0)
        return -1;
    offset_list_forget(list);
    return 0;
}

int offset_changes_find(const struct offset_place *place, enum herder_offsets_verb verb, const struct config_snapshot *snapshot,
                        struct offset_list *list, struct mr_error **error)
{
    if (verb == HERDER_OFFSETS_RESET)
        return find_reset(place, list, error);
    if (verb == HERDER_OFFSETS_UNDO && offset_undo_find(place, snapshot, list, error) != 0)
        return -1;
    return offset_place_normalise(place, list, error);
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

typedef void placed_fn(struct herder_job *job, const struct offset_place *place, const struct config_snapshot *snapshot);

static void run_placed(struct herder_job *job, int64_t deadline_ms, placed_fn *run)
{
    struct config_snapshot *snapshot = config_store_snapshot(job->herder->setup.configs);
    struct offset_place place = {job->herder, job->request->name, config_snapshot_config(snapshot, job->request->name), deadline_ms, false};

    if (place.config == NULL)
        mr_error_set(&job->error, MR_ERR_CONFLICT, "connector %s was deleted meanwhile", job->request->name);
    else if (offset_place_find(&place, &job->error) == 0)
        run(job, &place, snapshot);
    config_snapshot_drop(snapshot);
}

static void ask_placed(struct herder_job *job, const struct offset_place *place, const struct config_snapshot *snapshot)
{
    struct herder_request *request = job->request;

    if (offset_changes_find(place, request->offsets_verb, snapshot, &request->offsets, &job->error) == 0)
        ask_connector(job, place->config);
    else
        request->is_malformed = mr_error_code(job->error) == MR_ERR_CONFIG;
}

static void ask_run(struct herder_job *job)
{
    run_placed(job, job->deadline_ms, ask_placed);
}

static enum offset_change change_of(enum herder_offsets_verb verb)
{
    static const enum offset_change changes[] = {
        [HERDER_OFFSETS_ALTER] = OFFSETS_ALTERED, [HERDER_OFFSETS_RESET] = OFFSETS_RESET, [HERDER_OFFSETS_UNDO] = OFFSETS_SET_BACK};

    return changes[verb];
}

/* A group that does not exist refuses to forget what it has not. */
static void drop_what_stays_nothing(struct offset_list *changes, struct offset_list *former)
{
    size_t kept = 0;

    for (size_t i = 0; i < changes->count; i++)
        if (!mr_value_is_null(changes->entries[i].offset) || !mr_value_is_null(former->entries[i].offset)) {
            changes->entries[kept] = changes->entries[i];
            former->entries[kept++] = former->entries[i];
        }
    changes->count = former->count = kept;
}

static int keep_undo(struct herder_job *job, const struct offset_place *place)
{
    struct herder_request *request = job->request;
    struct offset_list former = {0};
    int status;

    if (request->is_without_undo)
        return offset_undo_forget(place, &job->error);
    status = offset_place_read_former(place, &request->offsets, &former, &job->error);
    if (status == 0 && request->offsets_verb == HERDER_OFFSETS_UNDO)
        drop_what_stays_nothing(&request->offsets, &former);
    if (status == 0)
        status = offset_undo_keep(place, change_of(request->offsets_verb), &former, &job->error);
    offset_list_release(&former);
    return status;
}

static void write_placed(struct herder_job *job, const struct offset_place *place, const struct config_snapshot *snapshot)
{
    struct herder_request *request = job->request;

    (void)snapshot;
    if (keep_undo(job, place) == 0)
        offset_place_write(place, &request->offsets, request->offsets_verb == HERDER_OFFSETS_RESET, &job->error);
    else
        request->is_malformed = mr_error_code(job->error) == MR_ERR_CONFIG;
}

static void write_run(struct herder_job *job)
{
    run_placed(job, job->deadline_ms, write_placed);
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;
    static const char *const words[] = {
        [HERDER_OFFSETS_ALTER] = "altered", [HERDER_OFFSETS_RESET] = "reset", [HERDER_OFFSETS_UNDO] = "set back"};
    const char *done = words[request->offsets_verb];

    if (job->error != NULL && request->is_malformed)
        request_answer_told(herder, request, 400, "", job->error);
    else if (job->error != NULL)
        request_answer_error(herder, request, job->error);
    else if (request->is_handled)
        request_answer(herder, request, 200, "The offsets for this connector have been %s successfully", done);
    else
        request_answer(herder, request, 200,
                       "The offsets that the worker keeps for this connector have been %s successfully. Where the "
                       "connector keeps offsets elsewhere too, those are unchanged and must be %s there",
                       done, done);
}

static int status_of(const struct herder_job *job)
{
    if (job->request->is_malformed)
        return 400;
    return job->request->offsets_verb == HERDER_OFFSETS_UNDO && mr_error_code(job->error) == MR_ERR_CONFLICT ? 409 : 500;
}

static void ask_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;

    if (job->error != NULL)
        request_answer_told(herder, request, status_of(job), "", job->error);
    else if (request_may_go_on(herder, request) && state_allows(herder, request))
        request_post_job(herder, request, "writing the offsets of the connector", write_run, write_done);
}

static void post_question(struct herder *herder, struct herder_request *request)
{
    request_post_job(herder, request, "asking the connector about its offsets", ask_run, ask_done);
}

/* --- with exactly once: a task that was lost with its worker is shut out first ------------------------------------------ */

struct fence_wait {
    struct herder *herder;
    struct herder_request *request; /* a reference: it may have been answered meanwhile */
};

/* thread: herder */
static void on_fenced(void *argument, const struct herder_reply *reply)
{
    struct fence_wait *wait = argument;
    struct herder *herder = wait->herder;
    struct herder_request *request = wait->request;

    mem_free(wait);
    if (!request->is_answered && reply->status >= 300)
        request_answer(herder, request, reply->status == 409 ? 409 : 500,
                       "Failed to perform zombie fencing for source connector prior to modifying offsets: %s",
                       reply->message != NULL ? reply->message : "no reason is known");
    else if (!request->is_answered && request_may_go_on(herder, request) && state_allows(herder, request))
        post_question(herder, request);
    request_drop(request);
}

static bool wants_fence(struct herder *herder, const struct herder_request *request)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    struct offset_place place = {herder, request->name, config_snapshot_config(snapshot, request->name), 0, false};
    struct mr_error *error = NULL;
    bool wants = place.config != NULL && connector_wants_exactly_once(place.config, herder->setup.worker) &&
                 offset_place_find(&place, &error) == 0 && !place.is_sink;

    mr_error_drop(error);
    config_snapshot_drop(snapshot);
    return wants;
}

static void ask_for_fence(struct herder *herder, struct herder_request *request)
{
    struct fence_wait *wait = mem_alloc(sizeof(*wait));

    if (wait == NULL) {
        request_answer(herder, request, 503, "The worker has no memory left for this request");
        return;
    }
    *wait = (struct fence_wait){herder, request};
    request_take(request);
    request->doing = "shutting out former tasks of the connector";
    request->awaits_fence = true;
    herder_fence_connector(herder, request->name, on_fenced, wait);
}

/* --- its turn ----------------------------------------------------------------------------------------------------------- */

/* A task that is stopping still may commit. */
static void look(struct herder *herder, struct herder_request *request)
{
    const struct herder_connector *connector = request->connector;

    if (request->awaits_fence)
        return;
    for (uint32_t i = 0; i < connector->task_count; i++)
        if (units_task_is_up(&connector->tasks[i]))
            return;
    if (cluster_runs_tasks(herder, request->name))
        return;
    if (!state_allows(herder, request))
        return;
    if (wants_fence(herder, request))
        ask_for_fence(herder, request);
    else
        post_question(herder, request);
}

static void begin(struct herder *herder, struct herder_request *request)
{
    if (state_allows(herder, request))
        look(herder, request);
}

static const struct request_kind change_kind = {
    .doing = "waiting for the connector's tasks to stop",
    .unknown_before = "Connector ",
    .unknown_after = " not found",
    .begin = begin,
    .look = look,
};

void herder_change_offsets(struct herder *herder, const struct herder_offsets *asked, herder_reply_fn *reply, void *argument)
{
    struct herder_request *request = request_create(&change_kind, asked->connector, reply, argument);

    if (request == NULL)
        return;
    request->guard = asked->guard;
    request->offsets_verb = asked->verb;
    request->is_without_undo = asked->is_without_undo;
    for (size_t i = 0; i < asked->count; i++)
        if (offset_list_add(&request->offsets, asked->changes[i].partition, asked->changes[i].offset, NULL) != 0) {
            request_discard(request);
            return;
        }
    request_post(herder, request);
}
