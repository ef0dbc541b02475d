/*
 * PUT and DELETE /admin/drain: this worker's wish in its member record. The leader does the rest; what is asked here waits until it is so.
 */
#include <millrace/error.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"

#include "base/bans.h"

static const char shutting_down[] = "Worker is shutting down";

struct drain_request {
    struct herder_post post;
    struct drain_request *next;
    struct herder_timer timer;
    bool drains;
    bool is_late;
    herder_reply_fn *reply;
    void *argument;
};

static void answer(herder_reply_fn *reply, void *argument, int status, const char *message)
{
    if (reply != NULL)
        reply(argument, &(struct herder_reply){.status = status, .message = message});
}

static void request_end(struct herder *herder, struct drain_request *request, int status, const char *message)
{
    struct drain_request **at = &herder->cluster->drain_requests;

    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    herder_timer_clear(herder, &request->timer);
    answer(request->reply, request->argument, status, message);
    mem_free(request);
}

/* The others can read the wish, and it has come true. */
static bool is_fulfilled(const struct herder_cluster *cluster, bool drains)
{
    const struct cluster_known *own = cluster_picture_find(&cluster->picture, cluster->url);
    const struct cluster_assignment *assignment = duty_assignment(cluster);

    if (own == NULL || !cluster_known_is_introduced(own) || strcmp(own->boot, cluster->boot) != 0 || own->member.drains != drains)
        return false;
    return !drains || assignment == NULL || (assignment->units.count == 0 && assignment->revoking.count == 0);
}

static void look_at(struct herder *herder, struct drain_request *request)
{
    bool drains = request->drains;

    if (herder_may_run(herder) && is_fulfilled(herder->cluster, drains)) {
        log_info(HERDER_LOG, drains ? "drained: nothing runs here any more" : "this worker takes work again");
        request_end(herder, request, 204, NULL);
    } else if (drains != herder->cluster->own.drains) {
        request_end(herder, request, 409, "The opposite was asked of this worker meanwhile");
    } else if (request->is_late && drains) {
        request_end(herder, request, 202, NULL);
    } else if (request->is_late) {
        request_end(herder, request, 500, "Request timed out. The worker was telling the others that it takes work again.");
    }
}

void drain_look(struct herder *herder)
{
    struct drain_request *request = herder->cluster != NULL ? herder->cluster->drain_requests : NULL;

    while (request != NULL) {
        struct drain_request *next = request->next;

        look_at(herder, request);
        request = next;
    }
}

void drain_answer_all(struct herder *herder, int status, const char *words)
{
    while (herder->cluster != NULL && herder->cluster->drain_requests != NULL)
        request_end(herder, herder->cluster->drain_requests, status, words);
}

static void request_due(struct herder *herder, struct herder_timer *timer)
{
    struct drain_request *request = (struct drain_request *)((char *)timer - offsetof(struct drain_request, timer));

    (void)herder;
    request->is_late = true; /* looked at in this very turn */
}

/* Also with nobody to take over: whoever drains before a node goes down must not be stopped by that. */
static void say_asked(struct herder *herder)
{
    if (cluster_refresh(herder) && cluster_others_take_work(herder->cluster))
        log_info(HERDER_LOG, "asked to drain: what runs here is handed over to other workers");
    else
        log_warn(HERDER_LOG, "asked to drain while no other worker takes work, as far as this one knows: what runs here stops and is UNASSIGNED "
                 "until one does, or until this one takes work again (DELETE /admin/drain)");
}

static void handle(struct herder *herder, struct herder_post *post)
{
    struct drain_request *request = (struct drain_request *)post;
    struct herder_cluster *cluster = herder->cluster;
    uint32_t timeout_ms = herder->setup.request_timeout_ms != 0 ? herder->setup.request_timeout_ms : HERDER_REQUEST_TIMEOUT_MS;

    if (herder->is_leaving || herder->stage == HERDER_STOPPING || herder->stage == HERDER_ENDED) {
        answer(request->reply, request->argument, 500, shutting_down);
        mem_free(request);
        return;
    }
    if (config_store_is_lost(herder->setup.configs, NULL)) {
        answer(request->reply, request->argument, 409, "The config topic is lost: no work can be handed over; stop or restart this worker");
        mem_free(request);
        return;
    }
    request->next = cluster->drain_requests;
    cluster->drain_requests = request;
    herder_timer_init(&request->timer, request_due);
    if (!herder_timer_set(herder, &request->timer, herder_now_ms() + timeout_ms))
        request->is_late = true;
    if (request->drains && !cluster->own.drains)
        say_asked(herder);
    cluster->own.drains = request->drains;
    duty_report_later(herder);
    balance_want(herder, request->drains ? "a worker drains" : "a worker takes work again");
}

void herder_drain(struct herder *herder, bool drains, herder_reply_fn *reply, void *argument)
{
    struct drain_request *request;

    if (!herder_is_ready(herder)) {
        answer(reply, argument, 503, "The worker is not ready: it is starting or shutting down; try again");
        return;
    }
    request = mem_calloc(1, sizeof(*request));
    if (request == NULL) {
        answer(reply, argument, 503, "The worker has no memory left for this request");
        return;
    }
    request->post.handle = handle;
    request->drains = drains;
    request->reply = reply;
    request->argument = argument;
    herder_post(herder, &request->post);
}
