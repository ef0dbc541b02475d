/* GET, PATCH and DELETE /connectors/{n}/offsets. */
#include <millrace/error.h>
#include <millrace/value.h>
#include <string.h>
#include <strings.h>

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

bool connector_offsets_is_trial(const struct http_request *request)
{
    const char *value = http_request_query(request, "dry_run");
    return value != NULL && strcasecmp(value, "true") == 0 && strstr(request->route->pattern, "/offsets") != NULL;
}

/* A dry run that is misspelt must not be a change. false: answered. */
static bool read_flag(struct http_exchange *exchange, const char *parameter, bool *flag)
{
    const char *value = http_request_query(http_exchange_request(exchange), parameter);
    if (value == NULL)
        return true;
    *flag = strcasecmp(value, "true") == 0;
    if (*flag || strcasecmp(value, "false") == 0)
        return true;
    rest_answer_error(exchange, 400, "The parameter %s is true or false", parameter);
    return false;
}

static void change(struct rest_context *context, struct http_exchange *exchange, struct herder_offsets *asked)
{
    bool is_trial = false, keeps_undo = true;
    if (!read_flag(exchange, "dry_run", &is_trial) || !read_flag(exchange, "undo", &keeps_undo))
        return;
    asked->connector = rest_name(exchange);
    asked->is_without_undo = !keeps_undo;
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending == NULL)
        return;
    if (is_trial) {
        herder_try_offsets(context->herder, asked, rest_reply_json, pending);
    } else {
        asked->guard = rest_guard(context, exchange);
        herder_change_offsets(context->herder, asked, reply_changed, pending);
    }
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
    if (may_alter_all(context, exchange, &body))
        change(context, exchange, &(struct herder_offsets){.verb = HERDER_OFFSETS_ALTER, .changes = body.entries, .count = body.count});
    offsets_body_release(&body);
}

void connector_offsets_delete(void *argument, struct http_exchange *exchange)
{
    change(argument, exchange, &(struct herder_offsets){.verb = HERDER_OFFSETS_RESET});
}

/* What another editor has changed may be in topics that this one may not touch. */
struct undo_look {
    const struct route_asker *asker;
    const char *connector;
    char why[ACCESS_WHY_SIZE];
};

static int look_at_undone(void *argument, const struct mr_value *partition)
{
    struct undo_look *look = argument;
    return may_alter(look->asker, look->connector, &(struct offset_entry){.partition = partition}, look->why) ? 0 : -1;
}

/* false: answered. */
static bool may_undo(struct rest_context *context, struct http_exchange *exchange)
{
    struct route_asker asker;
    struct undo_look look = {.asker = &asker, .connector = rest_name(exchange), .why = "no memory"};
    route_asker_init(&asker, context, exchange);
    bool may = asker.bindings == NULL || !herder_is_ready(context->herder) ||
               herder_each_undone(context->herder, look.connector, look_at_undone, &look) == 0;
    route_asker_release(&asker);
    if (!may)
        rest_refuse(context, exchange, look.connector, look.why);
    return may;
}

void connector_offsets_undo(void *argument, struct http_exchange *exchange)
{
    if (may_undo(argument, exchange))
        change(argument, exchange, &(struct herder_offsets){.verb = HERDER_OFFSETS_UNDO});
}
