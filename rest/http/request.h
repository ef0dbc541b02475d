/*
 * request: what a client asked, read-only. It lives inside its exchange (exchange.h).
 *
 * The path is split into segments before it is percent-decoded, so that a name may hold an encoded slash; matrix
 * parameters (";v=1") are cut off, one trailing slash is dropped.
 * thread: whoever holds the exchange. locks: none.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/target.h"

#define HTTP_REQUEST_LINE_MAX 8192  /* bytes of path and query; longer: 414 */
#define HTTP_HEADERS_MAX 8192       /* bytes of all headers; more: 431 */
#define HTTP_HEADER_COUNT_MAX 100   /* headers; more: 431 */
#define HTTP_BODY_MAX (1u << 20)    /* bytes, where its route says no other; larger: 413, read and thrown away, connection kept */
#define HTTP_DRAIN_MAX (256u << 20) /* bytes of a too large body that are thrown away; beyond: connection closed */
#define HTTP_BODIES_MAX (64u << 20) /* bytes of all bodies held at one time; beyond: 503 */
#define HTTP_BODIES_UNDECIDED_MAX (16u << 20) /* of those, bytes of clients who may turn out to be strangers; beyond: 503 */

#define HTTP_REQUEST_ID_SIZE 65 /* with the NUL; a longer one is cut */

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_OTHER,
};
/* "GET"; of another method "". */
const char *http_method_name(enum http_method method);
enum http_method http_method_of(const char *name); /* case matters */

struct http_route;

struct http_request {
    enum http_method method;
    struct http_target target;
    const char *raw_target; /* as it came: "/connectors/a%20b?x=1" */
    struct http_pair headers[HTTP_HEADER_COUNT_MAX];
    size_t header_count;
    const char *body; /* never NULL, closed by a NUL that does not count */
    size_t body_length;
    bool has_body;      /* some came; that of a GET is not kept, so its length is 0 here */
    const char *origin; /* "http://host:port": as the client called us */
    uint16_t client_port;            /* of that address; 0: not known */
    char id[HTTP_REQUEST_ID_SIZE];   /* http_exchange_set_id; "": none */
    const char *client_address;      /* where it came from, numeric and without port; "" when not known */
    const char *certificate_subject; /* of the client's certificate, which TLS has checked; NULL: none */
    bool certificate_is_ours;        /* it is the one that this listener shows itself */
    const struct http_route *route;
};

/* NULL: the head can be understood in one way only. Else why it is refused with 400, the connection closed after it: two readers of
 * it, a proxy and we, may disagree on where the request ends (RFC 9112, sections 3.2, 5.1, 6.1 and 6.3). */
const char *http_head_problem(const struct http_request *request, bool is_1_1);

/* A header, its name in any case; NULL: absent. Of several the first. */
const char *http_request_header(const struct http_request *request, const char *name);
size_t http_request_header_count(const struct http_request *request, const char *name);

/* The segment that the route calls {name} or {name:int}. NULL only when the route has no such part: a bug. */
const char *http_request_part(const struct http_request *request, const char *name);
/* The value of an {name:int} part. */
int32_t http_request_int_part(const struct http_request *request, const char *name);

/* Query parameters, decoded: the first of that name (NULL: absent), or how often it was given. */
const char *http_request_query(const struct http_request *request, const char *name);
bool http_request_query_has(const struct http_request *request, const char *name, const char *value);
size_t http_request_query_count(const struct http_request *request, const char *name);

#endif
