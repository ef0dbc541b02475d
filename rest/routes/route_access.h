/*
 * route_access: what each route asks of its caller, and whether they have it (access/access.h, docs/access.md).
 *
 * Decided in two steps, both only where authentication is on:
 *  1. before the handler (route_authorize, a stage of dispatch.h), on the worker that was asked and again on the one that a request is
 *     forwarded to: the right, and the connector of the path. A name outside the caller's bindings is 403 whether or not there is such
 *     a connector: 404 would tell.
 *  2. what a configuration touches, when it is known: route_guard is asked by the herder in the request's turn, on the worker that
 *     writes, of the very configurations that are read and written; a PATCH is merged by then. Handlers that write without the
 *     herder's help ask route_may_touch themselves.
 *
 * An edit must be allowed both for what is there and for what shall be there: whoever may not have made a connector may not delete,
 * replace or rewind it. References and overrides of the present configuration are not asked about: they go. But they are where a
 * literal value stays that is hidden from whoever may not have made it: else the change would take it along.
 * thread: any, unless said otherwise.
 */
#ifndef ROUTES_ROUTE_ACCESS_H
#define ROUTES_ROUTE_ACCESS_H

#include <stdbool.h>

#include "access/access.h"

struct bindings;
struct http_exchange;
struct http_route;
struct rest_context;
struct string_map;

enum route_touches {
    TOUCHES_NOTHING,        /* no login */
    TOUCHES_PEERS,          /* other workers alone: their handlers check the signature, nobody logs in */
    TOUCHES_CALLER,         /* whoever has logged in, also without a binding */
    TOUCHES_WORKER,         /* the worker as a whole */
    TOUCHES_ALL_CONNECTORS, /* shows all, and cannot be told to leave some out */
    TOUCHES_LISTED,         /* shows connectors, and leaves out those that the caller may not see: route_may_see */
    TOUCHES_CONNECTOR,      /* {name} */
    TOUCHES_PRESENT,        /* {name}, and what its configuration reaches */
    TOUCHES_GIVEN,          /* what the configuration in the body reaches, and the present one of that name */
};

struct route_access {
    enum access_right right;
    enum route_touches touches;
};

/* By a row of REST_ROUTES, or REST_ADMIN_OPENAPI; any other route is an admin's. */
const struct route_access *route_access_of(const struct http_route *route);
bool route_needs_login(const struct http_route *route);

/* Is authentication on? Else everybody may do anything. */
bool route_is_guarded(const struct rest_context *context);

/* Step 1. false: answered with 403. */
bool route_authorize(struct rest_context *context, struct http_exchange *exchange);

/* ---- what handlers ask ---- */

/* Of one request: who asks, under the bindings that were in force when it came. */
struct route_asker {
    const struct identity *identity; /* the exchange's */
    struct bindings *bindings;       /* a reference; NULL: authentication is off, anything may be done */
};
void route_asker_init(struct route_asker *asker, struct rest_context *context, struct http_exchange *exchange);
void route_asker_release(struct route_asker *asker);

bool route_may_see(const struct route_asker *asker, const char *connector);
/* The contents of the topic's records; `connector`: for whom. NULL: it has no name, and the binding's connectors must be all ("*"). */
bool route_may_look(const struct route_asker *asker, const char *connector, const char *topic, char why[ACCESS_WHY_SIZE]);
/* A configuration without a name on records: it could be any connector's, so that the binding's connectors must be all. */
bool route_may_try_nameless(const struct route_asker *asker, char why[ACCESS_WHY_SIZE]);
/* An editor of exactly this connector: its literal passwords are shown. */
bool route_sees_secrets(const struct route_asker *asker, const struct rest_context *context, const char *connector,
                        const struct string_map *config);
/* Step 2. */
struct route_change {
    const char *connector;                   /* NULL: a configuration without a name */
    const struct string_map *present, *next; /* as in herder_guard_fn */
    const struct string_map *given;          /* what the client wrote, of which `next` was made; NULL: not known */
};
bool route_may_touch(const struct route_asker *asker, const struct rest_context *context, const struct route_change *change,
                     char why[ACCESS_WHY_SIZE]);

#endif
