/*
 * server: listens, reads requests within limits, gives each to its handler (router.h) and sends the answers.
 *
 * Threads: HTTP_THREADS per listener read and write (libmicrohttpd, epoll) and run the handlers, which never wait; one
 * more, "http-deadlines", ends what takes too long. An exchange that waits for its answer costs neither.
 *
 * Limits besides those of request.h: `connections_max` per listener (further clients wait in the backlog); from
 * HTTP_CONNECTIONS_CROWDED on a client has HTTP_PATIENCE_MS to send its request, or to take its answer, and a new one takes the place of
 * the one that has been awaited for longest, if for so long: slow ones, and those that only hold a connection, cannot shut out others.
 * Answers that their clients have not taken yet hold HTTP_ANSWERS_MAX bytes at most; a further large one to a GET is 503. A connection without any traffic is closed after HTTP_IDLE_MS; a request must have arrived, and an
 * answer be taken by the client, within HTTP_TRANSFER_MS. Who is ended in the midst of a request is told 408 (over TLS: nothing). A
 * handshake counts as waiting for a request.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "http/router.h"

#define HTTP_THREADS 2
#define HTTP_CONNECTIONS_MAX 256 /* unless set; few enough that clients cannot use up the process' descriptors (often 1024) */
#define HTTP_CONNECTIONS_LEAST 8
#define HTTP_CONNECTIONS_CROWDED(max) ((max) - (max) / 4)
#define HTTP_ANSWERS_MAX (64u << 20)    /* bytes of large answers to GET */
#define HTTP_ANSWER_SMALL_MAX (64u << 10) /* bytes; smaller ones always leave: together at most that times the connections */
#define HTTP_PATIENCE_MS 2000
#define HTTP_IDLE_MS 30000
#define HTTP_TRANSFER_MS 120000
#define HTTP_STOP_MS 2000 /* how long a stop waits until answers have left */

struct http_server;
struct tls_keeper;

struct http_listener {
    const char *host; /* "": all interfaces */
    uint16_t port;    /* 0: any free one */
    struct tls_keeper *tls; /* certificates of https (tls/tls_keeper.h), outlives the server; NULL: plain http */
};

struct http_server_setup {
    const struct http_listener *listeners; /* at least one */
    size_t listener_count;
    const struct http_router *router; /* outlives the server */
    uint32_t connections_max;                   /* per listener, at least HTTP_CONNECTIONS_LEAST; 0: HTTP_CONNECTIONS_MAX */
    uint32_t idle_ms, transfer_ms, patience_ms; /* 0: the limits above */
};

/* NULL: nothing is listening; `why` names the address and the remedy in one line. */
struct http_server *http_server_start(const struct http_server_setup *setup, char *why, size_t why_size);

/* Serves nobody new, answers what waits with 503, lets answers leave for HTTP_STOP_MS at most, closes the rest and frees
 * the server. NULL is fine. thread: the one that started it; never a handler. */
void http_server_stop(struct http_server *server);

/* The port of a listener, also where the setup said 0. */
uint16_t http_server_port(const struct http_server *server, size_t listener);

#endif
