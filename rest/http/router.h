/*
 * router: which handler serves a request. A table of rows, looked through from the top.
 *
 * A pattern is a path whose parts may be {name} (any segment) or {name:int} (a 32-bit integer as Java reads it: "00",
 * "+1", "-1"), and end in {*} (whatever follows, also nothing); no two patterns of a table may fit the same path unless they are equal.
 * Decided here, in this order: no pattern fits 404; the method is not among the rows of the path 405 (HEAD counts as
 * GET; OPTIONS is answered with the list); the request has a body or a Content-Type and is not application/json 415;
 * the client accepts no JSON 406 (text_pattern is answered whatever it accepts).
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/request.h"

struct http_exchange;
struct http_response;

#define HTTP_TIMEOUT_DEFAULT_MS 95000 /* above the time limit of a request, so that whoever serves it may speak first */

/* Serves a request: answers the exchange now or later, exactly once, from any thread (exchange.h).
 * thread: HTTP. No lock held. Must not wait. */
typedef void http_handler(void *context, struct http_exchange *exchange);

/* Fills the answer of an exchange that nobody answered in time. thread: the server's deadlines. */
typedef void http_timed_out_fn(void *context, const struct http_request *request, struct http_response *response);

/* Adds headers to an answer that is about to leave, whoever made it. thread: HTTP. No lock held. Must not wait. */
typedef void http_headers_fn(void *context, const struct http_request *request, struct http_response *response);

/* Told of each answer whose client is still there: how long it took from the request's last byte. thread: any. locks: the exchange's; must
 * take none, and not wait. */
typedef void http_observe_fn(void *context, const struct http_request *request, int status, int64_t took_us);

/* May the request go on? Asked when the headers are there and the route is set, before any of the body is kept; the caller may be
 * noted (exchange.h), and nothing else be done with the exchange. thread: HTTP. No lock held. Must not wait. */
enum http_admission {
    HTTP_ADMITTED,
    HTTP_UNDECIDED, /* its body counts against HTTP_BODIES_UNDECIDED_MAX, too */
    HTTP_REFUSED,   /* the refusal is filled; the body is thrown away */
};
typedef enum http_admission http_admit_fn(void *context, struct http_exchange *exchange, struct http_response *refusal);

struct http_route {
    enum http_method method;
    const char *pattern;
    http_handler *handler;
    uint32_t timeout_ms;          /* 0: HTTP_TIMEOUT_DEFAULT_MS */
    http_timed_out_fn *timed_out; /* NULL: 500 "Request timed out" */
    size_t body_max;              /* 0: HTTP_BODY_MAX; more counts only for a body that is announced by its length */
};

struct http_router {
    const struct http_route *routes;
    size_t route_count;
    const struct http_route *more_routes; /* looked at after those: routes made at the start; may be NULL */
    size_t more_route_count;
    void *context; /* for handlers */
    const char *text_pattern; /* of the one path that answers no JSON; NULL: none */
    http_headers_fn *add_headers; /* NULL: none */
    http_observe_fn *observe;     /* NULL: nobody */
    http_admit_fn *admit;         /* NULL: all may */
    http_handler *dispatch;       /* instead of the route's handler, which it calls now or later, from any thread; NULL: that one */
};

/* Sets request->route and returns true, or fills the response that refuses (or lists, for OPTIONS). */
bool http_router_find(const struct http_router *router, struct http_request *request, struct http_response *refusal);

/* By path and method alone, HEAD as GET; NULL: none. */
const struct http_route *http_router_route_of(const struct http_router *router, enum http_method method,
                                              const struct http_target *target);

/* Does the pattern fit these segments? */
bool http_pattern_fits(const char *pattern, const char *const *segments, size_t segment_count);

#endif
