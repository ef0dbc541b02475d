/*
 * client: asks other workers over HTTP, many at a time, without anyone waiting.
 *
 * One thread, started with the first, drives all requests. Connections are kept and used again for CLIENT_IDLE_MAX_S (less than HTTP_IDLE_MS of the
 * server on the other side). Redirects are not followed, proxies of the environment are not used. https is verified by the worker's
 * ssl.* properties (tls_internal.h), which are read at the first such request.
 *
 * Limits: CLIENT_REQUESTS_MAX requests and CLIENT_BODIES_MAX bytes of their bodies are under way at a time, a further one is
 * refused; CLIENT_CONNECTIONS_MAX connections, CLIENT_HOST_CONNECTIONS_MAX to one worker, further requests wait for one. An answer has
 * CLIENT_ANSWER_MAX bytes at most, all together CLIENT_ANSWERS_MAX; one beyond counts as not come.
 *
 * thread: any, but for _start and _stop. locks: its own, never held while someone is told.
 */
#ifndef FORWARDING_CLIENT_H
#define FORWARDING_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_REQUESTS_MAX 1000
#define CLIENT_BODIES_MAX (64u << 20)
#define CLIENT_CONNECTIONS_MAX 256
#define CLIENT_HOST_CONNECTIONS_MAX 64
#define CLIENT_IDLE_CONNECTIONS_MAX 8
#define CLIENT_IDLE_MAX_S 20
#define CLIENT_CONNECT_TIMEOUT_MS 10000
#define CLIENT_ANSWER_MAX (64u << 20)
#define CLIENT_ANSWERS_MAX (128u << 20)
#define CLIENT_READY_POLL_MS 5

struct client;
struct mr_error;
struct string_map;

struct client_answer {
    int status;      /* 0: none came, `why` says it */
    bool is_unreachable; /* none came, and nothing was sent: there was no connection to the worker */
    bool was_sent; /* some of it may have been, over a connection that was there */
    const char *why; /* never NULL; "" when one came */
    const char *body; /* never NULL */
    size_t body_length;
    void *handle; /* client_answer_header */
};
/* NULL: it has none of that name. Valid until the next call. */
const char *client_answer_header(const struct client_answer *answer, const char *name);

/* thread: the client's; at a stop as well. Must not wait. The answer lives only during the call. */
typedef void client_done_fn(void *argument, const struct client_answer *answer);
/* Asked once an answer has come, and every CLIENT_READY_POLL_MS while it says no; at the deadline `done` is told all the same. */
typedef bool client_ready_fn(void *argument, const struct client_answer *answer);

/* Asked at the deadline, before `done` is told that no answer came in time: until when it may go on instead. 0: it ends. thread: the
 * client's, which holds no lock: it may send. */
typedef int64_t client_extend_fn(void *argument, int64_t now_ms);

struct client_header {
    const char *name, *value;
};

struct client_request {
    const char *method, *url; /* "http://host:port/path?query", escaped */
    const char *body;         /* borrowed until done; NULL: none. It is JSON */
    size_t body_length;
    const struct client_header *headers; /* those with a NULL value are left out; one with line ends refuses the request */
    size_t header_count;
    int64_t deadline_ms; /* absolute, clock_monotonic_ms(NULL) */
    uint32_t connect_timeout_ms; /* 0: CLIENT_CONNECT_TIMEOUT_MS */
    size_t answer_max; /* bytes; 0: CLIENT_ANSWER_MAX */
    const char *proxy; /* "http://host:port"; NULL: none, whatever the environment says */
    client_ready_fn *is_ready; /* may be NULL, as the next */
    client_extend_fn *extend;
    client_done_fn *done;
    void *argument;
};

/* `properties` are the worker's; they live as long as the client. */
struct client *client_start(const struct string_map *properties, struct mr_error **error);
/* Tells all that are under way that no answer came, ends the thread, frees. NULL is fine. Nobody may send any more. */
void client_stop(struct client *client);

/* true: `done` is told, exactly once. false: refused, nobody is told; `*why` is a literal. */
bool client_send(struct client *client, const struct client_request *request, const char **why);

#endif
