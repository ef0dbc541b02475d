/* GET, PATCH and DELETE /connectors/{n}/offsets. */
#include <millrace/error.h>
#include <millrace/value.h>

#include "access/access.h"
#include "base/mem.h"
#include "json/offsets_body.h"
#include "routes/dispatch.h"
#include "json/offsets_entity.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

static void reply_offsets(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    struct json_out out;
    struct mr_error *error = NULL;
    rest_response_init(&response, &out);
    if (offsets_entity_write(&out, reply->offsets, reply->offset_count, &error) != 0) {
        str_buffer_clear(&response.body);
        json_error_set(&response, 500, mr_error_message(error));
        mr_error_drop(error);
    }
    rest_pending_answer(pending, &response);
}

static void reply_changed(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    json_out_open(&out, '{');
    json_out_pair(&out, "message", reply->message);
    json_out_close(&out, '}');
    rest_pending_answer(pending, &response);
}

void connector_offsets_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct config_snapshot *snapshot = rest_snapshot_with_connector(context, exchange);
    if (snapshot == NULL)
        return;
    config_snapshot_drop(snapshot);
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_read_offsets(context->herder, rest_name(exchange), reply_offsets, pending);
}

/* Of a sink: positions in a topic, which the body names and the configuration need not. Sources have no such keys, as a rule; where one
 * has, its editors need the topic, too. */
static bool may_alter(const struct route_asker *asker, const char *connector, const struct offset_entry *entry, char why[ACCESS_WHY_SIZE])
{
    const struct mr_value *topic =
        mr_value_kind(entry->partition) == MR_KIND_MAP ? mr_map_get(entry->partition, "kafka_topic") : NULL;
    if (asker->bindings == NULL || topic == NULL || mr_value_is_null(topic))
        return true;
    bool is_text = mr_value_kind(topic) == MR_KIND_STRING;
    struct mr_bytes text = mr_value_bytes(topic);
    char *name = is_text ? mem_strndup((const char *)text.data, text.size) : NULL;
    const char *const names[] = {name};
    const struct access_subject subject = {.connector = connector,
                                           .topics = {names, name != NULL},
                                           .topics_regex = name == NULL ? "a kafka_topic that is no text" : NULL};
    bool may = access_decide(asker->bindings, asker->identity, ACCESS_EDIT, &subject, why);
    mem_free(name);
    return may;
}

/* false: answered. */
static bool may_alter_all(struct rest_context *context, struct http_exchange *exchange, const struct offsets_body *body)
{
    char why[ACCESS_WHY_SIZE];
    struct route_asker asker;
    bool may = true;
    route_asker_init(&asker, context, exchange);
    for (size_t i = 0; i < body->count && may; i++)
        may = may_alter(&asker, rest_name(exchange), &body->entries[i], why);
    route_asker_release(&asker);
    if (may)
        return true;
    dispatch_note_refusal(context, exchange, 403, why);
    rest_answer_error(exchange, 403, "%s", why);
    return false;
}

void connector_offsets_patch(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    struct offsets_body body;
    struct body_problem problem;
    if (!offsets_body_read(&body, request->body, request->body_length, &problem)) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    struct rest_pending *pending =
        may_alter_all(context, exchange, &body) ? rest_pending_create(context, exchange, NULL) : NULL;
    if (pending != NULL)
        herder_alter_offsets(context->herder, rest_name(exchange), body.entries, body.count, rest_guard(context, exchange), reply_changed,
                             pending);
    offsets_body_release(&body);
}

void connector_offsets_delete(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_reset_offsets(context->herder, rest_name(exchange), rest_guard(context, exchange), reply_changed, pending);
}
