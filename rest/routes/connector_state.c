/* PUT /connectors/{n}/pause, /resume, /stop: a body is ignored. */
#include "routes/routes_internal.h"

#include "base/bans.h"

typedef void herder_ask_fn(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument);

static void ask(struct rest_context *context, struct http_exchange *exchange, herder_ask_fn *change)
{
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        change(context->herder, rest_name(exchange), rest_reply_without_body, pending);
}

void connector_pause(void *argument, struct http_exchange *exchange)
{
    ask(argument, exchange, herder_pause_connector);
}

void connector_resume(void *argument, struct http_exchange *exchange)
{
    ask(argument, exchange, herder_resume_connector);
}

void connector_stop(void *argument, struct http_exchange *exchange)
{
    ask(argument, exchange, herder_stop_connector);
}
