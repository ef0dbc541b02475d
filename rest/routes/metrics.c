/* GET /metrics: all numbers as Prometheus reads them, in its own text format or, where the client names it, OpenMetrics. */
#include <stdatomic.h>

#include "gate/gate.h"
#include "metrics/exposition.h"
#include "metrics/registry.h"
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

void metrics_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    enum metrics_format format = format_of(exchange);
    if (context->metrics == NULL) {
        rest_answer_error(exchange, 404, "HTTP 404 Not Found");
        return;
    }
    struct http_response response;
    look_at_files(context);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    if (!metrics_write(context->metrics, format, &response.body)) {
        http_response_release(&response);
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        return;
    }
    http_response_add_header(&response, "Content-Type",
                             format == METRICS_OPENMETRICS ? METRICS_OPENMETRICS_TYPE : METRICS_PROMETHEUS_TYPE);
    http_exchange_answer(exchange, &response);
}
