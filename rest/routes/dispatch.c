#include "routes/dispatch.h"

#include "base/log.h"
#include "routes/extension_routes.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

static enum dispatch_verdict authenticate(struct rest_context *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    return DISPATCH_ON;
}

static enum dispatch_verdict authorize(struct rest_context *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    return DISPATCH_ON;
}

static enum dispatch_verdict audit(struct rest_context *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    return DISPATCH_ON;
}

static dispatch_stage_fn *const STAGES[DISPATCH_STAGE_COUNT] = {
    [DISPATCH_AUTHENTICATE] = authenticate,
    [DISPATCH_EXTENSIONS] = extension_routes_filter,
    [DISPATCH_AUTHORIZE] = authorize,
    [DISPATCH_AUDIT] = audit,
};

static void run_from(struct rest_context *context, struct http_exchange *exchange, int stage)
{
    for (; stage < DISPATCH_STAGE_COUNT; stage++)
        if (STAGES[stage](context, exchange) == DISPATCH_ENDED)
            return;
    http_exchange_request(exchange)->route->handler(context, exchange);
}

bool dispatch_admit(void *argument, struct http_exchange *exchange, struct http_response *refusal)
{
    (void)argument;
    (void)exchange;
    (void)refusal;
    return true;
}

void dispatch_request(void *argument, struct http_exchange *exchange)
{
    run_from(argument, exchange, DISPATCH_AUTHENTICATE);
}

void dispatch_go_on(struct rest_context *context, struct http_exchange *exchange, enum dispatch_stage done)
{
    run_from(context, exchange, done + 1);
}

void dispatch_note_refusal(struct rest_context *context, const struct http_exchange *exchange, int status, const char *why)
{
    const struct http_request *request = http_exchange_request(exchange);
    (void)context;
    log_info("rest", "refused with %d: %s %s from %s: %s", status, http_method_name(request->method), request->route->pattern,
             request->client_address, why);
}
