/*
 * routes_internal: the handlers and what they share.
 *
 * A handler answers at once from a snapshot, or asks the herder and lets its reply answer (struct rest_pending).
 */
#ifndef ROUTES_ROUTES_INTERNAL_H
#define ROUTES_ROUTES_INTERNAL_H

#include <stdbool.h>

#include "access/identity.h"
#include "base/refcount.h"
#include "forwarding/forwarding.h"
#include "herder/herder.h"
#include "http/exchange.h"
#include "http/request.h"
#include "http/response.h"
#include "http/router.h"
#include "json/json_error.h"
#include "json/json_out.h"
#include "routes/cross_origin.h"
#include "routes/header_rules.h"
#include "routes/refusal_log.h"
#include "routes/route_access.h"

extern const struct http_route REST_ROUTES[];
#define REST_METRICS "/metrics"
#define REST_OPENAPI "/openapi.json"
extern const size_t REST_ROUTE_COUNT, REST_ROUTE_COUNT_WITHOUT_ADMIN;
#define REST_HEALTH_ROUTE_COUNT 3
extern const struct http_route *const REST_HEALTH_ROUTES; /* also on millrace.health.listeners */
extern const struct http_route REST_ADMIN_OPENAPI; /* also on admin.listeners */
extern const struct http_route REST_METRICS_ALONE; /* all there is on millrace.metrics.listeners */

/* What handlers need; held by the server and by every request that waits for the herder. */
struct audit;
struct extensions;
struct gate;
struct health_board;
struct metrics_registry;
struct rest_metrics;
struct tls_keeper;
struct rest_context {
    struct refcount owners;
    struct herder *herder;
    struct forwarding *forwarding; /* NULL: standalone */
    struct metrics_registry *metrics; /* NULL: none */
    _Atomic int metrics_streams; /* answers of /metrics under way */
    struct rest_metrics *answers; /* how fast each route answers; NULL: nobody counts */
    struct health_board *health; /* NULL: none */
    uint32_t health_stuck_ms;
    struct audit *audit; /* NULL: nothing is recorded */
    struct cross_origin cross_origin; /* what browsers are told with every answer */
    struct header_rules header_rules;
    struct str_buffer openapi, openapi_admin; /* the documents (openapi.h) of listeners and admin.listeners; "": none there */
    struct gate *gate; /* who asks; NULL: authentication is off, nobody logs in */
    struct tls_keeper *_Atomic certificates[3]; /* of listeners, admin.listeners and metrics.listeners, set once both listen; NULL: no https there */
    struct extensions *extensions; /* extension_routes.h */
    struct http_route *extension_routes; /* of the paths they serve */
    size_t extension_route_count;
    struct refusal_log refusals;
};
void rest_context_take(struct rest_context *context);
void rest_context_drop(struct rest_context *context);

/* ---- answering at once ---- */

/* A 200 with JSON to be written by `out`. */
void rest_response_init(struct http_response *response, struct json_out *out);
void rest_answer_error(struct http_exchange *exchange, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 403, which is logged and on record. `connector` NULL: whom it is about is named by a configuration that names nobody, which is said, too. */
void rest_refuse(struct rest_context *context, struct http_exchange *exchange, const char *connector, const char *why);
/* The configurations now, to be dropped; NULL: not read yet, the exchange was answered. */
struct config_snapshot *rest_snapshot(struct rest_context *context, struct http_exchange *exchange);
/* The same, but also the connector {name} must be there, else 404. */
struct config_snapshot *rest_snapshot_with_connector(struct rest_context *context, struct http_exchange *exchange);
/* Who asks; NULL: authentication is off, or the route needs no login. Valid as long as the exchange. */
const struct identity *rest_caller(const struct http_exchange *exchange);
/* Are literal passwords of this connector, which is in the snapshot, hidden from who asks? */
bool rest_hides_secrets(struct rest_context *context, struct http_exchange *exchange, const struct config_snapshot *snapshot,
                        const char *name);
/* The part {name} of the path. */
const char *rest_name(const struct http_exchange *exchange);
/* Only "true", in any case. */
bool rest_query_is_true(const struct http_exchange *exchange, const char *parameter);

/* ---- answering when the herder replies ---- */

struct rest_pending {
    struct rest_context *context;
    struct http_exchange *exchange;
    char *name; /* of the connector; NULL when none was given */
    struct string_map *given; /* route_access.h; NULL: not asked for */
    int64_t deadline_ms; /* of what another worker is asked for it */
    struct route_asker asker;
};
/* NULL: no memory, the exchange was answered. */
struct rest_pending *rest_pending_create(struct rest_context *context, struct http_exchange *exchange,
                                         const char *name);
/* The same for a change to the configuration that the client wrote, which is copied. */
struct rest_pending *rest_pending_create_for(struct rest_context *context, struct http_exchange *exchange, const char *name,
                                             const struct string_map *given);
/* Answers and ends it. */
void rest_pending_answer(struct rest_pending *pending, struct http_response *response);
/* Answers with the error when the reply is one, or passes the request on to the worker that it belongs to. */
bool rest_pending_refused(struct rest_pending *pending, const struct herder_reply *reply);

/* Location of a connector that was created. */
void rest_add_location(struct http_response *response, const struct rest_pending *pending);

/* ---- other workers (forward.c) ---- */

/* true: the reply names the worker that the request belongs to, and the client lets us ask it: its answer answers the exchange. */
bool rest_forward(struct rest_pending *pending, const struct herder_reply *reply);
/* A worker passed it on, and has given it up since: this one was frozen, or cut off. The client may have written something newer elsewhere
 * by now, which this must not undo. */
bool rest_is_forsaken(struct http_exchange *exchange);
/* Where a worker asked us: how far our snapshot has come (forwarding.h). */
void rest_add_config_offset(struct http_response *response, const struct rest_pending *pending);

/* What the herder asks before a change (route_access.h, step 2), where authentication is on, or somebody has logged in at another worker,
 * which may have shown them "[hidden]"; else NULL. The argument is a struct rest_pending; its name is the connector's, or that of the
 * path. */
herder_guard_fn *rest_guard(const struct rest_context *context, const struct http_exchange *exchange);

/* Replies of the herder; the argument is a struct rest_pending. */
herder_reply_fn rest_reply_without_body;
herder_reply_fn rest_reply_connector; /* of herder_put_connector */
herder_reply_fn rest_reply_json;      /* of those that answer in JSON */

/* ---- who looks at records (records_look.c) ---- */

/* Records of a topic are shown to those with the right to see them alone, and not before the look is on record. */
struct rest_look {
    const char *connector; /* NULL: none by name */
    const char *topic;
    void (*show)(struct rest_context *context, struct http_exchange *exchange, void *argument); /* answers, or has it answered */
    void (*destroy)(void *argument);
    void *argument;
};
/* Shows, or answers with 403 or 503; destroys the argument once that is done. The texts are borrowed during the call. thread: `show` runs on
 * the caller's, or on the audit's, where it must not wait. */
void rest_look(struct rest_context *context, struct http_exchange *exchange, const struct rest_look *look);

/* ---- metrics.c ---- */

void rest_observe_begin(struct rest_context *context);
http_observe_fn rest_observe;

/* ---- handlers, by file ---- */

http_handler root_get, whoami_get;
http_handler health_get, readyz_get, livez_get;
http_timed_out_fn health_timed_out;
http_handler connectors_get, connectors_post;
http_handler connector_get, connector_delete;
http_handler connector_config_get, connector_config_put, connector_config_patch;
http_handler connector_status_get;
http_handler connector_pause, connector_resume, connector_stop;
http_handler connector_restart;
http_handler connector_tasks_get, connector_task_status_get, connector_task_restart;
http_handler connector_topics_get, connector_topics_reset;
http_handler connector_offsets_get, connector_offsets_patch, connector_offsets_delete, connector_offsets_undo;
/* Is this request for a change of offsets one that changes nothing? */
bool connector_offsets_is_trial(const struct http_request *request);
http_handler dlq_get, dlq_letter_get, dlq_replay, dlq_discard, dlq_replay_get;
http_handler cluster_get, drain_put, drain_delete;
http_handler loggers_get, logger_get, logger_put;
http_handler internal_tasks_post, internal_fence_put;
/* Of those two, when no other worker says that it asks (forwarding/caller.h): whoever does not sign is turned away by the headers. */
enum http_admission internal_admit(struct rest_context *context, struct http_exchange *exchange, struct http_response *refusal);
http_handler metrics_get, openapi_get, openapi_admin_get;
http_handler connector_plugins_get, plugin_config_get, plugin_config_validate, plugin_config_try;

/* May this be validated or tried: is the class that of {plugin}, and may who asks make such a connector? What is stored takes the place
 * of "[hidden]". false: answered. */
bool plugin_config_admit(struct rest_context *context, struct http_exchange *exchange, struct string_map *config);

/* ?millrace=true: what holds a task up, as the member "millrace"; null of one that another worker runs. The argument: the context. */
bool task_health_is_asked(const struct http_exchange *exchange);
void task_health_write(void *argument, struct json_out *out, const char *connector, uint32_t task);

/* {"n": {…status…}} needs it too: false when the connector has no status. */
bool connector_status_write(struct rest_context *context, struct json_out *out, const struct config_snapshot *snapshot,
                            const char *name, const struct herder_restart_plan *plan);

#endif
