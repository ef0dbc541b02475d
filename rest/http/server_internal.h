/*
 * server_internal: what the files of this room share.
 *
 * Locks: server->lock (connections, deadlines, stopping) and exchange->lock (the answer). None is taken while the other
 * is held, with one exception: libmicrohttpd's own locks are taken under exchange->lock (suspend, resume).
 */
#ifndef HTTP_SERVER_INTERNAL_H
#define HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/refcount.h"
#include "base/timer_heap.h"
#include "http/exchange.h"
#include "http/response.h"
#include "http/server.h"
#include "http/tls_internal.h"

/* ---- listeners ---- */

struct listener {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int socket; /* until the daemon has it, then -1 */
    uint16_t port;
    size_t connection_count; /* server->lock */
    bool is_everywhere; /* on all interfaces; then its name says localhost */
    struct listener_tls *tls; /* NULL: plain http */
    char name[300]; /* "http://host:port", for messages and for clients that sent no Host */
};

/* Opens the listening socket. false: `why` names address and remedy. */
bool listener_open(struct listener *listener, const struct http_listener *address, char *why, size_t why_size);

/* Starts libmicrohttpd on it. */
bool daemon_start(struct listener *listener, char *why, size_t why_size);
/* Closes all connections and the listening socket. Until then clients are let in, and sent away by connection_create when the
 * server is stopping: MHD_quiesce_daemon races with the threads of its own pool, and aborts the process when it loses
 * ("Failed to remove listen FD from epoll set"; seen with 0.9.75). */
void daemon_stop(struct listener *listener);

/* ---- connections ---- */

/* One client. In each phase one deadline: reading and sending end by shutting the socket down, handling by an answer. */
enum connection_phase { CONNECTION_READING, CONNECTION_HANDLING, CONNECTION_SENDING };

struct connection {
    struct listener *listener;
    int socket;
    struct tls_credentials *credentials; /* of its TLS session; its own thread's */
    struct timer_entry deadline;    /* server->lock; in the heap all its life, so that moving never fails */
    enum connection_phase phase;    /* server->lock */
    struct http_exchange *exchange; /* while HANDLING; server->lock */
    bool told_to_stop;              /* server->lock */
    bool has_begun;                 /* READING: the request line is there. server->lock */
    bool ended;                     /* shut down by us: whatever still comes is refused. server->lock */
    int64_t until_ms;               /* the end; in a crowd its timer comes earlier, to see whether the client is gone. server->lock */
    int64_t waits_since_ms;         /* for a request or its rest, or for the client to take its answer. server->lock */
    struct connection *next, *previous;
};

/* When the server is stopping the client is let go at once. NULL: no memory. */
struct connection *connection_create(struct listener *listener, int socket);
void connection_destroy(struct connection *connection);
/* The request line was read. */
void connection_has_begun(struct connection *connection);
/* Ends the request that arrives most slowly, or the answer that is taken most slowly. */
void server_make_room_for_bodies(struct http_server *server);
void server_make_room_for_answers(struct http_server *server);
/* More of a body has come than is thrown away. */
void connection_end_body(struct connection *connection);
void connection_begin_reading(struct connection *connection);
void connection_begin_sending(struct connection *connection);
/* false: the server is stopping, or has ended the connection: the exchange must be refused. */
bool connection_begin_handling(struct connection *connection, struct http_exchange *exchange, uint32_t timeout_ms);

/* ---- exchanges ---- */

enum exchange_step {
    EXCHANGE_ARRIVING, /* headers not seen yet */
    EXCHANGE_BODY,
    EXCHANGE_HANDED_OVER,
};

struct noted_header {
    char *name, *value;
};

struct http_exchange {
    struct refcount owners;
    struct listener *listener;
    struct MHD_Connection *mhd;
    struct connection *connection;

    /* Until handed over: the connection's thread; after: read-only. */
    enum exchange_step step;
    char *raw_target;
    struct str_buffer header_text, body, origin;
    uint64_t body_seen;
    size_t body_counted, answer_counted; /* of server->body_bytes, of ->answer_bytes */
    int refused;         /* status known before the body has ended; 0: none */
    enum http_admission admission; /* HTTP_REFUSED: `refusal` is the answer */
    bool keeps_body;
    struct http_response refusal;
    const char *target_problem; /* NULL: the target could be read */
    const char *head_problem;   /* NULL: the headers can be understood in one way only */
    char client_address[INET6_ADDRSTRLEN], *certificate_subject;
    struct http_request request;

    void *caller; /* set by one thread at a time, before the handler */
    void (*destroy_caller)(void *caller);
    http_answered_fn *answered_fn; /* lock */
    void *answered_argument;
    int64_t begun_us;    /* when it was handed over; 0: not yet */
    int answered_status; /* lock */

    pthread_mutex_t lock;
    bool answered, suspended;
    struct http_response answer;
    struct noted_header noted[HTTP_NOTED_HEADERS_MAX]; /* until answered under the lock, then read-only */
    size_t noted_count;
};

struct http_exchange *exchange_create(struct listener *listener, struct MHD_Connection *mhd, const char *raw_target);
void exchange_take(struct http_exchange *exchange);
void exchange_drop(struct http_exchange *exchange);
/* The connection has no more to do with it: drops its hold. What was handed over lives on with the handler's. */
void exchange_end(struct http_exchange *exchange);
/* Keeps what MHD knows about the request, and finds its route. Sets `refused` for what is wrong or beyond the limits. */
void exchange_read_head(struct http_exchange *exchange, const char *method, const char *version);
/* A body of that length is about to come: the route may allow more than HTTP_BODY_MAX. */
void exchange_expect_body(struct http_exchange *exchange, uint64_t announced);
/* Asks whether the request may go on; who may not has no body kept. */
void exchange_admit(struct http_exchange *exchange);
void exchange_read_body(struct http_exchange *exchange, const char *bytes, size_t length);
/* The body is complete: finds the handler and runs it, or refuses. After it the exchange is answered or waits. */
void exchange_hand_over(struct http_exchange *exchange);
/* Before the answer is sent; false: it is large, and too much waits to be sent. */
bool exchange_count_answer(struct http_exchange *exchange);
/* The first answer counts; takes what the response holds. */
void exchange_settle(struct http_exchange *exchange, struct http_response *response);
/* Nobody answered in time. */
void exchange_time_out(struct http_exchange *exchange);
/* The server stops. */
void exchange_shut_down(struct http_exchange *exchange);

/* ---- the server ---- */

struct http_server {
    const struct http_router *router;
    uint32_t connections_max, idle_ms, transfer_ms, patience_ms;
    struct listener *listeners;
    size_t listener_count;
    _Atomic uint64_t body_bytes;           /* held by all exchanges */
    _Atomic uint64_t answer_bytes; /* of large answers that clients have not taken yet */
    _Atomic uint64_t undecided_body_bytes; /* of these, by HTTP_UNDECIDED ones */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* an earlier deadline, fewer busy connections, or the end */
    struct timer_heap deadlines;
    struct connection *connections;
    size_t busy_count; /* connections that handle or send */
    bool stopping, deadlines_ended;
    bool has_deadline_thread;
    pthread_t deadline_thread;
};

void *server_run_deadlines(void *server);

#endif
