/*
 * What libmicrohttpd calls. For each request: on_target (the request line is there) → on_request once for the headers,
 * once for each piece of the body, once for its end; when the exchange is not answered by then, the connection is
 * suspended and on_request comes once more after it was resumed → on_completed. on_target's result is the request's
 * `*request` all the way; the connection's own context is a struct connection.
 */
#include <gnutls/abstract.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "http/server_internal.h"

#include "base/bans.h"

/* Of the read buffer and header lists of a connection; above the limits of request.h, below nothing is checked by us. */
#define CONNECTION_MEMORY (56u << 10)

static const char *const CONTENT_TYPES[] = {
    [HTTP_CONTENT_NONE] = NULL,
    [HTTP_CONTENT_JSON] = "application/json",
    [HTTP_CONTENT_TEXT] = "text/plain",
    [HTTP_CONTENT_HTML] = "text/html;charset=utf-8",
};

static void on_log(void *argument, const char *format, va_list args)
{
    (void)argument;
    static struct logger *_Atomic place;
    struct logger *logger = log_place_find(&place, "http");
    if (!logger_enabled(logger, LOG_LEVEL_DEBUG))
        return;
    char line[500];
    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\r\n")] = '\0';
    logger_write(logger, LOG_LEVEL_DEBUG, "%s", line);
}

/* Escapes are ours to read (target.c). */
static size_t keep_escapes(void *argument, struct MHD_Connection *mhd, char *text)
{
    (void)argument;
    (void)mhd;
    return strlen(text);
}

static void on_connection(void *argument, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) { /* its TLS session is gone by now */
        connection_destroy(*context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *connection = info == NULL ? NULL : connection_create(argument, info->connect_fd);
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (connection != NULL && info != NULL)
        connection->credentials = listener_tls_equip(connection->listener->tls, info->tls_session);
    *context = connection;
}

/* Of sessions that were not equipped, for want of memory: their handshake fails. */
static int give_no_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **chain,
                               unsigned *chain_length, gnutls_ocsp_data_st **ocsp, unsigned *ocsp_length, gnutls_privkey_t *key,
                               unsigned *flags)
{
    (void)session, (void)info, (void)chain, (void)chain_length, (void)ocsp, (void)ocsp_length, (void)key, (void)flags;
    return -1;
}

static void *on_target(void *argument, const char *raw_target, struct MHD_Connection *mhd)
{
    struct connection *connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (connection != NULL)
        connection_has_begun(connection);
    return exchange_create(argument, mhd, raw_target);
}

/* A connector's configuration may hold passwords. The body is text, so it has no NUL before its end. */
static void free_wiped(void *body)
{
    explicit_bzero(body, strlen(body));
    mem_free(body);
}

/* ---- bodies that are made while they are sent ---- */

#define PIECE_BYTES_MAX (16u << 20) /* one that is larger breaks the answer off */
#define BLOCK_BYTES (32u << 10)

struct sender {
    struct http_stream stream;
    struct str_buffer piece;
    size_t sent; /* of the piece */
    bool is_over;
};

static ssize_t sender_read(void *argument, uint64_t at, char *out, size_t room)
{
    struct sender *sender = argument;
    (void)at;
    while (sender->sent == sender->piece.length) {
        if (sender->is_over)
            return MHD_CONTENT_READER_END_OF_STREAM;
        str_buffer_clear(&sender->piece);
        sender->sent = 0;
        if (!sender->stream.next(sender->stream.argument, &sender->piece, &sender->is_over))
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t left = sender->piece.length - sender->sent, taken = left < room ? left : room;
    memcpy(out, str_buffer_text(&sender->piece) + sender->sent, taken);
    sender->sent += taken;
    return (ssize_t)taken;
}

static void sender_free(void *argument)
{
    struct sender *sender = argument;
    sender->stream.end(sender->stream.argument);
    str_buffer_release(&sender->piece);
    mem_free(sender);
}

/* Takes body and stream. NULL: no memory. */
static struct MHD_Response *mhd_response_of_stream(struct http_response *answer)
{
    struct sender *sender = mem_calloc(1, sizeof(*sender));
    if (sender == NULL)
        return NULL;
    *sender = (struct sender){.stream = answer->stream};
    str_buffer_init(&sender->piece, PIECE_BYTES_MAX);
    str_buffer_append(&sender->piece, str_buffer_text(&answer->body), answer->body.length);
    answer->stream = (struct http_stream){NULL, NULL, NULL};
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, sender_read, sender, sender_free);
    if (response == NULL)
        sender_free(sender);
    return response;
}

static struct MHD_Response *mhd_response_of(struct http_response *answer)
{
    size_t length = 0;
    char *body = NULL;
    if (!answer->failed && !str_buffer_failed(&answer->body) && answer->stream.next != NULL)
        return mhd_response_of_stream(answer);
    if (answer->failed || str_buffer_failed(&answer->body) ||
        (body = str_buffer_take(&answer->body, &length)) == NULL) {
        static char NO_MEMORY[] = "{\"error_code\":500,\"message\":\"Out of memory\"}";
        answer->status = 500;
        answer->content = HTTP_CONTENT_JSON;
        return MHD_create_response_from_buffer(sizeof(NO_MEMORY) - 1, NO_MEMORY, MHD_RESPMEM_PERSISTENT);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(length, body, free_wiped);
    if (response == NULL)
        mem_free(body);
    return response;
}

/* What is sent instead when too much waits for its clients. */
static void refuse_large_answer(struct http_exchange *exchange)
{
    server_make_room_for_answers(exchange->listener->server);
    http_response_release(&exchange->answer);
    http_response_init(&exchange->answer, 503, HTTP_CONTENT_JSON);
    http_response_set_error(&exchange->answer, 503, "Too many large answers wait for their clients. Try again in a moment.");
}

static enum MHD_Result send_answer(struct http_exchange *exchange)
{
    struct http_response *answer = &exchange->answer;
    const struct http_router *router = exchange->listener->server->router;
    if (!exchange_count_answer(exchange))
        refuse_large_answer(exchange);
    for (size_t i = 0; i < exchange->noted_count; i++)
        http_response_add_header(answer, exchange->noted[i].name, exchange->noted[i].value);
    if (router->add_headers != NULL)
        router->add_headers(router->context, &exchange->request, answer);
    struct MHD_Response *response = mhd_response_of(answer);
    if (response == NULL)
        return MHD_NO;
    bool fine = CONTENT_TYPES[answer->content] == NULL ||
                MHD_add_response_header(response, "Content-Type", CONTENT_TYPES[answer->content]) == MHD_YES;
    for (size_t i = 0; i < answer->header_count && fine; i++)
        fine = MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value) == MHD_YES;
    connection_begin_sending(exchange->connection);
    enum MHD_Result result = fine ? MHD_queue_response(exchange->mhd, (unsigned)answer->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

/* Sends the answer if there is one, else lets the connection sleep until there is. */
static enum MHD_Result send_or_sleep(struct http_exchange *exchange)
{
    mutex_lock(&exchange->lock);
    bool answered = exchange->answered;
    if (!answered) {
        exchange->suspended = true;
        MHD_suspend_connection(exchange->mhd);
    }
    mutex_unlock(&exchange->lock);
    return answered ? send_answer(exchange) : MHD_YES;
}

static uint64_t announced_length(const struct http_request *request)
{
    const char *length = http_request_header(request, "Content-Length");
    return length == NULL ? 0 : strtoull(length, NULL, 10);
}

/* What needs no body to be refused is refused before it is sent: when the client asked first, when it is too much even to throw away,
 * or when nobody knows where it ends. Such a connection does not outlive its answer. */
static enum MHD_Result begin_request(struct http_exchange *exchange, const char *method, const char *version)
{
    exchange_read_head(exchange, method, version);
    uint64_t announced = announced_length(&exchange->request);
    bool asks_first = http_request_header(&exchange->request, "Expect") != NULL;
    exchange_expect_body(exchange, announced);
    exchange_admit(exchange);
    bool not_admitted = exchange->admission == HTTP_REFUSED, is_refused = exchange->refused != 0 || not_admitted;
    if (!is_refused && announced > exchange->body.max && (asks_first || announced > HTTP_DRAIN_MAX))
        exchange->refused = 413;
    else if (exchange->head_problem == NULL &&
             (!is_refused || (announced <= HTTP_DRAIN_MAX && !(not_admitted && asks_first))))
        return MHD_YES;
    exchange_hand_over(exchange);
    return send_or_sleep(exchange);
}

static enum MHD_Result on_request(void *argument, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request)
{
    (void)url;
    (void)argument;
    struct http_exchange *exchange = *request;
    if (exchange == NULL)
        return MHD_NO;
    switch (exchange->step) {
    case EXCHANGE_ARRIVING:
        exchange->step = EXCHANGE_BODY;
        exchange->connection = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
        return exchange->connection == NULL ? MHD_NO : begin_request(exchange, method, version);
    case EXCHANGE_BODY:
        if (*upload_size == 0) {
            exchange_hand_over(exchange);
            return send_or_sleep(exchange);
        }
        exchange_read_body(exchange, upload, *upload_size);
        *upload_size = 0;
        if (exchange->body_seen <= HTTP_DRAIN_MAX)
            return MHD_YES;
        connection_end_body(exchange->connection);
        return MHD_NO;
    case EXCHANGE_HANDED_OVER:
        return send_or_sleep(exchange);
    }
    return MHD_NO;
}

static void on_completed(void *argument, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode why)
{
    (void)argument;
    (void)mhd;
    (void)why;
    struct http_exchange *exchange = *request;
    if (exchange == NULL)
        return;
    *request = NULL;
    if (exchange->connection != NULL)
        connection_begin_reading(exchange->connection);
    exchange_end(exchange);
}

bool daemon_start(struct listener *listener, char *why, size_t why_size)
{
    struct http_server *server = listener->server;
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)give_no_certificate}, {MHD_OPTION_END, 0, NULL}};
    unsigned tls_flag = listener->tls == NULL ? 0 : MHD_USE_TLS;
    if (listener->tls == NULL)
        tls_options[0].option = MHD_OPTION_END;
    /* Its threads inherit the mask: signals belong to the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    listener->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | tls_flag, 0, NULL, NULL, on_request,
        listener, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listener->socket,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)HTTP_THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)server->connections_max, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((server->idle_ms + 999) / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, listener, MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_STRICT_FOR_CLIENT, 0,
        MHD_OPTION_ARRAY, tls_options, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    listener->socket = -1; /* libmicrohttpd's now; if it failed it may have closed it, and the process is about to end */
    if (listener->daemon != NULL)
        return true;
    snprintf(why, why_size, "Cannot serve %s: the threads of the HTTP server could not be started", listener->name);
    return false;
}

void daemon_stop(struct listener *listener)
{
    if (listener->daemon != NULL)
        MHD_stop_daemon(listener->daemon);
    else if (listener->socket >= 0)
        close(listener->socket);
    listener->daemon = NULL;
    listener->socket = -1;
}
