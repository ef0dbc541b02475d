/*
 * raw_http: a client that sends bytes as they are, for tests of what speaks HTTP.
 *
 * Replies are read into one static buffer: a reply lives until the next is read. Include after cmocka.h.
 */
#ifndef SUPPORT_RAW_HTTP_H
#define SUPPORT_RAW_HTTP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A connection to the port on loopback; -1: none. */
static inline int raw_open(uint16_t port)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
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

/* One request on a connection of its own. */
static inline struct reply *raw_ask(uint16_t port, const char *request)
{
    int client = raw_open(port);
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
