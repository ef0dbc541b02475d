/* GET /metrics: all numbers as Prometheus reads them, in its own text format or, where the client names it, OpenMetrics. */
#include <stdatomic.h>
#include <stdint.h>

#include "base/mem.h"
#include "gate/gate.h"
#include "metrics/exposition.h"
#include "metrics/registry.h"
#include "metrics/rest_metrics.h"
#include "tls/tls_keeper.h"
#include "http/media_type.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

static enum metrics_format format_of(const struct http_exchange *exchange)
{
    const char *accept = http_request_header(http_exchange_request(exchange), "Accept");
    return accept != NULL && http_media_names(accept, "application", "openmetrics-text") ? METRICS_OPENMETRICS
                                                                                        : METRICS_PROMETHEUS;
}

static void look_at_certificates(struct rest_context *context, struct access_reading *reading)
{
    for (size_t i = 0; i < sizeof(context->certificates) / sizeof(context->certificates[0]); i++) {
        struct tls_keeper *keeper = atomic_load(&context->certificates[i]);
        if (keeper == NULL)
            continue;
        struct tls_health health = tls_keeper_health(keeper);
        reading->certificate_is_failing = reading->certificate_is_failing || health.is_failing;
        if (!reading->has_certificate || health.expires_s < reading->certificate_expires_s)
            reading->certificate_expires_s = health.expires_s;
        reading->has_certificate = true;
    }
}

static void look_at_files(struct rest_context *context)
{
    struct access_reading reading = {.has_logins = context->gate != NULL};
    if (context->gate != NULL)
        reading.is_failing = gate_is_failing(context->gate);
    look_at_certificates(context, &reading);
    metrics_registry_set_access(context->metrics, &reading);
}

/* ---- the stream ---- */

/* One answer under way; so many at a time, since each holds the numbers of all tasks until its client has taken them. */
#define STREAMS_MAX 8
struct sending {
    struct rest_context *context;
    struct metrics_stream *stream;
};

static void end(void *argument)
{
    struct sending *sending = argument;
    metrics_stream_end(sending->stream);
    atomic_fetch_sub(&sending->context->metrics_streams, 1);
    rest_context_drop(sending->context);
    mem_free(sending);
}

static bool next(void *argument, struct str_buffer *piece, bool *is_over)
{
    struct sending *sending = argument;
    return metrics_stream_next(sending->stream, piece, is_over);
}

/* NULL: no memory. To be ended. */
static struct sending *begin(struct rest_context *context, enum metrics_format format)
{
    struct sending *sending = mem_alloc(sizeof(*sending));
    if (sending == NULL) {
        atomic_fetch_sub(&context->metrics_streams, 1);
        return NULL;
    }
    rest_context_take(context);
    *sending = (struct sending){context, metrics_stream_begin(context->metrics, format)};
    if (sending->stream != NULL)
        return sending;
    end(sending);
    return NULL;
}

/* The first piece is made before the answer begins: want of memory can still be told then. false: there is none. */
static bool fill(struct http_response *response, struct sending *sending)
{
    bool is_over = false, is_fine = sending != NULL && metrics_stream_next(sending->stream, &response->body, &is_over);
    if (is_fine && !is_over)
        http_response_set_stream(response, &(struct http_stream){next, end, sending});
    else if (sending != NULL)
        end(sending);
    return is_fine;
}

void metrics_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    enum metrics_format format = format_of(exchange);
    if (context->metrics == NULL) {
        rest_answer_error(exchange, 404, "HTTP 404 Not Found");
        return;
    }
    if (atomic_fetch_add(&context->metrics_streams, 1) >= STREAMS_MAX) {
        atomic_fetch_sub(&context->metrics_streams, 1);
        rest_answer_error(exchange, 503, "Metrics are being read by %d others. Try again in a moment.", STREAMS_MAX);
        return;
    }
    struct http_response response;
    look_at_files(context);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    if (!fill(&response, begin(context, format))) {
        http_response_release(&response);
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        return;
    }
    http_response_add_header(&response, "Content-Type",
                             format == METRICS_OPENMETRICS ? METRICS_OPENMETRICS_TYPE : METRICS_PROMETHEUS_TYPE);
    http_exchange_answer(exchange, &response);
}

/* ---- how the API answers ---- */

/* The rows of the table, then one for all that extensions serve. */
void rest_observe_begin(struct rest_context *context)
{
    struct rest_route_name *names = mem_calloc(REST_ROUTE_COUNT + 1, sizeof(*names));
    for (size_t i = 0; i < REST_ROUTE_COUNT && names != NULL; i++)
        names[i] = (struct rest_route_name){http_method_name(REST_ROUTES[i].method), REST_ROUTES[i].pattern};
    if (names != NULL) {
        names[REST_ROUTE_COUNT] = (struct rest_route_name){"any", "extension"};
        context->answers = metrics_registry_add_rest(context->metrics, names, REST_ROUTE_COUNT + 1);
    }
    mem_free(names);
}

/* What has no route is not counted: a scan of the port would tell of nothing else. */
void rest_observe(void *argument, const struct http_request *request, int status, int64_t took_us)
{
    const struct rest_context *context = argument;
    const struct http_route *route = request->route;
    if (route == NULL || context->answers == NULL)
        return;
    bool is_ours = (uintptr_t)route >= (uintptr_t)REST_ROUTES && (uintptr_t)route < (uintptr_t)(REST_ROUTES + REST_ROUTE_COUNT);
    rest_metrics_note(context->answers, is_ours ? (size_t)(route - REST_ROUTES) : REST_ROUTE_COUNT, status, took_us);
}
