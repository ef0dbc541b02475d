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
    enum herder_wish wish;
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
    bool drains = request->wish != HERDER_TAKES_WORK;

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

/* As far as is known here: labels of connectors are not looked at. */
static bool others_take_work(const struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->picture.known.count; i++) {
        const struct cluster_known *known = cluster->picture.known.items[i];

        if (strcmp(known->url, cluster->url) != 0 && cluster_known_takes_work(&cluster->picture, known))
            return true;
    }
    return false;
}

/* Why it cannot be asked for now; NULL: it can. */
static const char *why_not(struct herder *herder, enum herder_wish wish, int *status)
{
    *status = 500;
    if (herder->is_leaving || herder->stage == HERDER_STOPPING || herder->stage == HERDER_ENDED)
        return shutting_down;
    *status = 409;
    if (config_store_is_lost(herder->setup.configs, NULL))
        return "The config topic is lost: no work can be handed over; stop or restart this worker";
    if (wish != HERDER_DRAINS || herder->cluster->own.drains || (cluster_refresh(herder) && others_take_work(herder->cluster)))
        return NULL;
    return "No other worker of the cluster takes work now, as far as this one knows: all that runs would be UNASSIGNED. Start another "
           "one, or let one take work again; with ?force=true it is done all the same";
}

static void handle(struct herder *herder, struct herder_post *post)
{
    struct drain_request *request = (struct drain_request *)post;
    struct herder_cluster *cluster = herder->cluster;
    uint32_t timeout_ms = herder->setup.request_timeout_ms != 0 ? herder->setup.request_timeout_ms : HERDER_REQUEST_TIMEOUT_MS;

    bool drains = request->wish != HERDER_TAKES_WORK;
    int status;
    const char *words = why_not(herder, request->wish, &status);

    if (words != NULL) {
        answer(request->reply, request->argument, status, words);
        mem_free(request);
        return;
    }
    request->next = cluster->drain_requests;
    cluster->drain_requests = request;
    herder_timer_init(&request->timer, request_due);
    if (!herder_timer_set(herder, &request->timer, herder_now_ms() + timeout_ms))
        request->is_late = true;
    if (drains && !cluster->own.drains)
        log_info(HERDER_LOG, "asked to drain: what runs here is handed over to other workers");
    cluster->own.drains = drains;
    duty_report_later(herder);
    balance_want(herder, drains ? "a worker drains" : "a worker takes work again");
}

void herder_drain(struct herder *herder, enum herder_wish wish, herder_reply_fn *reply, void *argument)
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
    request->wish = wish;
    request->reply = reply;
    request->argument = argument;
    herder_post(herder, &request->post);
}
