#include "http/server.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "http/server_internal.h"

#include "base/bans.h"

static struct http_server *server_create(const struct http_server_setup *setup)
{
    struct http_server *server = mem_calloc(1, sizeof(*server));
    struct listener *listeners = mem_calloc(setup->listener_count, sizeof(*listeners));
    if (server == NULL || listeners == NULL) {
        mem_free(server);
        mem_free(listeners);
        return NULL;
    }
    server->router = setup->router;
    server->connections_max = setup->connections_max != 0 ? setup->connections_max : HTTP_CONNECTIONS_MAX;
    assert(server->connections_max >= HTTP_CONNECTIONS_LEAST);
    server->idle_ms = setup->idle_ms != 0 ? setup->idle_ms : HTTP_IDLE_MS;
    server->transfer_ms = setup->transfer_ms != 0 ? setup->transfer_ms : HTTP_TRANSFER_MS;
    server->patience_ms = setup->patience_ms != 0 ? setup->patience_ms : HTTP_PATIENCE_MS;
    server->listeners = listeners;
    server->listener_count = setup->listener_count;
    for (size_t i = 0; i < setup->listener_count; i++) {
        listeners[i].server = server;
        listeners[i].socket = -1;
    }
    mutex_init(&server->lock);
    cond_init(&server->changed);
    timer_heap_init(&server->deadlines);
    return server;
}

static bool start_deadlines(struct http_server *server, char *why, size_t why_size)
{
    char reason[200];
    struct thread_setup setup = {.name = "http-deadlines", .run = server_run_deadlines, .argument = server};
    server->has_deadline_thread = thread_start(&server->deadline_thread, &setup, reason, sizeof(reason));
    if (!server->has_deadline_thread)
        snprintf(why, why_size, "Cannot start the HTTP server: %s", reason);
    return server->has_deadline_thread;
}

static bool start_listeners(struct http_server *server, const struct http_server_setup *setup, char *why,
                            size_t why_size)
{
    /* All sockets first: a port in use is noticed before anybody is served. */
    for (size_t i = 0; i < server->listener_count; i++)
        if (!listener_open(&server->listeners[i], &setup->listeners[i], why, why_size))
            return false;
    for (size_t i = 0; i < server->listener_count; i++)
        if (setup->listeners[i].tls != NULL &&
            (server->listeners[i].tls = listener_tls_create(setup->listeners[i].tls, why, why_size)) == NULL)
            return false;
    for (size_t i = 0; i < server->listener_count; i++)
        if (!daemon_start(&server->listeners[i], why, why_size))
            return false;
    return true;
}

struct http_server *http_server_start(const struct http_server_setup *setup, char *why, size_t why_size)
{
    assert(setup->listener_count > 0);
    struct http_server *server = server_create(setup);
    if (server == NULL) {
        snprintf(why, why_size, "Cannot start the HTTP server: out of memory");
        return NULL;
    }
    if (!start_deadlines(server, why, why_size) || !start_listeners(server, setup, why, why_size)) {
        http_server_stop(server);
        return NULL;
    }
    for (size_t i = 0; i < server->listener_count; i++)
        log_info("http", "listening on %s%s", server->listeners[i].name,
                 server->listeners[i].is_everywhere ? " and all other interfaces" : "");
    return server;
}

/* Holds on the next exchange that waits and was not told yet; NULL: none. None is added: the server is stopping. */
static struct http_exchange *next_waiting(struct http_server *server)
{
    struct http_exchange *found = NULL;
    mutex_lock(&server->lock);
    server->stopping = true;
    for (struct connection *at = server->connections; at != NULL && found == NULL; at = at->next) {
        if (at->phase != CONNECTION_HANDLING || at->told_to_stop)
            continue;
        at->told_to_stop = true;
        found = at->exchange;
        exchange_take(found);
    }
    mutex_unlock(&server->lock);
    return found;
}

static void refuse_waiting(struct http_server *server)
{
    struct http_exchange *exchange;
    while ((exchange = next_waiting(server)) != NULL) {
        exchange_shut_down(exchange);
        exchange_drop(exchange);
    }
}

static void let_answers_leave(struct http_server *server)
{
    int64_t deadline_ms = deadline_after_ms(HTTP_STOP_MS);
    mutex_lock(&server->lock);
    while (server->busy_count > 0 && cond_wait_until_ms(&server->changed, &server->lock, deadline_ms))
        ;
    mutex_unlock(&server->lock);
}

static void stop_deadlines(struct http_server *server)
{
    if (!server->has_deadline_thread)
        return;
    mutex_lock(&server->lock);
    server->deadlines_ended = true;
    cond_broadcast(&server->changed);
    mutex_unlock(&server->lock);
    thread_join(server->deadline_thread);
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    refuse_waiting(server);
    let_answers_leave(server);
    stop_deadlines(server);
    for (size_t i = 0; i < server->listener_count; i++)
        daemon_stop(&server->listeners[i]);
    for (size_t i = 0; i < server->listener_count; i++)
        listener_tls_destroy(server->listeners[i].tls);
    timer_heap_release(&server->deadlines);
    cond_destroy(&server->changed);
    mutex_destroy(&server->lock);
    mem_free(server->listeners);
    mem_free(server);
}

uint16_t http_server_port(const struct http_server *server, size_t listener)
{
    assert(listener < server->listener_count);
    return server->listeners[listener].port;
}
