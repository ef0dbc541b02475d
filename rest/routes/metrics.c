/* GET /metrics: all numbers as Prometheus reads them, in its own text format or, where the client names it, OpenMetrics. */
#include "metrics/exposition.h"
#include "http/media_type.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

static enum metrics_format format_of(const struct http_exchange *exchange)
{
    const char *accept = http_request_header(http_exchange_request(exchange), "Accept");
    return accept != NULL && http_media_names(accept, "application", "openmetrics-text") ? METRICS_OPENMETRICS
                                                                                        : METRICS_PROMETHEUS;
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
