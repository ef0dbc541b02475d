/* Clients and their deadlines. libmicrohttpd closes a connection that is silent; here ends one that is merely slow, or that is awaited
 * for longest when others need its place. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "http/server_internal.h"

#include "base/bans.h"

#define CROWD_LOOKS 8 /* at each client that is waited for, while patience lasts: gone ones make room at once */

/* server->lock held. */
static void set_deadline(struct connection *connection, int64_t deadline_ms)
{
    struct http_server *server = connection->listener->server;
    bool is_earliest = deadline_ms < timer_heap_next_ms(&server->deadlines);
    timer_heap_set(&server->deadlines, &connection->deadline, deadline_ms);
    if (is_earliest)
        cond_broadcast(&server->changed);
}

/* server->lock held. */
static void set_phase(struct connection *connection, enum connection_phase phase)
{
    struct http_server *server = connection->listener->server;
    bool was_busy = connection->phase != CONNECTION_READING, is_busy = phase != CONNECTION_READING;
    connection->phase = phase;
    server->busy_count += is_busy;
    server->busy_count -= was_busy;
    if (was_busy && server->busy_count == 0 && server->stopping)
        cond_broadcast(&server->changed);
}

/* Says why if a request has begun (not over TLS, whose session is libmicrohttpd's thread's), and lets libmicrohttpd find the connection
 * closed. server->lock held, under which the socket is open still: a connection leaves the list before libmicrohttpd closes it. */
static void end_with(struct connection *connection, const char *status, const char *body)
{
    char answer[300];
    int length = snprintf(answer, sizeof(answer),
                          "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n\r\n%s",
                          status, strlen(body), body);
    if (connection->ended)
        return;
    connection->ended = true;
    if (connection->has_begun && connection->phase == CONNECTION_READING && connection->listener->tls == NULL)
        (void)!send(connection->socket, answer, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(connection->socket, SHUT_RDWR);
}

static void end_reading(struct connection *connection)
{
    end_with(connection, "408 Request Timeout",
             "{\"error_code\":408,\"message\":\"The request did not arrive within its time\"}");
}

void connection_end_body(struct connection *connection)
{
    struct http_server *server = connection->listener->server;
    mutex_lock(&server->lock);
    end_with(connection, "413 Content Too Large",
             "{\"error_code\":413,\"message\":\"The request body is far too large\"}");
    mutex_unlock(&server->lock);
}

static bool is_crowded(const struct listener *listener)
{
    return listener->connection_count >= HTTP_CONNECTIONS_CROWDED(listener->server->connections_max);
}

/* Which of those that wait for their client. */
enum slow_kind { SLOW_ANY, SLOW_REQUEST, SLOW_READER };

static bool is_of(const struct connection *connection, enum slow_kind kind)
{
    if (connection->phase == CONNECTION_HANDLING || connection->ended)
        return false;
    if (kind == SLOW_READER)
        return connection->phase == CONNECTION_SENDING;
    return kind == SLOW_ANY || (connection->phase == CONNECTION_READING && connection->has_begun);
}

/* Who has been awaited for longest, and long enough. server->lock held. */
static void end_slowest(struct http_server *server, const struct listener *listener, enum slow_kind kind)
{
    int64_t since_ms = clock_monotonic_ms(NULL) - server->patience_ms;
    struct connection *slowest = NULL;
    for (struct connection *at = server->connections; at != NULL; at = at->next) {
        bool may_end = is_of(at, kind) && (listener == NULL || at->listener == listener);
        if (may_end && at->waits_since_ms <= since_ms) {
            slowest = at;
            since_ms = at->waits_since_ms - 1;
        }
    }
    if (slowest != NULL)
        end_reading(slowest);
}

/* libmicrohttpd does not notice the end of a client whose last bytes it has just read. */
static bool client_is_gone(const struct connection *connection)
{
    char byte;
    return connection->phase == CONNECTION_READING &&
           recv(connection->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The next time to look at one that waits for its client. server->lock held. */
static void look_later(struct connection *connection)
{
    const struct http_server *server = connection->listener->server;
    int64_t look_ms = deadline_after_ms(server->patience_ms / CROWD_LOOKS);
    bool looks = is_crowded(connection->listener) && look_ms < connection->until_ms;
    set_deadline(connection, looks ? look_ms : connection->until_ms);
}

/* How long a request may take to come, or an answer to be taken. server->lock held. */
static void await_client(struct connection *connection)
{
    const struct http_server *server = connection->listener->server;
    connection->until_ms = deadline_after_ms(is_crowded(connection->listener) ? server->patience_ms : server->transfer_ms);
    look_later(connection);
}

void server_make_room_for_bodies(struct http_server *server)
{
    mutex_lock(&server->lock);
    end_slowest(server, NULL, SLOW_REQUEST);
    mutex_unlock(&server->lock);
}

void server_make_room_for_answers(struct http_server *server)
{
    mutex_lock(&server->lock);
    end_slowest(server, NULL, SLOW_READER);
    mutex_unlock(&server->lock);
}

struct connection *connection_create(struct listener *listener, int socket)
{
    struct http_server *server = listener->server;
    struct connection *connection = mem_calloc(1, sizeof(*connection));
    if (connection == NULL)
        return NULL;
    connection->listener = listener;
    connection->socket = socket;
    timer_entry_init(&connection->deadline, connection);
    mutex_lock(&server->lock);
    connection->waits_since_ms = clock_monotonic_ms(NULL);
    if (is_crowded(listener))
        end_slowest(server, listener, SLOW_ANY);
    await_client(connection);
    bool known = timer_entry_is_set(&connection->deadline);
    if (known) {
        connection->next = server->connections;
        if (connection->next != NULL)
            connection->next->previous = connection;
        server->connections = connection;
        listener->connection_count++;
        if (server->stopping)
            end_reading(connection);
    }
    mutex_unlock(&server->lock);
    if (!known) {
        mem_free(connection);
        return NULL;
    }
    return connection;
}

void connection_destroy(struct connection *connection)
{
    if (connection == NULL)
        return;
    struct http_server *server = connection->listener->server;
    mutex_lock(&server->lock);
    set_phase(connection, CONNECTION_READING);
    timer_heap_remove(&server->deadlines, &connection->deadline);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    connection->listener->connection_count--;
    mutex_unlock(&server->lock);
    tls_credentials_drop(connection->credentials);
    mem_free(connection);
}

void connection_has_begun(struct connection *connection)
{
    struct http_server *server = connection->listener->server;
    mutex_lock(&server->lock);
    connection->has_begun = true;
    await_client(connection);
    mutex_unlock(&server->lock);
}

void connection_begin_reading(struct connection *connection)
{
    struct http_server *server = connection->listener->server;
    mutex_lock(&server->lock);
    connection->exchange = NULL;
    connection->has_begun = false;
    connection->waits_since_ms = clock_monotonic_ms(NULL);
    set_phase(connection, CONNECTION_READING);
    await_client(connection);
    mutex_unlock(&server->lock);
}

void connection_begin_sending(struct connection *connection)
{
    struct http_server *server = connection->listener->server;
    mutex_lock(&server->lock);
    connection->exchange = NULL;
    connection->waits_since_ms = clock_monotonic_ms(NULL);
    set_phase(connection, CONNECTION_SENDING);
    await_client(connection);
    mutex_unlock(&server->lock);
}

bool connection_begin_handling(struct connection *connection, struct http_exchange *exchange, uint32_t timeout_ms)
{
    struct http_server *server = connection->listener->server;
    mutex_lock(&server->lock);
    bool refused = server->stopping || connection->ended;
    if (!refused) {
        connection->exchange = exchange;
        set_phase(connection, CONNECTION_HANDLING);
        set_deadline(connection, deadline_after_ms(timeout_ms));
    }
    mutex_unlock(&server->lock);
    return !refused;
}

/* server->lock held; released while an exchange is answered. */
static void end_late(struct http_server *server, struct connection *connection)
{
    if (connection->phase != CONNECTION_HANDLING) {
        if (clock_monotonic_ms(NULL) < connection->until_ms && !client_is_gone(connection))
            look_later(connection);
        else
            end_reading(connection);
        return;
    }
    struct http_exchange *exchange = connection->exchange;
    exchange_take(exchange);
    mutex_unlock(&server->lock);
    exchange_time_out(exchange);
    exchange_drop(exchange);
    mutex_lock(&server->lock);
}

void *server_run_deadlines(void *argument)
{
    struct http_server *server = argument;
    mutex_lock(&server->lock);
    while (!server->deadlines_ended) {
        struct timer_entry *due = timer_heap_pop_due(&server->deadlines, clock_monotonic_ms(NULL));
        if (due == NULL) {
            cond_wait_until_ms(&server->changed, &server->lock, timer_heap_next_ms(&server->deadlines));
            continue;
        }
        /* Its place in the heap was just given free: putting it back needs no memory. */
        timer_heap_set(&server->deadlines, due, DEADLINE_NEVER);
        end_late(server, due->item);
    }
    mutex_unlock(&server->lock);
    return NULL;
}
