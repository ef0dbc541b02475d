#include "routes/dispatch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "forwarding/caller.h"
#include "gate/gate.h"
#include "routes/extension_routes.h"
#include "routes/route_audit.h"
#include "routes/route_access.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

/* ---- who asks ---- */

/* What tells nothing about anybody's connectors, and what workers ask of each other: that is signed (internal.c). The JVM worker's
 * basic-auth extension lets the latter pass, too. */
static bool needs_login(const struct rest_context *context, const struct http_route *route)
{
    return context->gate != NULL && route_needs_login(route);
}

/* By another worker, which says for whom. Whoever else sends that header is refused, also where nobody logs in. */
static bool is_forwarded(const struct http_request *request)
{
    return http_request_header(request, CALLER_HEADER) != NULL;
}

static void destroy_caller(void *caller)
{
    identity_destroy(caller);
}

/* Of what is signed the body is a part: who may be a worker is let send it. */
static enum http_admission admit_worker(struct rest_context *context, struct http_exchange *exchange, struct http_response *refusal)
{
    struct caller_verdict verdict =
        caller_look(forwarding_callers(context->forwarding), http_exchange_request(exchange));
    if (verdict.status == 0)
        return HTTP_UNDECIDED;
    dispatch_note_refusal(context, exchange, verdict.status, verdict.why);
    http_response_set_error(refusal, verdict.status, verdict.why);
    return HTTP_REFUSED;
}

/* A browser would show whose certificate or password it has, whichever page makes it ask. */
static bool is_foreign_change(struct rest_context *context, const struct http_request *request)
{
    return request->route->method != HTTP_GET && !cross_origin_may_change(&context->cross_origin, request);
}

static enum http_admission refuse_foreign(struct rest_context *context, struct http_exchange *exchange,
                                          struct http_response *refusal)
{
    static const char WHY[] = "A page of another origin asks for this change; access.control.allow.origin does not name that origin.";
    dispatch_note_refusal(context, exchange, 403, WHY);
    http_response_set_error(refusal, 403, WHY);
    return HTTP_REFUSED;
}

enum http_admission dispatch_admit(void *argument, struct http_exchange *exchange, struct http_response *refusal)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    if (is_forwarded(request))
        return admit_worker(context, exchange, refusal);
    if (route_access_of(request->route)->touches == TOUCHES_PEERS)
        return internal_admit(context, exchange, refusal);
    if (!needs_login(context, request->route))
        return HTTP_ADMITTED;
    if (is_foreign_change(context, request))
        return refuse_foreign(context, exchange, refusal);
    struct gate_verdict verdict = gate_look(context->gate, request);
    if (verdict.outcome == GATE_UNDECIDED)
        return HTTP_UNDECIDED;
    if (verdict.outcome == GATE_PASSED) {
        http_exchange_set_caller(exchange, verdict.identity, destroy_caller);
        return HTTP_ADMITTED;
    }
    dispatch_note_refusal(context, exchange, verdict.status, verdict.why);
    gate_fill_refusal(context->gate, &verdict, refusal);
    return HTTP_REFUSED;
}

struct login {
    struct rest_context *context;
    struct http_exchange *exchange;
};

static void on_told(void *argument, const struct gate_verdict *verdict)
{
    struct login login = *(struct login *)argument;
    mem_free(argument);
    if (verdict->outcome == GATE_PASSED) {
        http_exchange_set_caller(login.exchange, verdict->identity, destroy_caller);
        dispatch_go_on(login.context, login.exchange, DISPATCH_AUTHENTICATE);
    } else {
        struct http_response response;
        http_response_init(&response, verdict->status, HTTP_CONTENT_JSON);
        dispatch_note_refusal(login.context, login.exchange, verdict->status, verdict->why);
        gate_fill_refusal(login.context->gate, verdict, &response);
        http_exchange_answer(login.exchange, &response);
    }
    rest_context_drop(login.context);
}

static enum dispatch_verdict believe_worker(struct rest_context *context, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct caller_verdict verdict = caller_check(forwarding_callers(context->forwarding), request);
    if (verdict.identity != NULL) {
        http_exchange_set_caller(exchange, verdict.identity, destroy_caller);
        return DISPATCH_ON;
    }
    dispatch_note_refusal(context, exchange, verdict.status, verdict.why);
    rest_answer_error(exchange, verdict.status, "%s", verdict.why);
    return DISPATCH_ENDED;
}

static enum dispatch_verdict authenticate(struct rest_context *context, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    if (is_forwarded(request))
        return believe_worker(context, exchange);
    if (rest_caller(exchange) != NULL || !needs_login(context, request->route))
        return DISPATCH_ON;
    struct login *login = mem_alloc(sizeof(*login));
    if (login == NULL) {
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        return DISPATCH_ENDED;
    }
    rest_context_take(context);
    *login = (struct login){context, exchange};
    gate_check(context->gate, request, on_told, login);
    return DISPATCH_ENDED;
}

/* ---- the other stages ---- */

static enum dispatch_verdict authorize(struct rest_context *context, struct http_exchange *exchange)
{
    return route_authorize(context, exchange) ? DISPATCH_ON : DISPATCH_ENDED;
}

static dispatch_stage_fn *const STAGES[DISPATCH_STAGE_COUNT] = {
    [DISPATCH_AUTHENTICATE] = authenticate,
    [DISPATCH_EXTENSIONS] = extension_routes_filter,
    [DISPATCH_AUTHORIZE] = authorize,
    [DISPATCH_AUDIT] = route_audit_stage,
};

/* Nothing begins once the client was told otherwise, as by a deadline that passed while a stage kept the exchange: the answer is true, and so
 * is the record's word of it. */
bool dispatch_has_ended(struct http_exchange *exchange)
{
    if (http_exchange_is_answered(exchange))
        http_exchange_drop(exchange);
    else if (rest_is_forsaken(exchange))
        rest_answer_error(exchange, 409, "The worker that passed this on does not wait for it any more");
    else
        return false;
    return true;
}

static void run_from(struct rest_context *context, struct http_exchange *exchange, int stage)
{
    for (; !dispatch_has_ended(exchange); stage++) {
        if (stage == DISPATCH_STAGE_COUNT) {
            http_exchange_request(exchange)->route->handler(context, exchange);
            return;
        }
        if (STAGES[stage](context, exchange) == DISPATCH_ENDED)
            return;
    }
}

void dispatch_request(void *argument, struct http_exchange *exchange)
{
    run_from(argument, exchange, DISPATCH_AUTHENTICATE);
}

void dispatch_go_on(struct rest_context *context, struct http_exchange *exchange, enum dispatch_stage done)
{
    run_from(context, exchange, done + 1);
}

void dispatch_note_refusal(struct rest_context *context, struct http_exchange *exchange, int status, const char *why)
{
    const struct http_request *request = http_exchange_request(exchange);
    unsigned left_out = 0;
    char more[60] = "", where[300] = "", id[HTTP_REQUEST_ID_SIZE + 20] = "";
    route_audit_refused(context, exchange, status); /* first: it gives the request its id */
    if (request->id[0] != '\0')
        snprintf(id, sizeof(id), ", request %s", request->id);
    if (strstr(request->route->pattern, "{name}") != NULL)
        snprintf(where, sizeof(where), " of connector %.250s", http_request_part(request, "name"));
    if (refusal_log_takes(&context->refusals, clock_monotonic_ms(NULL), &left_out)) {
        if (left_out > 0)
            snprintf(more, sizeof(more), " (%u more were not logged)", left_out);
        log_info("rest", "refused with %d: %s %s%s from %s%s: %s%s", status, http_method_name(request->method),
                 request->route->pattern, where, request->client_address, id, why, more);
    }
}
