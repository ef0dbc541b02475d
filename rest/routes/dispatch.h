/*
 * dispatch: what every request passes on its way to its handler: authenticate → extensions → authorize → audit → handler.
 *
 * A stage lets the request on, or ends it: it answers the exchange, or keeps it and calls dispatch_go_on later, from any thread
 * that may run handlers (they do not wait). An exchange that the server has answered meanwhile goes no further. Before any of the body is kept, dispatch_admit turns away who cannot pass.
 * A stage that keeps an exchange holds the context (rest_context_take), and has let go of all before rest_server_stop returns.
 */
#ifndef ROUTES_DISPATCH_H
#define ROUTES_DISPATCH_H

#include <stdbool.h>

#include "http/router.h"

struct http_exchange;
struct http_request;
struct rest_context;

enum dispatch_verdict {
    DISPATCH_ON,    /* the next stage, in the end the handler */
    DISPATCH_ENDED, /* answered, or kept by the stage */
};
typedef enum dispatch_verdict dispatch_stage_fn(struct rest_context *context, struct http_exchange *exchange);

enum dispatch_stage {
    DISPATCH_AUTHENTICATE, /* who asks? After it rest_caller() tells */
    DISPATCH_EXTENSIONS,   /* what REST extensions say to it (extension_routes.h) */
    DISPATCH_AUTHORIZE,    /* may they? The body is there: what it touches can be read */
    DISPATCH_AUDIT,        /* is it on record? The outcome comes by http_exchange_watch */
    DISPATCH_STAGE_COUNT,
};

/* For the router: the argument is the context. */
http_admit_fn dispatch_admit;
http_handler dispatch_request;

/* Goes on behind that stage with an exchange that it kept. thread: any. No lock held. */
void dispatch_go_on(struct rest_context *context, struct http_exchange *exchange, enum dispatch_stage done);

/* For whoever has waited with an exchange: must nothing be begun any more? It was answered meanwhile (the hold has ended), or is now, since the
 * worker that passed it on has given it up. */
bool dispatch_has_ended(struct http_exchange *exchange);

/* Each call that is refused (401, 403, 429) is told here, before it is answered; `why` may be logged. thread: any. */
void dispatch_note_refusal(struct rest_context *context, struct http_exchange *exchange, int status, const char *why);

#endif
