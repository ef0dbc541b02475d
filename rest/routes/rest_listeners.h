/*
 * rest_listeners: `listeners` and `admin.listeners` of a worker, with their certificates.
 *
 * Where admin.listeners is not set, everything is on `listeners`. Where it is, administrative endpoints are on those alone, and
 * nothing else is there but their description (/openapi.json): neither / nor /health, no extensions, no CORS and no configured headers (as Kafka Connect). Login, rights and
 * audit hold on both. On millrace.health.listeners are /health, /livez and /readyz and nothing else, with threads of their own: what
 * fills the connections of `listeners` does not fail a probe.
 *
 * `millrace.metrics.listeners`, where set, serve /metrics and nothing else, and ask for no login: scrapers have none, and who may reach
 * them is for the network to say. Their certificates are those of `listeners`.
 */
#ifndef ROUTES_REST_LISTENERS_H
#define ROUTES_REST_LISTENERS_H

#include "http/router.h"
#include "http/server.h"

struct mr_error;
struct tls_keeper;
struct worker_config;

struct rest_listeners {
    struct http_router router, admin_router, metrics_router, health_router;
    struct tls_keeper *tls, *admin_tls, *metrics_tls;         /* NULL: no https among them */
    struct http_server *http, *admin_http, *metrics_http, *health_http; /* NULL: none */
};

/* Opens the stores of all https listeners once. -1: MR_ERR_CONFIG. */
int rest_listeners_look_at_files(const struct worker_config *worker, struct mr_error **error);

/* `router` is that of `listeners`; it is copied. -1: MR_ERR_CONFIG or MR_ERR_CONNECT; _stop all the same. */
int rest_listeners_start(struct rest_listeners *listeners, const struct worker_config *worker, const struct http_router *router,
                         struct mr_error **error);
void rest_listeners_stop(struct rest_listeners *listeners); /* a zeroed one is fine */
void rest_listeners_release(struct rest_listeners *listeners); /* then: nobody looks at the certificates any more */

#endif
