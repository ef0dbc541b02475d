#include "http/exchange.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "http/server_internal.h"

#include "base/bans.h"

/* ---- life ---- */

struct http_exchange *exchange_create(struct listener *listener, struct MHD_Connection *mhd, const char *raw_target)
{
    struct http_exchange *exchange = mem_calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return NULL;
    size_t length = strnlen(raw_target, HTTP_REQUEST_LINE_MAX + 1);
    if (length > HTTP_REQUEST_LINE_MAX)
        exchange->refused = 414;
    exchange->raw_target = mem_strndup(raw_target, length);
    if (exchange->raw_target == NULL) {
        mem_free(exchange);
        return NULL;
    }
    refcount_init(&exchange->owners);
    exchange->listener = listener;
    exchange->mhd = mhd;
    str_buffer_init(&exchange->header_text, HTTP_HEADERS_MAX + HTTP_AUTHORIZATION_MAX + 2 * HTTP_HEADER_COUNT_MAX);
    str_buffer_init(&exchange->body, HTTP_BODY_MAX);
    str_buffer_init(&exchange->origin, HTTP_HEADERS_MAX);
    http_response_init(&exchange->refusal, 401, HTTP_CONTENT_JSON);
    mutex_init(&exchange->lock);
    return exchange;
}

void exchange_take(struct http_exchange *exchange)
{
    refcount_take(&exchange->owners);
}

/* A connector's configuration may hold passwords. */
static void release_body(struct http_exchange *exchange)
{
    if (exchange->body.data != NULL)
        explicit_bzero(exchange->body.data, exchange->body.capacity);
    str_buffer_release(&exchange->body);
}

static void uncount_body(struct http_exchange *exchange)
{
    struct http_server *server = exchange->listener->server;
    atomic_fetch_sub(&server->body_bytes, exchange->body_counted);
    if (exchange->admission == HTTP_UNDECIDED)
        atomic_fetch_sub(&server->undecided_body_bytes, exchange->body_counted);
    exchange->body_counted = 0;
}

/* false: too much is held. */
static bool count_body(struct http_exchange *exchange, size_t length)
{
    struct http_server *server = exchange->listener->server;
    exchange->body_counted += length;
    bool fits = atomic_fetch_add(&server->body_bytes, length) + length <= HTTP_BODIES_MAX;
    if (exchange->admission == HTTP_UNDECIDED)
        fits = atomic_fetch_add(&server->undecided_body_bytes, length) + length <= HTTP_BODIES_UNDECIDED_MAX && fits;
    return fits;
}

void exchange_end(struct http_exchange *exchange)
{
    mutex_lock(&exchange->lock); /* waits for an answer that is just resuming the connection */
    exchange->mhd = NULL;
    uncount_body(exchange);
    atomic_fetch_sub(&exchange->listener->server->answer_bytes, exchange->answer_counted);
    mutex_unlock(&exchange->lock);
    exchange_drop(exchange);
}

void exchange_drop(struct http_exchange *exchange)
{
    if (!refcount_drop(&exchange->owners))
        return;
    http_exchange_set_caller(exchange, NULL, NULL);
    http_response_release(&exchange->answer);
    http_response_release(&exchange->refusal);
    for (size_t i = 0; i < exchange->noted_count; i++) {
        mem_free(exchange->noted[i].name);
        mem_free(exchange->noted[i].value);
    }
    http_target_release(&exchange->request.target);
    str_buffer_release(&exchange->header_text);
    release_body(exchange);
    str_buffer_release(&exchange->origin);
    mem_free(exchange->raw_target);
    mem_free(exchange->certificate_subject);
    mutex_destroy(&exchange->lock);
    mem_free(exchange);
}

/* ---- arriving ---- */

struct header_copy {
    struct http_exchange *exchange;
    size_t name_at[HTTP_HEADER_COUNT_MAX], value_at[HTTP_HEADER_COUNT_MAX];
    size_t count, bytes;
    bool has_authorization;
};

/* What a header takes of HTTP_HEADERS_MAX. The value of the first Authorization has a limit of its own; beyond it, it counts. */
static size_t counted_bytes(struct header_copy *copy, const char *name, const char *value)
{
    size_t name_bytes = strlen(name) + 4, value_bytes = strlen(value); /* ": " and the line's end */
    bool is_free = !copy->has_authorization && strcasecmp(name, "Authorization") == 0 && value_bytes <= HTTP_AUTHORIZATION_MAX;
    copy->has_authorization = copy->has_authorization || is_free;
    return name_bytes + (is_free ? 0 : value_bytes);
}

static enum MHD_Result copy_header(void *argument, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct header_copy *copy = argument;
    struct str_buffer *text = &copy->exchange->header_text;
    value = value == NULL ? "" : value;
    copy->bytes += counted_bytes(copy, name, value);
    if (copy->bytes > HTTP_HEADERS_MAX || copy->count == HTTP_HEADER_COUNT_MAX) {
        copy->exchange->refused = 431;
        return MHD_NO;
    }
    copy->name_at[copy->count] = text->length;
    str_buffer_append(text, name, strlen(name) + 1);
    copy->value_at[copy->count] = text->length;
    str_buffer_append(text, value, strlen(value) + 1);
    copy->count++;
    return MHD_YES;
}

static void read_headers(struct http_exchange *exchange)
{
    struct header_copy copy = {.exchange = exchange};
    MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, copy_header, &copy);
    if (str_buffer_failed(&exchange->header_text)) {
        exchange->refused = 500;
        return;
    }
    const char *text = str_buffer_text(&exchange->header_text);
    for (size_t i = 0; i < copy.count; i++)
        exchange->request.headers[i] = (struct http_pair){text + copy.name_at[i], text + copy.value_at[i]};
    exchange->request.header_count = copy.count;
}

/* "http://" or "https://" and the Host that the client gave, or ours when it gave none or a strange one. */
static void read_origin(struct http_exchange *exchange)
{
    static const char HOST_CHARS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~:[]%";
    const char *host = http_request_header(&exchange->request, "Host");
    if (host == NULL || *host == '\0' || host[strspn(host, HOST_CHARS)] != '\0')
        str_buffer_append_text(&exchange->origin, exchange->listener->name);
    else
        str_buffer_printf(&exchange->origin, "%s://%s", exchange->listener->tls != NULL ? "https" : "http", host);
}

/* An IPv4 client of a socket for both families shows as what it is. */
static void read_client_address(struct http_exchange *exchange)
{
    static const unsigned char MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;
    exchange->request.client_address = exchange->client_address;
    if (address != NULL && address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, exchange->client_address, INET6_ADDRSTRLEN);
        exchange->request.client_port = ntohs(((const struct sockaddr_in *)address)->sin_port);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const unsigned char *bytes = ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr;
        bool is_mapped = memcmp(bytes, MAPPED, sizeof(MAPPED)) == 0;
        inet_ntop(is_mapped ? AF_INET : AF_INET6, is_mapped ? bytes + sizeof(MAPPED) : bytes, exchange->client_address,
                  INET6_ADDRSTRLEN);
        exchange->request.client_port = ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    }
}

static void read_certificate(struct http_exchange *exchange)
{
    struct listener_tls *tls = exchange->listener->tls;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    bool none = true;
    if (tls == NULL || info == NULL)
        return;
    exchange->certificate_subject = tls_client_subject(info->tls_session, &none);
    exchange->request.certificate_subject = exchange->certificate_subject;
    exchange->request.certificate_is_ours = tls_client_shows_ours(info->tls_session);
    if (exchange->certificate_subject == NULL && (!none || listener_tls_requires_client(tls)) && exchange->refused == 0)
        exchange->refused = 500;
}

/* A body is kept only where a handler may want it. */
static void read_target(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    if (exchange->refused != 0)
        return;
    exchange->target_problem = http_target_parse(&request->target, exchange->raw_target);
    if (exchange->target_problem == NULL)
        request->route = http_router_route_of(exchange->listener->server->router, request->method, &request->target);
    exchange->keeps_body = request->route != NULL && request->route->method != HTTP_GET;
}

void exchange_read_head(struct http_exchange *exchange, const char *method, const char *version)
{
    exchange->request.body = "";
    exchange->request.method = http_method_of(method);
    read_client_address(exchange);
    read_certificate(exchange);
    read_headers(exchange);
    if (exchange->refused == 0)
        exchange->head_problem = http_head_problem(&exchange->request, strcmp(version, MHD_HTTP_VERSION_1_1) == 0);
    if (exchange->head_problem != NULL)
        exchange->refused = 400;
    read_origin(exchange);
    exchange->request.origin = str_buffer_text(&exchange->origin);
    read_target(exchange);
}

void exchange_expect_body(struct http_exchange *exchange, uint64_t announced)
{
    const struct http_route *route = exchange->request.route;
    if (announced > exchange->body.max && route != NULL && route->body_max != 0)
        exchange->body.max = route->body_max;
}

void exchange_admit(struct http_exchange *exchange)
{
    const struct http_router *router = exchange->listener->server->router;
    if (exchange->refused == 0 && exchange->request.route != NULL && router->admit != NULL)
        exchange->admission = router->admit(router->context, exchange, &exchange->refusal);
}

void exchange_read_body(struct http_exchange *exchange, const char *bytes, size_t length)
{
    exchange->body_seen += length;
    exchange->request.has_body = true;
    if (exchange->refused != 0 || exchange->admission == HTTP_REFUSED)
        return;
    if (!exchange->keeps_body) {
        if (exchange->body_seen > exchange->body.max)
            exchange->refused = 413;
        return;
    }
    bool crowded = !count_body(exchange, length);
    if (!crowded && str_buffer_append(&exchange->body, bytes, length))
        return;
    if (crowded)
        server_make_room_for_bodies(exchange->listener->server);
    exchange->refused = crowded || !exchange->body.over_max ? 503 : 413;
    uncount_body(exchange);
    release_body(exchange);
}

/* ---- handing over ---- */

static void fill_refusal(struct http_exchange *exchange, struct http_response *response)
{
    char words[80];
    switch (exchange->refused) {
    case 400:
        http_response_set_page(response, 400, exchange->head_problem);
        break;
    case 413:
        snprintf(words, sizeof(words), "The request body is larger than %zu MiB", exchange->body.max >> 20);
        http_response_set_error(response, 413, words);
        break;
    case 414:
        http_response_set_page(response, 414, "The request line is too long");
        break;
    case 431:
        http_response_set_page(response, 431, "The request headers are too large");
        break;
    case 503:
        http_response_set_error(response, 503, "Too many request bodies at one time. Try again in a moment.");
        break;
    default:
        http_response_set_error(response, 500, "Out of memory");
    }
}

/* Does the request have a route, and the client a right idea of it? false: the response says why not. */
static bool fits_route(struct http_exchange *exchange, struct http_response *response)
{
    const char *wrong = exchange->target_problem;
    if (wrong == HTTP_TARGET_NO_MEMORY)
        http_response_set_error(response, 500, wrong);
    else if (wrong != NULL)
        http_response_set_page(response, 400, wrong);
    return wrong == NULL && http_router_find(exchange->listener->server->router, &exchange->request, response);
}

/* true: the response is the answer, no handler is asked. */
static bool is_refused(struct http_exchange *exchange, struct http_response *response)
{
    if (exchange->refused != 0) {
        fill_refusal(exchange, response);
    } else if (exchange->admission == HTTP_REFUSED) {
        http_response_release(response);
        *response = exchange->refusal;
        exchange->refusal = (struct http_response){.status = 0};
    } else {
        return !fits_route(exchange, response);
    }
    return true;
}

void exchange_hand_over(struct http_exchange *exchange)
{
    const struct http_router *router = exchange->listener->server->router;
    struct http_response response;
    http_response_init(&response, 500, HTTP_CONTENT_NONE);
    exchange->step = EXCHANGE_HANDED_OVER;
    exchange->begun_us = clock_monotonic_us(NULL);
    exchange->request.raw_target = exchange->raw_target;
    exchange->request.body = str_buffer_text(&exchange->body);
    exchange->request.body_length = exchange->body.length;
    if (is_refused(exchange, &response)) {
        exchange_settle(exchange, &response);
        return;
    }
    http_response_release(&response);
    const struct http_route *route = exchange->request.route;
    uint32_t timeout_ms = route->timeout_ms != 0 ? route->timeout_ms : HTTP_TIMEOUT_DEFAULT_MS;
    if (!connection_begin_handling(exchange->connection, exchange, timeout_ms)) {
        exchange_shut_down(exchange);
        return;
    }
    exchange_take(exchange); /* the handler's */
    (router->dispatch != NULL ? router->dispatch : route->handler)(router->context, exchange);
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    return &exchange->request;
}

void http_exchange_set_caller(struct http_exchange *exchange, void *caller, void (*destroy)(void *caller))
{
    if (exchange->caller != NULL && exchange->destroy_caller != NULL)
        exchange->destroy_caller(exchange->caller);
    exchange->caller = caller;
    exchange->destroy_caller = destroy;
}

void *http_exchange_caller(const struct http_exchange *exchange)
{
    return exchange->caller;
}

void http_exchange_set_id(struct http_exchange *exchange, const char *id)
{
    snprintf(exchange->request.id, sizeof(exchange->request.id), "%s", id);
}

void http_exchange_watch(struct http_exchange *exchange, http_answered_fn *answered, void *argument)
{
    mutex_lock(&exchange->lock);
    assert(exchange->answered_fn == NULL);
    exchange->answered_fn = answered;
    exchange->answered_argument = argument;
    int status = exchange->answered ? exchange->answered_status : 0;
    mutex_unlock(&exchange->lock);
    if (status != 0)
        answered(argument, exchange, status);
}

bool http_exchange_is_answered(struct http_exchange *exchange)
{
    mutex_lock(&exchange->lock);
    bool is_answered = exchange->answered;
    mutex_unlock(&exchange->lock);
    return is_answered;
}

void http_exchange_take(struct http_exchange *exchange)
{
    exchange_take(exchange);
}

void http_exchange_drop(struct http_exchange *exchange)
{
    exchange_drop(exchange);
}

/* ---- the answer ---- */

bool exchange_count_answer(struct http_exchange *exchange)
{
    _Atomic uint64_t *held = &exchange->listener->server->answer_bytes;
    size_t length = exchange->answer.body.length;
    if (length <= HTTP_ANSWER_SMALL_MAX)
        return true;
    uint64_t before = atomic_fetch_add(held, length);
    if (exchange->request.method == HTTP_GET && before > 0 && before + length > HTTP_ANSWERS_MAX) {
        atomic_fetch_sub(held, length);
        return false;
    }
    exchange->answer_counted = length;
    return true;
}

void http_exchange_note_header(struct http_exchange *exchange, const char *name, const char *value)
{
    struct noted_header header = {mem_strdup(name), mem_strdup(value)};
    mutex_lock(&exchange->lock);
    if (header.name != NULL && header.value != NULL && !exchange->answered && exchange->noted_count < HTTP_NOTED_HEADERS_MAX) {
        exchange->noted[exchange->noted_count++] = header;
        header = (struct noted_header){NULL, NULL};
    }
    mutex_unlock(&exchange->lock);
    mem_free(header.name);
    mem_free(header.value);
}

/* locks: the exchange's; its connection is still there, and so is the server. */
static void observe(const struct http_exchange *exchange)
{
    const struct http_router *router = exchange->listener->server->router;
    if (router->observe != NULL && exchange->begun_us != 0)
        router->observe(router->context, &exchange->request, exchange->answered_status,
                        clock_monotonic_us(NULL) - exchange->begun_us);
}

void exchange_settle(struct http_exchange *exchange, struct http_response *response)
{
    int status = response->status;
    mutex_lock(&exchange->lock);
    bool counts = !exchange->answered;
    if (counts) {
        exchange->answered = true;
        exchange->answered_status = status;
        exchange->answer = *response;
        *response = (struct http_response){.status = 0};
        /* Under the lock: exchange_end takes it too, so the connection outlives this call. */
        if (exchange->mhd != NULL)
            observe(exchange);
        if (exchange->suspended)
            MHD_resume_connection(exchange->mhd);
    }
    http_answered_fn *answered = exchange->answered_fn;
    void *argument = exchange->answered_argument;
    mutex_unlock(&exchange->lock);
    http_response_release(response);
    if (counts && answered != NULL)
        answered(argument, exchange, status);
}

void http_exchange_answer(struct http_exchange *exchange, struct http_response *response)
{
    exchange_settle(exchange, response);
    exchange_drop(exchange);
}

void exchange_time_out(struct http_exchange *exchange)
{
    const struct http_router *router = exchange->listener->server->router;
    const struct http_route *route = exchange->request.route;
    struct http_response response;
    http_response_init(&response, 500, HTTP_CONTENT_JSON);
    if (route->timed_out != NULL)
        route->timed_out(router->context, &exchange->request, &response);
    else
        http_response_set_error(&response, 500, "Request timed out");
    exchange_settle(exchange, &response);
}

void exchange_shut_down(struct http_exchange *exchange)
{
    struct http_response response;
    http_response_init(&response, 503, HTTP_CONTENT_JSON);
    http_response_set_error(&response, 503, "Worker is shutting down");
    http_response_add_header(&response, "Connection", "close");
    exchange_settle(exchange, &response);
}
