/*
 * route_audit: the stage of dispatch.h that puts changes on record (audit/audit.h).
 *
 * Every route that is not a GET is a change, unless it is listed as none: a new route is recorded without being asked. What workers ask
 * of each other for their connectors is none: their work goes on while changes are refused. A change that is passed on to another worker
 * is recorded by both, under one request id: each record is whole. The outcome is what the client was told. A look at records is no change;
 * who wants to show them asks for its line (records_look.c).
 *
 * thread: the stage HTTP; what comes after it goes on on the audit's thread.
 */
#ifndef ROUTES_ROUTE_AUDIT_H
#define ROUTES_ROUTE_AUDIT_H

#include "routes/dispatch.h"

/* The client's id of a request, or the one that it was given; told where calls are on record, and passed on to other workers. */
#define ROUTE_AUDIT_ID_HEADER "X-Request-ID"

struct http_request;
struct http_route;

bool route_audit_is_change(const struct http_route *route);
/* Whom a change is about: the path says it, or the body of what is to be created. mem_free; NULL: nobody, or nobody knows. false: no memory;
 * then it is not made, since a record without its connector would say too little. */
bool route_audit_connector_of(const struct http_request *request, char **connector);
dispatch_stage_fn route_audit_stage;
void route_audit_refused(struct rest_context *context, struct http_exchange *exchange, int status);
/* Who looks at records of a topic. `told` comes once the line is durable, or at once where nothing is recorded; `why` not NULL: it will not
 * be, and the client is told so with 503. thread: the caller's, or the audit's. No lock held. Must not wait. `connector` may be NULL. */
typedef void route_audit_look_fn(void *argument, const char *why);
void route_audit_look(struct rest_context *context, struct http_exchange *exchange, const char *connector, const char *topic,
                      route_audit_look_fn *told, void *argument);
/* Nobody waits for the record any more. After the HTTP server has stopped. */
void route_audit_settle(struct rest_context *context);

/* Why changes and looks are refused now, if they are. */
bool route_audit_is_failing(const struct rest_context *context, char *words, size_t size);

#endif
