/*
 * http_test: a server with a few routes on a free port, and a client that sends bytes as they are.
 *
 * Routes: GET /now answers "now"; POST /echo answers with the body, /large with one up to LARGE_MAX; GET /who with the origin and the client's subject; GET /later keeps the exchange in `later`;
 * GET /late has a short deadline and is never answered by its handler; GET /flood answers FLOOD_SIZE bytes.
 */
#ifndef HTTP_TEST_H
#define HTTP_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "http/exchange.h"
#include "http/response.h"
#include "http/server.h"
#include "support/eventually.h"
#include "support/raw_http.h"

#define LATE_MS 60
#define LARGE_MAX (3u << 20)
#define KEPT_MAX 300
#define FLOOD_SIZE (16u << 20) /* more than sockets hold */

/* Exchanges kept by /later and /late. */
struct kept {
    pthread_mutex_t lock;
    struct http_exchange *exchanges[KEPT_MAX];
    size_t count;
};

static inline void answer_text(struct http_exchange *exchange, int status, const char *text)
{
    struct http_response response;
    http_response_init(&response, status, HTTP_CONTENT_TEXT);
    str_buffer_append_text(&response.body, text);
    http_exchange_answer(exchange, &response);
}

static inline void handle_now(void *context, struct http_exchange *exchange)
{
    (void)context;
    answer_text(exchange, 200, "now");
}

static inline void handle_echo(void *context, struct http_exchange *exchange)
{
    (void)context;
    const struct http_request *request = http_exchange_request(exchange);
    struct http_response response;
    http_response_init(&response, 200, HTTP_CONTENT_JSON);
    str_buffer_append(&response.body, request->body, request->body_length);
    http_exchange_answer(exchange, &response);
}

static inline void handle_later(void *context, struct http_exchange *exchange)
{
    struct kept *kept = context;
    mutex_lock(&kept->lock);
    assert(kept->count < KEPT_MAX);
    kept->exchanges[kept->count++] = exchange;
    mutex_unlock(&kept->lock);
}

static inline void handle_name(void *context, struct http_exchange *exchange)
{
    (void)context;
    answer_text(exchange, 200, http_request_part(http_exchange_request(exchange), "name"));
}

static inline void handle_who(void *context, struct http_exchange *exchange)
{
    (void)context;
    const struct http_request *request = http_exchange_request(exchange);
    char text[300];
    snprintf(text, sizeof(text), "%s %s", request->origin,
             request->certificate_subject == NULL  ? "nobody"
             : request->certificate_is_ours ? "myself"
                                            : request->certificate_subject);
    answer_text(exchange, 200, text);
}

static inline void handle_flood(void *context, struct http_exchange *exchange)
{
    (void)context;
    struct http_response response;
    http_response_init(&response, 200, HTTP_CONTENT_TEXT);
    for (size_t i = 0; i < FLOOD_SIZE / 64; i++)
        str_buffer_append_text(&response.body, "0123456789012345678901234567890123456789012345678901234567890123");
    http_exchange_answer(exchange, &response);
}

static const struct http_route TEST_ROUTES[] = {
    {.method = HTTP_GET, .pattern = "/flood", .handler = handle_flood},
    {.method = HTTP_GET, .pattern = "/now", .handler = handle_now},
    {.method = HTTP_GET, .pattern = "/who", .handler = handle_who},
    {.method = HTTP_POST, .pattern = "/echo", .handler = handle_echo},
    {.method = HTTP_POST, .pattern = "/large", .handler = handle_echo, .body_max = LARGE_MAX},
    {.method = HTTP_GET, .pattern = "/later", .handler = handle_later},
    {.method = HTTP_GET, .pattern = "/late", .handler = handle_later, .timeout_ms = LATE_MS},
    {.method = HTTP_GET, .pattern = "/names/{name}", .handler = handle_name},
};

struct fixture {
    struct kept kept;
    struct http_router router;
    struct http_server *server;
    struct http_server_setup setup;
};

static inline size_t kept_count(struct fixture *fixture)
{
    mutex_lock(&fixture->kept.lock);
    size_t count = fixture->kept.count;
    mutex_unlock(&fixture->kept.lock);
    return count;
}

static inline struct http_exchange *kept_take(struct fixture *fixture)
{
    mutex_lock(&fixture->kept.lock);
    struct http_exchange *exchange = fixture->kept.count == 0 ? NULL : fixture->kept.exchanges[--fixture->kept.count];
    mutex_unlock(&fixture->kept.lock);
    return exchange;
}

static inline int fixture_start(struct fixture *fixture)
{
    static const struct http_listener ANY_PORT = {.host = "127.0.0.1"};
    char why[300] = "";
    mutex_init(&fixture->kept.lock);
    fixture->router = (struct http_router){
        .routes = TEST_ROUTES, .route_count = sizeof(TEST_ROUTES) / sizeof(TEST_ROUTES[0]), .context = &fixture->kept};
    fixture->setup.router = &fixture->router;
    if (fixture->setup.listeners == NULL)
        fixture->setup.listeners = &ANY_PORT;
    fixture->setup.listener_count = 1;
    fixture->server = http_server_start(&fixture->setup, why, sizeof(why));
    if (fixture->server == NULL)
        print_error("%s\n", why);
    return fixture->server == NULL ? -1 : 0;
}

static inline void fixture_stop(struct fixture *fixture)
{
    http_server_stop(fixture->server);
    struct http_exchange *exchange;
    while ((exchange = kept_take(fixture)) != NULL)
        answer_text(exchange, 200, "too late");
    mutex_destroy(&fixture->kept.lock);
}

/* ---- the client ---- */

static inline int client_open(struct fixture *fixture)
{
    return raw_open(http_server_port(fixture->server, 0));
}

static inline struct reply *ask(struct fixture *fixture, const char *request)
{
    return raw_ask(http_server_port(fixture->server, 0), request);
}

#endif
