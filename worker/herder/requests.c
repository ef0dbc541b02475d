#include "herder/requests_internal.h"

#include <assert.h>
#include <millrace/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "config/worker_config.h"
#include "herder/cluster_internal.h"
#include "herder/leader_link.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/status_store.h"

#include "base/bans.h"

#define MESSAGE_MAX 1024 /* longer ones come as texts of their own (findings) */

static const char NO_MEMORY[] = "The worker has no memory left for this request";

/* --- one request -------------------------------------------------------------------------------------------------- */

void request_take(struct herder_request *request)
{
    refcount_take(&request->owners);
}

void request_drop(struct herder_request *request)
{
    if (!refcount_drop(&request->owners))
        return;
    for (size_t i = 0; i < request->map_count; i++)
        string_map_destroy(request->maps[i]);
    mem_free(request->maps);
    mem_free(request->hints);
    mem_free(request->plan_tasks);
    status_view_destroy(request->plan_statuses);
    offset_list_release(&request->offsets);
    string_map_destroy(request->config);
    mem_free(request->name);
    mem_free(request);
}

static void reply_plain(herder_reply_fn *reply, void *argument, int status, const char *message)
{
    if (reply != NULL)
        reply(argument, &(struct herder_reply){.status = status, .message = message});
}

static void request_due(struct herder *herder, struct herder_timer *timer);

struct herder_request *request_create(const struct request_kind *kind, const char *name, herder_reply_fn *reply,
                                      void *argument)
{
    struct herder_request *request = mem_calloc(1, sizeof(*request));
    char *copy = mem_strdup(name);

    if (request == NULL || copy == NULL) {
        mem_free(request);
        mem_free(copy);
        reply_plain(reply, argument, 503, NO_MEMORY);
        return NULL;
    }
    refcount_init(&request->owners);
    herder_timer_init(&request->timer, request_due);
    request->kind = kind;
    request->doing = "waiting for an earlier request for this connector";
    request->name = copy;
    request->reply = reply;
    request->argument = argument;
    return request;
}

void request_discard(struct herder_request *request)
{
    reply_plain(request->reply, request->argument, 503, NO_MEMORY);
    request_drop(request);
}

/* --- answering ---------------------------------------------------------------------------------------------------- */

static void lane_remove(struct herder *herder, struct herder_request *request)
{
    struct herder_connector *connector = request->connector;
    struct herder_request **link = &connector->first_request, *last = NULL;

    while (*link != request) {
        last = *link;
        link = &last->next;
    }
    *link = request->next;
    if (connector->last_request == request)
        connector->last_request = last;
    units_mark(herder, connector);
}

/* It was answered and nothing works for it any more: the next one's turn. */
static void request_end(struct herder *herder, struct herder_request *request)
{
    struct herder_connector *connector = request->connector;

    herder_timer_clear(herder, &request->timer);
    if (connector != NULL)
        lane_remove(herder, request);
    request_drop(request);
    if (connector != NULL)
        lane_advance(herder, connector);
}

void request_answer_reply(struct herder *herder, struct herder_request *request, const struct herder_reply *reply)
{
    if (!request->is_answered && !request->kind->is_of_herder) {
        atomic_fetch_sub(&herder->unanswered, 1);
        if (request->reply != NULL)
            request->reply(request->argument, reply);
        if (request->kind->answered != NULL)
            request->kind->answered(herder, request);
    }
    request->is_answered = true;
    if (!request->has_job)
        request_end(herder, request);
}

void request_answer(struct herder *herder, struct herder_request *request, int status, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;

    if (format != NULL) {
        va_start(args, format);
        vsnprintf(message, sizeof(message), format, args);
        va_end(args);
    }
    request_answer_reply(herder, request,
                         &(struct herder_reply){.status = status, .message = format != NULL ? message : NULL});
}

char *herder_error_words(const struct mr_error *error)
{
    char *words = mem_strdup(mr_error_message(error));

    secrets_hide_text(words);
    return words;
}

void request_answer_told(struct herder *herder, struct herder_request *request, int status, const char *before,
                         const struct mr_error *error)
{
    char *words = herder_error_words(error);

    request_answer(herder, request, status, "%s%s", before, words != NULL ? words : NO_MEMORY);
    mem_free(words);
}

void request_answer_error(struct herder *herder, struct herder_request *request, const struct mr_error *error)
{
    request_answer_told(herder, request, mr_error_code(error) == MR_ERR_CONFLICT ? 409 : 500, "", error);
}

/* While the group is joined, or the topics are read to the end, it is not known yet who must answer. */
static bool stage_is_decided(const struct herder *herder)
{
    return herder->stage != HERDER_JOINING && herder->stage != HERDER_CATCHING_UP;
}

static void answer_undecided(struct herder *herder, struct herder_request *request)
{
    if (herder->stage == HERDER_JOINING)
        request_answer(herder, request, 409, "Cannot complete request momentarily: this worker has not joined the group yet");
    else
        request_answer(herder, request, 409,
                       "Cannot complete request momentarily: this worker is still %s the internal topics%s%s",
                       herder->catches_up_to_lead ? "claiming and reading" : "reading",
                       herder->catch_up_why != NULL ? ": " : "", herder->catch_up_why != NULL ? herder->catch_up_why : "");
}

static void answer_timed_out(struct herder *herder, struct herder_request *request)
{
    request_answer(herder, request, 500, "Request timed out. The worker was %s.", request->doing);
}

/* What it asks of is given to nobody: no worker fits, or takes work. */
static bool waits_for_a_worker(const struct herder *herder, const struct herder_request *request)
{
    enum request_route route = request->kind->route;

    if (herder->cluster == NULL || (route != ROUTE_CONNECTOR && route != ROUTE_TASK))
        return false;
    return cluster_owner(herder, request->name, route == ROUTE_TASK ? (int32_t)request->task : UNIT_IS_CONNECTOR) == NULL;
}

/* Looked at again when it has waited for so long, and at its deadline. false: no memory. */
static bool request_watch(struct herder *herder, struct herder_request *request)
{
    int64_t look_ms = herder_now_ms() + LEADER_LINK_PATIENCE_MS(herder->setup.worker->session_timeout_ms);

    return herder_timer_set(herder, &request->timer, look_ms < request->deadline_ms ? look_ms : request->deadline_ms);
}

static void request_due(struct herder *herder, struct herder_timer *timer)
{
    struct herder_request *request =
        (struct herder_request *)((char *)timer - offsetof(struct herder_request, timer));

    if (request->has_job) /* it has the same deadline and says so itself */
        return;
    if (!request->has_begun && !stage_is_decided(herder))
        answer_undecided(herder, request);
    else if (waits_for_a_worker(herder, request))
        request_answer(herder, request, 409, "Cannot complete request momentarily: no worker has what it is about; its status says why");
    else if (herder_now_ms() >= request->deadline_ms || !request_watch(herder, request))
        answer_timed_out(herder, request);
}

static const char *url_for(const struct herder *herder, const struct herder_request *request)
{
    const char *owner = NULL;

    if (herder->cluster == NULL || request->kind->route == ROUTE_ANY)
        return NULL;
    if (request->kind->route == ROUTE_CONNECTOR)
        owner = cluster_owner(herder, request->name, UNIT_IS_CONNECTOR);
    else if (request->kind->route == ROUTE_TASK)
        owner = cluster_owner(herder, request->name, (int32_t)request->task);
    if (owner != NULL)
        return strcmp(owner, herder->cluster->url) == 0 ? NULL : owner;
    return herder->stage == HERDER_LEADING ? NULL : herder->leader_url;
}

static void answer_elsewhere(struct herder *herder, struct herder_request *request, const char *url)
{
    char message[MESSAGE_MAX];

    snprintf(message, sizeof(message),
             "Cannot complete request because of a conflicting operation (e.g. worker rebalance); it belongs to worker %s",
             url);
    request_answer_reply(herder, request,
                         &(struct herder_reply){.status = 409, .message = message, .forward_url = url});
}

/* false: answered. */
static bool belongs_here(struct herder *herder, struct herder_request *request)
{
    const char *url = url_for(herder, request), *lost;

    if (request->kind->route == ROUTE_LEADER && config_store_is_lost(herder->setup.configs, &lost)) {
        request_answer(herder, request, 409, "config topic: %s; changes are refused: %s", lost, CONFIG_STORE_LOST_REMEDY);
        return false; /* nor passed on to a leader that may have read another topic */
    }
    if (url != NULL) {
        answer_elsewhere(herder, request, url);
        return false;
    }
    if (herder->stage == HERDER_LEADING || request->kind->route != ROUTE_LEADER || request->kind->is_of_herder)
        return true;
    request_answer(herder, request, 409,
                   "Cannot complete request momentarily due to no known leader URL, "
                   "likely because a rebalance was underway.");
    return false;
}

bool request_may_go_on(struct herder *herder, struct herder_request *request)
{
    if (herder->is_leaving) {
        request_answer(herder, request, 500, "Worker is shutting down");
        return false;
    }
    switch (herder->stage) {
    case HERDER_LEADING:
    case HERDER_FOLLOWING:
        if (request->reign == herder->catch_up_count || request->kind->route != ROUTE_LEADER || request->kind->is_of_herder)
            return belongs_here(herder, request);
        request_answer(herder, request, 409, "Cannot complete request because of a conflicting operation (e.g. worker rebalance)");
        return false;
    case HERDER_CREATED:
    case HERDER_STOPPING:
    case HERDER_ENDED:
        request_answer(herder, request, 500, "Worker is shutting down");
        return false;
    default:
        break;
    }
    request_answer(herder, request, 409,
                   "Cannot complete request momentarily due to no known leader URL, "
                   "likely because a rebalance was underway.");
    return false;
}

/* --- lanes -------------------------------------------------------------------------------------------------------- */

/* false: answered with 404. */
static bool request_is_known(struct herder *herder, struct herder_request *request, const struct string_map *present)
{
    const struct request_kind *kind = request->kind;

    if (kind->unknown_before == NULL || present != NULL)
        return true;
    request_answer(herder, request, 404, "%s%s%s", kind->unknown_before, request->name, kind->unknown_after);
    return false;
}

/* false: answered with 403. */
static bool request_is_allowed(struct herder *herder, struct herder_request *request, const struct string_map *present)
{
    char why[HERDER_WHY_SIZE];

    if (request->guard == NULL || request->guard(request->argument, present, request->config, why))
        return true;
    request_answer(herder, request, 403, "%s", why);
    return false;
}

/* The same present configuration for all: what is looked at is what the request is about to change. */
static bool request_fits(struct herder *herder, struct herder_request *request)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    const struct string_map *present = config_snapshot_config(snapshot, request->name);
    bool fits = request_is_known(herder, request, present) &&
                (request->kind->prepare == NULL || request->kind->prepare(herder, request, present)) &&
                request_is_allowed(herder, request, present);

    config_snapshot_drop(snapshot);
    return fits;
}

static void request_begin(struct herder *herder, struct herder_request *request)
{
    request->has_begun = true;
    request->reign = herder->catch_up_count;
    request->doing = request->kind->doing;
    if (!request_may_go_on(herder, request) || !request_fits(herder, request))
        return;
    if (request->kind->begin != NULL)
        request->kind->begin(herder, request);
    else
        request_post_write(herder, request, request->kind->write, request->kind->written);
}

void lane_advance(struct herder *herder, struct herder_connector *connector)
{
    struct herder_request *request;

    if (connector->is_advancing)
        return;
    connector->is_advancing = true;
    while ((request = connector->first_request) != NULL && !request->has_begun && stage_is_decided(herder))
        request_begin(herder, request);
    connector->is_advancing = false;
}

void lanes_advance(struct herder *herder)
{
    for (size_t i = 0; i < pointer_map_count(herder->connectors); i++)
        lane_advance(herder, pointer_map_value(herder->connectors, i));
}

void lane_look(struct herder *herder, struct herder_connector *connector)
{
    struct herder_request *request = connector->first_request;

    if (request != NULL && request->has_begun && !request->has_job && request->kind->look != NULL)
        request->kind->look(herder, request);
}

void request_enter(struct herder *herder, struct herder_request *request)
{
    struct herder_connector *connector = units_find_or_create(herder, request->name);

    if (connector == NULL) {
        request_answer(herder, request, 503, NO_MEMORY);
        return;
    }
    request->connector = connector;
    if (connector->last_request != NULL)
        connector->last_request->next = request;
    else
        connector->first_request = request;
    connector->last_request = request;
    units_mark(herder, connector); /* an entry made only for this is freed by the next pass */
    if (!request->kind->is_of_herder && !request_watch(herder, request))
        request_answer(herder, request, 503, NO_MEMORY); /* nothing would end it */
    else
        lane_advance(herder, connector);
}

static void handle_arrival(struct herder *herder, struct herder_post *post)
{
    struct herder_request *request = (struct herder_request *)post;

    if (herder->stage == HERDER_STOPPING || herder->stage == HERDER_ENDED)
        request_answer(herder, request, 500, "Worker is shutting down");
    else
        request_enter(herder, request);
}

static void request_refuse(struct herder *herder, struct herder_request *request, const char *words)
{
    atomic_fetch_sub(&herder->unanswered, 1);
    reply_plain(request->reply, request->argument, 503, words);
    request_drop(request);
}

void request_post(struct herder *herder, struct herder_request *request)
{
    size_t before = atomic_fetch_add(&herder->unanswered, 1);

    if (!herder_is_ready(herder)) {
        request_refuse(herder, request, "The worker is not ready: it is starting or shutting down; try again");
        return;
    }
    if (before >= HERDER_QUEUE_MAX) {
        request_refuse(herder, request, "The worker is busy: too many requests wait for an answer; try again later");
        return;
    }
    request->deadline_ms = herder_now_ms() + (herder->setup.request_timeout_ms != 0
                                                  ? (int64_t)herder->setup.request_timeout_ms
                                                  : HERDER_REQUEST_TIMEOUT_MS);
    request->post.handle = handle_arrival;
    herder_post(herder, &request->post);
}

/* Answering ends a request unless a job works for it, and begins the next one, which is answered in its turn. */
static void lane_answer_all(struct herder *herder, struct herder_connector *connector, int status, const char *words)
{
    struct herder_request *request = connector->first_request;

    connector->is_advancing = true; /* nothing begins meanwhile */
    while (request != NULL) {
        struct herder_request *next = request->next;

        request_answer(herder, request, status, "%s", words);
        request = next;
    }
    connector->is_advancing = false;
}

void requests_answer_all(struct herder *herder, int status, const char *words)
{
    for (size_t i = 0; i < pointer_map_count(herder->connectors); i++)
        lane_answer_all(herder, pointer_map_value(herder->connectors, i), status, words);
}

void requests_answer_begun(struct herder *herder, int status, const char *words)
{
    for (size_t i = 0; i < pointer_map_count(herder->connectors); i++) {
        struct herder_connector *connector = pointer_map_value(herder->connectors, i);
        struct herder_request *request = connector->first_request;

        if (request != NULL && request->has_begun && !request->has_job)
            request_answer(herder, request, status, "%s", words);
    }
}

/* --- jobs --------------------------------------------------------------------------------------------------------- */

static void job_drop(struct herder_job *job)
{
    if (!refcount_drop(&job->owners))
        return;
    if (job->request != NULL)
        request_drop(job->request);
    mr_error_drop(job->error);
    mem_free(job->text);
    if (job->data_free != NULL)
        job->data_free(job->data);
    config_change_drop(job->change);
    mem_free(job);
}

static void request_job_ended(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;

    request->has_job = false;
    if ((request->is_answered || !job->in_time) && request->kind->unfinished != NULL)
        request->kind->unfinished(herder, request);
    if (request->is_answered)
        request_end(herder, request);
    else if (job->in_time)
        job->done(herder, job);
    else if (job->late != NULL)
        job->late(herder, job);
    else
        answer_timed_out(herder, request);
}

static void handle_outcome(struct herder *herder, struct herder_post *post)
{
    struct herder_job *job = (struct herder_job *)post;
    bool in_time = job->in_time;

    if (job->request != NULL)
        request_job_ended(herder, job);
    else if (in_time)
        job->done(herder, job);
    else if (job->late != NULL)
        job->late(herder, job);
    job_drop(job);
    if (in_time)
        job_drop(job); /* the run's, which has ended */
}

static void job_run(void *argument)
{
    struct herder_job *job = argument;

    job->run(job);
}

static void job_outcome(void *argument, enum job_outcome outcome)
{
    struct herder_job *job = argument;

    job->in_time = outcome == JOB_DONE;
    if (!job->in_time && job->change != NULL)
        config_store_withdraw(job->herder->setup.configs, job->change);
    herder_post(job->herder, &job->post);
}

static void job_late(void *argument)
{
    job_drop(argument);
}

static void enlist(struct herder *herder, const struct herder_job_setup *setup)
{
    if (setup->change == NULL)
        return;
    config_store_enlist(herder->setup.configs, setup->change, setup->deadline_ms);
    config_change_drop(setup->change);
}

bool herder_job_post(struct herder *herder, const struct herder_job_setup *setup)
{
    struct herder_job *job = mem_calloc(1, sizeof(*job));

    if (job == NULL) {
        mem_free(setup->text);
        if (setup->data_free != NULL)
            setup->data_free(setup->data);
        config_change_drop(setup->change);
        return false;
    }
    job->text = setup->text;
    job->data = setup->data;
    job->data_free = setup->data_free;
    job->change = setup->change;
    refcount_init(&job->owners);
    refcount_take(&job->owners);
    job->post.handle = handle_outcome;
    job->herder = herder;
    job->request = setup->request;
    job->run = setup->run;
    job->done = setup->done;
    job->late = setup->late;
    job->number = setup->number;
    job->deadline_ms = setup->deadline_ms;
    if (job->request != NULL)
        request_take(job->request);
    if (job->change != NULL)
        config_change_take(job->change); /* the job may have ended when it is enlisted */
    if (job_post(setup->pool != NULL ? setup->pool : herder->setup.jobs, &(struct job){.run = job_run,
                                                   .on_outcome = job_outcome,
                                                   .on_late = job_late,
                                                   .argument = job,
                                                   .serial = setup->serial,
                                                   .deadline_ms = setup->deadline_ms})) {
        enlist(herder, setup);
        return true;
    }
    config_change_drop(setup->change);
    job_drop(job);
    job_drop(job);
    return false;
}

static void post_for_request(struct herder *herder, const struct herder_job_setup *setup, const char *doing)
{
    struct herder_request *request = setup->request;

    request->doing = doing;
    request->has_job = true;
    if (herder_job_post(herder, setup))
        return;
    request->has_job = false;
    request_answer(herder, request, 503, "The worker is busy: its job pool is full; try again later");
}

void request_post_job(struct herder *herder, struct herder_request *request, const char *doing,
                      void (*run)(struct herder_job *), void (*done)(struct herder *, struct herder_job *))
{
    post_for_request(herder,
                     &(struct herder_job_setup){
                         .request = request, .run = run, .done = done, .deadline_ms = request->deadline_ms},
                     doing);
}

void request_post_validation(struct herder *herder, struct herder_request *request, const char *doing,
                             void (*run)(struct herder_job *), void (*done)(struct herder *, struct herder_job *))
{
    post_for_request(herder,
                     &(struct herder_job_setup){.request = request,
                                                .run = run,
                                                .done = done,
                                                .pool = herder->validations,
                                                .deadline_ms = request->deadline_ms},
                     doing);
}

void request_post_write(struct herder *herder, struct herder_request *request, void (*run)(struct herder_job *),
                        void (*done)(struct herder *, struct herder_job *))
{
    post_for_request(herder,
                     &(struct herder_job_setup){.request = request,
                                                .run = run,
                                                .done = done,
                                                .serial = herder->setup.configs,
                                                .deadline_ms = request->deadline_ms},
                     "writing to the config topic");
}

void job_run_change(struct herder_job *job)
{
    struct config_store *configs = job->herder->setup.configs;

    if (job->change == NULL) {
        mr_error_set(&job->error, MR_ERR_NO_MEMORY, "config topic: no memory for a record");
        return;
    }
    config_store_enlist(configs, job->change, job->deadline_ms); /* unless that was quicker than this job */
    config_store_write(configs, job->change, &job->error);
}

void request_post_change(struct herder *herder, struct herder_request *request, struct config_change *change,
                         void (*done)(struct herder *, struct herder_job *))
{
    post_for_request(herder,
                     &(struct herder_job_setup){.request = request,
                                                .run = job_run_change,
                                                .done = done,
                                                .serial = herder->setup.configs,
                                                .deadline_ms = request->deadline_ms,
                                                .change = change},
                     "writing to the config topic");
}

int64_t job_write_deadline_ms(const struct herder_job *job)
{
    int64_t budget_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS;

    return budget_ms < job->deadline_ms ? budget_ms : job->deadline_ms;
}
