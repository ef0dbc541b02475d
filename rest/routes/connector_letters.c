/* /connectors/{name}/dlq…: a connector's dead letters (docs/dead-letters.md). */
#include <errno.h>
#include <millrace/error.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "dead_letters/dead_letters.h"
#include "dead_letters/selection.h"
#include "routes/dispatch.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define SELECTION_MAX (64u << 10) /* of what a query says */

/* The letter topic as the configuration names it; mem_free. NULL: answered. */
static char *topic_of(struct rest_context *context, struct http_exchange *exchange)
{
    struct config_snapshot *snapshot = rest_snapshot_with_connector(context, exchange);
    if (snapshot == NULL)
        return NULL;
    char *topic = dead_letters_topic_of(config_snapshot_config(snapshot, rest_name(exchange)));
    config_snapshot_drop(snapshot);
    if (topic == NULL)
        rest_answer_error(exchange, 400, "Connector %s has no dead letters: set errors.deadletterqueue.topic.name", rest_name(exchange));
    return topic;
}

static void ask(struct rest_context *context, struct http_exchange *exchange, struct herder_letters *request)
{
    const struct http_request *http = http_exchange_request(exchange);
    const struct identity *caller = rest_caller(exchange);
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending == NULL)
        return;
    request->connector = rest_name(exchange);
    request->who = caller == NULL ? "anonymous" : caller->name;
    request->request = http->id[0] == '\0' ? NULL : http->id;
    herder_letters(context->herder, request, rest_reply_json, pending);
}

/* Looking ------------------------------------------------------------------------------------------------------ */

/* What letters hold is shown once that is on record. */
struct letters_look {
    struct herder_letters request;
    char *selection; /* the request's; NULL: it is part of the exchange */
};

static void destroy_look(void *argument)
{
    struct letters_look *look = argument;
    mem_free(look->selection);
    mem_free(look);
}

static void show(struct rest_context *context, struct http_exchange *exchange, void *argument)
{
    struct letters_look *look = argument;
    ask(context, exchange, &look->request);
}

/* Takes the selection. */
static void look(struct rest_context *context, struct http_exchange *exchange, const char *topic, const struct herder_letters *request,
                 char *selection)
{
    struct letters_look *looking = mem_alloc(sizeof(*looking));
    if (looking == NULL) {
        mem_free(selection);
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        return;
    }
    *looking = (struct letters_look){*request, selection};
    rest_look(context, exchange, &(struct rest_look){rest_name(exchange), topic, show, destroy_look, looking});
}

/* A number where it is one; whoever reads the selection says what it should have been. */
static void add_parameter(struct json_out *out, const char *name, const char *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    json_out_name(out, name);
    if (errno == 0 && *value >= '0' && *value <= '9' && *end == '\0')
        json_out_int(out, number);
    else
        json_out_text(out, value);
}

static void write_selection(struct str_buffer *text, const struct http_request *request)
{
    static const char *const texts[] = {"group", "stage", "class", "exception", "topic", "header", "header_value"};
    static const char *const numbers[] = {"since", "until", "partition", "from", "before", "limit"};
    struct json_out out;
    json_out_init(&out, text);
    json_out_open(&out, '{');
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (http_request_query(request, texts[i]) != NULL)
            json_out_pair(&out, texts[i], http_request_query(request, texts[i]));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (http_request_query(request, numbers[i]) != NULL)
            add_parameter(&out, numbers[i], http_request_query(request, numbers[i]));
    json_out_close(&out, '}');
}

void dlq_get(void *argument, struct http_exchange *exchange)
{
    struct str_buffer text;
    char *topic = topic_of(argument, exchange);
    if (topic == NULL)
        return;
    str_buffer_init(&text, SELECTION_MAX);
    write_selection(&text, http_exchange_request(exchange));
    struct herder_letters request = {.verb = HERDER_LETTERS_LIST, .selection_length = text.length};
    char *selection = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    request.selection = selection;
    if (selection == NULL)
        rest_answer_error(exchange, 400, "The filters are too long");
    else
        look(argument, exchange, topic, &request, selection);
    mem_free(topic);
}

void dlq_letter_get(void *argument, struct http_exchange *exchange)
{
    const struct http_request *http = http_exchange_request(exchange);
    const char *text = http_request_part(http, "offset");
    char *end;
    errno = 0;
    const struct herder_letters request = {
        .verb = HERDER_LETTERS_SHOW, .partition = http_request_int_part(http, "partition"), .offset = strtoll(text, &end, 10)};
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || request.partition < 0) {
        rest_answer_error(exchange, 400, "A letter is named by its partition and its offset");
        return;
    }
    char *topic = topic_of(argument, exchange);
    if (topic != NULL)
        look(argument, exchange, topic, &request, NULL);
    mem_free(topic);
}

void dlq_replay_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct herder_letters request = {.verb = HERDER_LETTERS_FIND_REPLAY, .id = http_request_part(http_exchange_request(exchange), "id")};
    char *topic = topic_of(context, exchange);
    if (topic != NULL)
        ask(context, exchange, &request);
    mem_free(topic);
}

/* Changing ----------------------------------------------------------------------------------------------------- */

/* What is written in another's place, or to another topic than the connector's own, is an editor's. */
static bool may_edit(struct rest_context *context, struct http_exchange *exchange, const struct selection *selection)
{
    char why[ACCESS_WHY_SIZE];
    struct route_asker asker;
    const char *const topics[] = {selection->to};
    const struct access_subject subject = {.connector = rest_name(exchange), .topics = {topics, selection->to != NULL}};
    bool edits = selection->to != NULL || selection->edits_key || selection->edits_value;
    route_asker_init(&asker, context, exchange);
    bool may = !edits || asker.bindings == NULL || access_decide(asker.bindings, asker.identity, ACCESS_EDIT, &subject, why);
    route_asker_release(&asker);
    if (!may)
        rest_refuse(context, exchange, rest_name(exchange), why);
    return may;
}

static void change(struct rest_context *context, struct http_exchange *exchange, enum herder_letters_verb verb)
{
    const struct http_request *http = http_exchange_request(exchange);
    struct mr_error *error = NULL;
    struct selection selection;
    if (selection_read(&selection, http->body, http->body_length, &error) != 0) {
        rest_answer_error(exchange, mr_error_code(error) == MR_ERR_NO_MEMORY ? 503 : 400, "%s", mr_error_message(error));
        mr_error_drop(error);
        return;
    }
    struct herder_letters request = {.verb = verb, .selection = http->body, .selection_length = http->body_length};
    char *topic = topic_of(context, exchange);
    if (topic != NULL && may_edit(context, exchange, &selection)) {
        if (selection.is_trial)
            look(context, exchange, topic, &request, NULL);
        else
            ask(context, exchange, &request);
    }
    mem_free(topic);
    selection_release(&selection);
}

void dlq_replay(void *argument, struct http_exchange *exchange)
{
    change(argument, exchange, HERDER_LETTERS_REPLAY);
}

void dlq_discard(void *argument, struct http_exchange *exchange)
{
    change(argument, exchange, HERDER_LETTERS_DISCARD);
}
