/*
 * http_test: a server with a few routes on a free port, and a client that sends bytes as they are.
 *
 * Routes: GET /now answers "now"; POST /echo answers with the body; GET /later keeps the exchange in `later`;
 * GET /late has a short deadline and is never answered by its handler.
 */
#ifndef HTTP_TEST_H
#define HTTP_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "http/exchange.h"
#include "http/response.h"
#include "http/server.h"
#include "support/eventually.h"

#define LATE_MS 60
#define KEPT_MAX 600

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

static const struct http_route TEST_ROUTES[] = {
    {.method = HTTP_GET, .pattern = "/now", .handler = handle_now},
    {.method = HTTP_POST, .pattern = "/echo", .handler = handle_echo},
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
    static const struct http_listener ANY_PORT = {"127.0.0.1", 0};
    char why[300] = "";
    mutex_init(&fixture->kept.lock);
    fixture->router = (struct http_router){TEST_ROUTES, sizeof(TEST_ROUTES) / sizeof(TEST_ROUTES[0]), &fixture->kept};
    fixture->setup.router = &fixture->router;
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
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(fixture->server, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(client, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(client);
        return -1;
    }
    return client;
}

/* false: the server closed before all was sent. */
static inline bool client_send(int client, const void *bytes, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(client, (const char *)bytes + sent, length - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

static inline bool client_say(int client, const char *text)
{
    return client_send(client, text, strlen(text));
}

struct reply {
    int status; /* 0: the connection ended without an answer */
    char head[4096];
    char body[70000];
    size_t body_length;
};

/* The value of a header in a reply's head; NULL: absent. Valid until the next call. */
static inline const char *reply_header(const struct reply *reply, const char *name)
{
    static char value[1000];
    size_t length = strlen(name);
    for (const char *at = strstr(reply->head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n"))
        if (strncasecmp(at + 2, name, length) == 0 && at[2 + length] == ':') {
            const char *from = at + 2 + length + 1 + strspn(at + 2 + length + 1, " ");
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(from, "\r"), from);
            return value;
        }
    return NULL;
}

/* Reads one answer; `has_body` false: of a HEAD. */
static inline struct reply *client_read(int client, bool has_body)
{
    static struct reply reply;
    memset(&reply, 0, sizeof(reply));
    size_t length = 0;
    while (strstr(reply.head, "\r\n\r\n") == NULL && length < sizeof(reply.head) - 1) {
        ssize_t n = recv(client, reply.head + length, 1, 0);
        if (n <= 0)
            return &reply;
        length += (size_t)n;
    }
    reply.status = (int)strtol(reply.head + strlen("HTTP/1.1 "), NULL, 10);
    const char *announced = reply_header(&reply, "Content-Length");
    size_t wanted = announced == NULL || !has_body ? 0 : strtoul(announced, NULL, 10);
    assert_true(wanted < sizeof(reply.body));
    while (reply.body_length < wanted) {
        ssize_t n = recv(client, reply.body + reply.body_length, wanted - reply.body_length, 0);
        if (n <= 0)
            break;
        reply.body_length += (size_t)n;
    }
    return &reply;
}

static inline struct reply *ask(struct fixture *fixture, const char *request)
{
    int client = client_open(fixture);
    assert_true(client >= 0);
    client_say(client, request);
    struct reply *reply = client_read(client, strncmp(request, "HEAD", 4) != 0);
    close(client);
    return reply;
}

static inline bool client_is_closed(int client)
{
    char byte;
    return recv(client, &byte, 1, 0) <= 0;
}

#endif
