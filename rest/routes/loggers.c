/* GET /admin/loggers, GET and PUT /admin/loggers/{l}. Levels of this worker are set at once; scope=cluster goes through the config
 * topic, and every worker follows. */
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "json/logger_body.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

static void write_logger(struct json_out *out, const struct logger_view *logger)
{
    json_out_open(out, '{');
    json_out_pair(out, "level", log_level_name(logger->level));
    json_out_name(out, "last_modified");
    if (logger->last_modified_ms < 0)
        json_out_text(out, NULL);
    else
        json_out_int(out, logger->last_modified_ms);
    json_out_close(out, '}');
}

void loggers_get(void *argument, struct http_exchange *exchange)
{
    (void)argument;
    size_t count;
    struct logger_view *loggers = log_loggers_list(&count);
    if (loggers == NULL) {
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        return;
    }
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    json_out_open(&out, '{');
    for (size_t i = 0; i < count; i++) {
        json_out_name(&out, loggers[i].name);
        write_logger(&out, &loggers[i]);
    }
    json_out_close(&out, '}');
    mem_free(loggers);
    http_exchange_answer(exchange, &response);
}

static const char *logger_name(const struct http_exchange *exchange)
{
    return http_request_part(http_exchange_request(exchange), "logger");
}

void logger_get(void *argument, struct http_exchange *exchange)
{
    (void)argument;
    struct logger_view logger;
    if (!log_logger_find(logger_name(exchange), &logger)) {
        rest_answer_error(exchange, 404, "Logger %s not found.", logger_name(exchange));
        return;
    }
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    write_logger(&out, &logger);
    http_exchange_answer(exchange, &response);
}

static void answer_changed(struct http_exchange *exchange, const struct ptr_array *changed)
{
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    json_out_open(&out, '[');
    for (size_t i = 0; i < changed->count; i++)
        json_out_text(&out, ptr_array_at(changed, i));
    json_out_close(&out, ']');
    http_exchange_answer(exchange, &response);
}

static void set_here(struct http_exchange *exchange, enum log_level level)
{
    struct ptr_array changed;
    ptr_array_init(&changed, NULL);
    if (log_level_set(logger_name(exchange), level, clock_wall_ms(NULL), &changed)) {
        log_info("rest", "the level of logger %.200s is %s now, as %s asked", logger_name(exchange), log_level_name(level),
                 http_exchange_request(exchange)->client_address);
        answer_changed(exchange, &changed);
    } else {
        rest_answer_error(exchange, 400,
                          "The level was not set: a logger's name has at most %d bytes, and a worker at most %d loggers",
                          LOG_NAME_MAX, LOG_LOGGERS_MAX);
    }
    ptr_array_release(&changed);
}

static bool is_for_cluster(const struct http_exchange *exchange)
{
    const char *scope = http_request_query(http_exchange_request(exchange), "scope");
    return scope != NULL && strcasecmp(scope, "cluster") == 0;
}

void logger_put(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    enum log_level level;
    struct body_problem problem;
    if (!logger_body_read(&level, request->body, request->body_length, &problem)) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    if (!is_for_cluster(exchange)) {
        set_here(exchange, level);
        return;
    }
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_set_logger_level(context->herder, logger_name(exchange), log_level_name(level),
                                rest_reply_without_body, pending);
}
