/* GET /connectors/{n}/topics and PUT /connectors/{n}/topics/reset, also for connectors that are not there. Answered from the status
 * store by any worker: it never waits. */
#include "config/worker_config.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"
#include "store/status_store.h"

#include "base/bans.h"

/* The topics seen so far, to be destroyed; NULL: answered. */
static struct topic_status *find_topics(struct rest_context *context, struct http_exchange *exchange, size_t *count)
{
    struct config_snapshot *snapshot = rest_snapshot(context, exchange);
    if (snapshot == NULL)
        return NULL;
    config_snapshot_drop(snapshot);
    if (!herder_worker(context->herder)->topic_tracking_enable) {
        rest_answer_error(exchange, 403, "Topic tracking is disabled.");
        return NULL;
    }
    struct topic_status *topics = status_store_topics(herder_statuses(context->herder), rest_name(exchange), count);
    if (topics == NULL)
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
    return topics;
}

void connector_topics_get(void *argument, struct http_exchange *exchange)
{
    size_t count;
    struct topic_status *topics = find_topics(argument, exchange, &count);
    if (topics == NULL)
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    json_out_open(&out, '{');
    json_out_name(&out, rest_name(exchange));
    json_out_open(&out, '{');
    json_out_name(&out, "topics");
    json_out_open(&out, '[');
    for (size_t i = 0; i < count; i++)
        json_out_text(&out, topics[i].topic);
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    json_out_close(&out, '}');
    status_topics_destroy(topics);
    http_exchange_answer(exchange, &response);
}

void connector_topics_reset(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    size_t count;
    struct topic_status *topics = find_topics(context, exchange, &count);
    if (topics == NULL)
        return;
    if (!herder_worker(context->herder)->topic_tracking_allow_reset) {
        status_topics_destroy(topics);
        rest_answer_error(exchange, 403, "Topic tracking reset is disabled.");
        return;
    }
    for (size_t i = 0; i < count; i++)
        status_store_remove_topic(herder_statuses(context->herder), rest_name(exchange), topics[i].topic);
    status_topics_destroy(topics);
    struct http_response response;
    http_response_init(&response, 202, HTTP_CONTENT_NONE);
    http_exchange_answer(exchange, &response);
}
