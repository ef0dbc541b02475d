/*
 * http_target: a target that answers as it was told and notes what it was asked.
 *
 * Answers are given in the order of requests, the last one again and again. TARGET_RESET breaks the connection instead, TARGET_HANGS
 * says nothing until the target ends. Include after cmocka.h.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TARGET_RESET "reset"
#define TARGET_HANGS "hangs"
#define TARGET_CUTS "~" /* at the end of an answer: there the connection ends, whatever was promised */
#define TARGET_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define TARGET_REQUESTS_MAX 256

struct http_target {
    int listener;
    uint16_t port;
    const char *const *answers; /* NULL-terminated */
    pthread_t thread, connections[64];
    size_t connection_count;
    pthread_mutex_t lock;
    pthread_cond_t more;
    char *requests[TARGET_REQUESTS_MAX]; /* head and body */
    size_t request_count;
    int open_fds[64];
    bool ends;
};

struct target_connection {
    struct http_target *target;
    int fd;
    char bytes[1 << 18];
    size_t size;
};

/* The length of the first whole request in the buffer; 0: not whole yet. */
static inline size_t target_whole(const struct target_connection *c)
{
    const char *end = memmem(c->bytes, c->size, "\r\n\r\n", 4);
    const char *length;
    size_t head, body = 0;

    if (end == NULL)
        return 0;
    head = (size_t)(end - c->bytes) + 4;
    length = memmem(c->bytes, head, "Content-Length: ", 16);
    if (length != NULL)
        body = strtoul(length + 16, NULL, 10);
    return c->size >= head + body ? head + body : 0;
}

static inline const char *target_note(struct http_target *target, const char *bytes, size_t size)
{
    const char *answer = target->answers[0];
    size_t number;

    pthread_mutex_lock(&target->lock);
    number = target->request_count++;
    target->requests[number] = strndup(bytes, size);
    for (size_t i = 0; i <= number && target->answers[i] != NULL; i++)
        answer = target->answers[i];
    pthread_cond_broadcast(&target->more);
    pthread_mutex_unlock(&target->lock);
    return answer;
}

static inline void target_hang(struct http_target *target)
{
    pthread_mutex_lock(&target->lock);
    while (!target->ends)
        pthread_cond_wait(&target->more, &target->lock);
    pthread_mutex_unlock(&target->lock);
}

static inline void *target_serve(void *argument)
{
    struct target_connection *c = argument;
    ssize_t got;

    while ((got = recv(c->fd, c->bytes + c->size, sizeof(c->bytes) - c->size, 0)) > 0) {
        size_t whole;

        c->size += (size_t)got;
        while ((whole = target_whole(c)) > 0) {
            const char *answer = target_note(c->target, c->bytes, whole);

            memmove(c->bytes, c->bytes + whole, c->size -= whole);
            if (strcmp(answer, TARGET_HANGS) == 0)
                target_hang(c->target);
            else if (strcmp(answer, TARGET_RESET) == 0)
                setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
            if (answer[0] != 'H')
                goto out;
            if (send(c->fd, answer, strlen(answer), MSG_NOSIGNAL) < 0 || answer[strlen(answer) - 1] == TARGET_CUTS[0])
                goto out;
        }
    }
out:
    pthread_mutex_lock(&c->target->lock); /* its number may not come again before the end has stopped looking at it */
    for (size_t i = 0; i < c->target->connection_count; i++)
        if (c->target->open_fds[i] == c->fd)
            c->target->open_fds[i] = -1;
    close(c->fd);
    pthread_mutex_unlock(&c->target->lock);
    free(c);
    return NULL;
}

static inline void *target_accept(void *argument)
{
    struct http_target *target = argument;
    int fd;

    while ((fd = accept(target->listener, NULL, NULL)) >= 0) {
        struct target_connection *c = calloc(1, sizeof(*c));

        c->target = target;
        c->fd = fd;
        pthread_mutex_lock(&target->lock);
        target->open_fds[target->connection_count] = fd;
        pthread_create(&target->connections[target->connection_count++], NULL, target_serve, c);
        pthread_mutex_unlock(&target->lock);
    }
    return NULL;
}

static inline void target_start(struct http_target *target, const char *const *answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    *target = (struct http_target){.answers = answers};
    pthread_mutex_init(&target->lock, NULL);
    pthread_cond_init(&target->more, NULL);
    target->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(target->listener, (struct sockaddr *)&address, size));
    assert_int_equal(0, listen(target->listener, 16));
    getsockname(target->listener, (struct sockaddr *)&address, &size);
    target->port = ntohs(address.sin_port);
    pthread_create(&target->thread, NULL, target_accept, target);
}

static inline void target_end(struct http_target *target)
{
    pthread_mutex_lock(&target->lock);
    target->ends = true;
    pthread_cond_broadcast(&target->more);
    for (size_t i = 0; i < target->connection_count; i++)
        if (target->open_fds[i] >= 0)
            shutdown(target->open_fds[i], SHUT_RDWR);
    pthread_mutex_unlock(&target->lock);
    shutdown(target->listener, SHUT_RDWR);
    pthread_join(target->thread, NULL);
    for (size_t i = 0; i < target->connection_count; i++)
        pthread_join(target->connections[i], NULL);
    close(target->listener);
    for (size_t i = 0; i < target->request_count; i++)
        free(target->requests[i]);
    pthread_mutex_destroy(&target->lock);
    pthread_cond_destroy(&target->more);
}

static inline void target_wait(struct http_target *target, size_t count)
{
    pthread_mutex_lock(&target->lock);
    while (target->request_count < count)
        pthread_cond_wait(&target->more, &target->lock);
    pthread_mutex_unlock(&target->lock);
}

static inline const char *target_body(struct http_target *target, size_t number)
{
    assert_true(number < target->request_count);
    return strstr(target->requests[number], "\r\n\r\n") + 4;
}

#endif
