/* GET /admin/cluster: the cluster as this worker knows it. PUT and DELETE /admin/drain: whether this worker takes work. */
#include "json/cluster_entity.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

/* false: answered. */
static bool is_in_cluster(struct rest_context *context, struct http_exchange *exchange)
{
    if (!herder_is_ready(context->herder))
        rest_answer_error(exchange, 503, "The worker is still reading its topics. Try again in a moment.");
    else if (!herder_has_cluster(context->herder))
        rest_answer_error(exchange, 404, "This worker stands alone: it is no member of a cluster");
    else
        return true;
    return false;
}

static bool shows(const void *asker, const char *connector)
{
    return route_may_see(asker, connector);
}

void cluster_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    if (!is_in_cluster(context, exchange))
        return;
    struct herder_cluster_view *view = herder_cluster_view(context->herder);
    if (view == NULL) {
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        return;
    }
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    struct route_asker asker;
    route_asker_init(&asker, context, exchange);
    cluster_entity_write(&out, view, shows, &asker);
    route_asker_release(&asker);
    herder_cluster_view_destroy(view);
    http_exchange_answer(exchange, &response);
}

static void reply_drain(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    struct herder_cluster_view *view = reply->status == 202 ? herder_cluster_view(pending->context->herder) : NULL;
    if (view == NULL) {
        rest_reply_without_body(argument, reply);
        return;
    }
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    response.status = reply->status;
    drain_entity_write(&out, view);
    herder_cluster_view_destroy(view);
    rest_pending_answer(pending, &response);
}

static void set_drains(struct rest_context *context, struct http_exchange *exchange, bool drains)
{
    if (!is_in_cluster(context, exchange))
        return;
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_drain(context->herder, drains, reply_drain, pending);
}

void drain_put(void *argument, struct http_exchange *exchange)
{
    set_drains(argument, exchange, true);
}

void drain_delete(void *argument, struct http_exchange *exchange)
{
    set_drains(argument, exchange, false);
}
