/* http_drain: takes requests as fast as one thread per connection can, and answers each with 200 and nothing.
 *
 *   http_drain            prints the port it listens on, on the loopback; ends with its standard input
 *
 * GET answers {"requests": N, "bytes": N, "first_us": N, "last_us": N} of the bodies since the last GET, times on the monotonic clock. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)8 << 20)

static struct {
    pthread_mutex_t lock;
    uint64_t requests, bytes, first_us, last_us;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void count(size_t body)
{
    pthread_mutex_lock(&seen.lock);
    seen.last_us = now_us();
    if (seen.requests++ == 0)
        seen.first_us = seen.last_us;
    seen.bytes += body;
    pthread_mutex_unlock(&seen.lock);
}

static int tell(int fd)
{
    char body[256], head[128];
    int size;

    pthread_mutex_lock(&seen.lock);
    size = snprintf(body, sizeof(body), "{\"requests\": %llu, \"bytes\": %llu, \"first_us\": %llu, \"last_us\": %llu}",
                    (unsigned long long)seen.requests, (unsigned long long)seen.bytes,
                    (unsigned long long)seen.first_us, (unsigned long long)seen.last_us);
    pthread_mutex_unlock(&seen.lock);
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size);
    return send(fd, head, strlen(head), MSG_NOSIGNAL | MSG_MORE) < 0 || send(fd, body, (size_t)size, MSG_NOSIGNAL) < 0;
}

static int forget(int fd)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    pthread_mutex_lock(&seen.lock);
    seen.requests = seen.bytes = seen.first_us = seen.last_us = 0;
    pthread_mutex_unlock(&seen.lock);
    return send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL) < 0;
}

static int act(int fd, const char *head, size_t body)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    if (head[0] == 'G')
        return tell(fd);
    if (head[0] == 'D')
        return forget(fd);
    count(body);
    return send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL) < 0;
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument, one = 1;
    char *bytes = malloc(BUFFER_BYTES);
    size_t size = 0;
    ssize_t got;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    while (bytes != NULL && size < BUFFER_BYTES && (got = recv(fd, bytes + size, BUFFER_BYTES - size, 0)) > 0) {
        const char *end, *length;
        size_t head, body;

        size += (size_t)got;
        while ((end = memmem(bytes, size < 4096 ? size : 4096, "\r\n\r\n", 4)) != NULL) {
            head = (size_t)(end - bytes) + 4;
            length = memmem(bytes, head, "Content-Length: ", 16);
            body = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
            if (size < head + body)
                break;
            if (act(fd, bytes, body) != 0)
                goto out;
            memmove(bytes, bytes + head + body, size -= head + body);
        }
    }
out:
    free(bytes);
    close(fd);
    return NULL;
}

static void *accept_all(void *argument)
{
    int listener = (int)(intptr_t)argument, fd;
    pthread_t thread;

    while ((fd = accept(listener, NULL, NULL)) >= 0)
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    return NULL;
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;
    char byte;

    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)listener) != 0) {
        perror("http_drain");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}
