/* rest_extension.h: code in front of the worker's REST API and beside it (Kafka Connect's ConnectRestExtension, KIP-285).
 *
 * The worker's rest.extension.classes names the classes; they are asked in that order. Since version 1.1 of the ABI.
 *
 * Life: create → (filter | serve)* → destroy. filter and serve run on threads of their own, several at once, never on those of
 * the HTTP server. Each call has a deadline (millrace.rest.extension.timeout.ms); a request whose call has not returned by
 * then is answered 503, and the call costs its thread until it returns. MR_REST_CALLS_MAX calls of one extension may be inside at a
 * time; a further request is answered 503 at once. A filter that fails, or gives an answer that cannot be sent, refuses the request
 * (500): nothing passes a filter by breaking it.
 *
 * A filter sees what the worker is about to handle: requests with a known path, whose sender is known where authentication is on.
 * Not shown are /health, /livez, /readyz and /metrics, which must not depend on it, and what workers sign for each other. A
 * request that one worker passes on to another is shown by both.
 */
#ifndef MILLRACE_REST_EXTENSION_H
#define MILLRACE_REST_EXTENSION_H

#include <millrace/config_def.h>

MR_BEGIN_DECLS

#define MR_REST_CALLS_MAX 64
#define MR_REST_HEADERS_MAX 8
#define MR_REST_BODY_MAX (1 << 20) /* bytes of an answer's body */

/* What a client asks. Read-only; it and its texts are valid until filter or serve returns. */
struct mr_rest_request;
MR_EXPORT const char *mr_rest_request_method(const struct mr_rest_request *request); /* "GET" */
/* In one spelling, however it was sent: without query, trailing slash and matrix parameters, escapes only where they must
 * be: "/connectors/a%2Fb/status". */
MR_EXPORT const char *mr_rest_request_path(const struct mr_rest_request *request);
/* The same, cut at its slashes and without escapes: "connectors", "a/b", "status". NULL past the end. */
MR_EXPORT const char *mr_rest_request_segment(const struct mr_rest_request *request, size_t index);
/* The first of that name, decoded; NULL: not there. */
MR_EXPORT const char *mr_rest_request_query(const struct mr_rest_request *request, const char *name);
/* The first of that name, in any case; NULL: not there. May be a secret (Authorization): never log it. */
MR_EXPORT const char *mr_rest_request_header(const struct mr_rest_request *request, const char *name);
MR_EXPORT struct mr_bytes mr_rest_request_body(const struct mr_rest_request *request); /* JSON as sent, not checked; size 0: none */
/* Who has logged in; NULL: authentication is off. */
MR_EXPORT const char *mr_rest_request_caller(const struct mr_rest_request *request);
MR_EXPORT const char *mr_rest_request_client_address(const struct mr_rest_request *request); /* numeric; "": not known */

/* Collects an answer; texts are copied. -1: no memory, or nothing that can be sent; the call then counts as failed, whatever it
 * returns. */
struct mr_rest_answer;
/* 200 to 599 with one JSON value; `json` NULL: no body. The last one counts. */
MR_EXPORT int mr_rest_answer_set(struct mr_rest_answer *answer, int status, const char *json) MR_MUST_USE;
/* A header for the answer, also where a filter passes the request on and the worker answers it. Not those that frame it (Connection,
 * Content-Length, …); at most MR_REST_HEADERS_MAX. */
MR_EXPORT int mr_rest_answer_add_header(struct mr_rest_answer *answer, const char *name, const char *value) MR_MUST_USE;

/* How a connector (task -1) or one of its tasks is. */
struct mr_unit_health {
    uint32_t size;
    int32_t task;
    const char *state; /* "RUNNING", as in GET /connectors/{name}/status */
    const char *worker_id;
    const char *trace; /* NULL: none */
};
/* Called once for each, before the function that takes it returns; texts are valid during the call. */
typedef void mr_rest_connector_fn(void *argument, const char *connector);
typedef void mr_rest_unit_fn(void *argument, const struct mr_unit_health *unit);

/* What an extension may ask of the cluster; valid from create until destroy. Answers come from memory, without waiting. Thread: any. */
struct mr_rest_context;
MR_EXPORT const char *mr_rest_context_cluster_id(const struct mr_rest_context *context); /* of Kafka; "": not known */
/* All connectors of the cluster. -1: MR_ERR_ILLEGAL_STATE, the worker has not read its topics yet. */
MR_EXPORT int mr_rest_context_each_connector(struct mr_rest_context *context, mr_rest_connector_fn *visit, void *argument,
                                             struct mr_error **error);
/* The connector, then its tasks. -1: as above, or MR_ERR_NOT_FOUND. */
MR_EXPORT int mr_rest_context_each_unit(struct mr_rest_context *context, const char *connector, mr_rest_unit_fn *visit, void *argument,
                                        struct mr_error **error);

struct mr_rest_extension_ops {
    uint32_t size;
    /* The extension's own options, as they stand in the worker's properties. On the main thread, at the start: NULL ends it. */
    void *(*create)(struct mr_rest_context *context, const struct mr_config *worker_config, struct mr_error **error);
    /* No call is inside, and none comes any more. */
    void (*destroy)(void *self);
    /* Before the worker handles a request. 0 without mr_rest_answer_set: it goes on, to the next extension or to the worker; 0 with
     * one: that is the answer. -1: 500. NULL: looks at none. */
    int (*filter)(void *self, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error);
    /* Must set an answer. -1: 500, or what the error's code says: MR_ERR_CONFIG 400, MR_ERR_NOT_FOUND 404, MR_ERR_CONFLICT 409; its
     * message is told. NULL: it serves nothing. */
    int (*serve)(void *self, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error);
    /* "/acme": requests for this path and all below it, by any method, come to serve. "/" and one segment of letters, digits, '.',
     * '_' and '-' that the worker does not use itself. NULL: it serves none. Filters are asked before, and with
     * authentication on the caller needs the role admin. */
    const char *prefix;
};

MR_END_DECLS
#endif
