#include "routes/route_audit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/audit_hash.h"
#include "base/mem.h"
#include "base/thread.h"
#include "forwarding/caller.h"
#include "gate/gate.h"
#include "http/target.h"
#include "json/connector_body.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define PATH_MAX_BYTES (3 * HTTP_REQUEST_LINE_MAX + 100)

/* A change from the stage to its answer. Freed when both have come: the word of the audit, and the answer. */
struct recording {
    struct rest_context *context;
    struct http_exchange *exchange;
    char *connector; /* NULL: it is about none */
    pthread_mutex_t lock;
    struct audit_change *change; /* lock; the record has it and it may go on */
    int status;                  /* lock; 0: not answered yet */
    int left;                    /* lock; of the two */
};

bool route_audit_is_change(const struct http_route *route)
{
    static http_handler *const NONE[] = {plugin_config_validate, plugin_config_try, internal_tasks_post, internal_fence_put};
    for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++)
        if (route->handler == NONE[i])
            return false;
    return route->method != HTTP_GET;
}

/* Who asks for what ------------------------------------------------------------------------------------------------- */

struct call_texts {
    struct str_buffer path;
    char id[AUDIT_REQUEST_ID_SIZE];
};

/* Escaped, so that a slash within a name shows as one; without query. */
static void append_path(struct str_buffer *path, const struct http_request *request)
{
    for (size_t i = 0; i < request->target.segment_count; i++) {
        str_buffer_append_char(path, '/');
        http_segment_append(path, request->target.segments[i]);
    }
    if (request->target.segment_count == 0)
        str_buffer_append_char(path, '/');
}

/* By another worker, whose address it is then. Who is known here beside that header is so by its signed word. */
static bool is_passed_on(const struct http_exchange *exchange)
{
    return rest_caller(exchange) != NULL && http_request_header(http_exchange_request(exchange), CALLER_HEADER) != NULL;
}

/* Where nobody logs in a change is what it says of itself. */
static bool says_it_is_passed_on(const struct rest_context *context, const struct http_request *request)
{
    return context->gate == NULL && http_request_query(request, "forward") != NULL;
}

/* Release the texts after the call was used. */
static struct audit_call call_of(const struct http_exchange *exchange, const char *connector, struct call_texts *texts)
{
    const struct http_request *request = http_exchange_request(exchange);
    const struct identity *caller = rest_caller(exchange);
    audit_request_id(http_request_header(request, ROUTE_AUDIT_ID_HEADER), texts->id);
    str_buffer_init(&texts->path, PATH_MAX_BYTES);
    append_path(&texts->path, request);
    return (struct audit_call){
        .request = texts->id,
        .user = caller == NULL ? NULL : caller->name,
        .login = caller == NULL ? NULL : identity_login_name(caller->login),
        .address = request->client_address,
        .port = request->client_port,
        .method = http_method_name(request->method),
        .path = str_buffer_failed(&texts->path) ? request->route->pattern : str_buffer_text(&texts->path),
        .route = request->route->pattern,
        .connector = connector,
        .is_forwarded = is_passed_on(exchange),
    };
}

/* Has the answer name it, unless it is on record under a name already. */
static void name_call(struct http_exchange *exchange, struct audit_call *call)
{
    const struct http_request *request = http_exchange_request(exchange);
    if (request->id[0] != '\0') {
        call->request = request->id;
        return;
    }
    http_exchange_note_header(exchange, ROUTE_AUDIT_ID_HEADER, call->request);
    http_exchange_set_id(exchange, call->request);
}

bool route_audit_connector_of(const struct http_request *request, char **connector)
{
    struct connector_body body;
    struct body_problem problem;
    *connector = NULL;
    if (strstr(request->route->pattern, "{name}") != NULL) {
        *connector = mem_strdup(http_request_part(request, "name"));
        return *connector != NULL;
    }
    if (request->route->handler != connectors_post)
        return true;
    if (!connector_body_read(&body, request->body, request->body_length, &problem))
        return problem.status != 503; /* the handler will say what is wrong with it */
    *connector = mem_strdup(body.name);
    connector_body_release(&body);
    return *connector != NULL;
}

/* As this worker knows it now; "": there is none, or it is not known. */
static void hash_now(const struct recording *recording, char hash[AUDIT_HASH_SIZE])
{
    struct rest_context *context = recording->context;
    hash[0] = '\0';
    if (recording->connector == NULL || !herder_is_ready(context->herder))
        return;
    struct config_snapshot *snapshot = herder_configs(context->herder);
    const struct string_map *config = config_snapshot_config(snapshot, recording->connector);
    if (config != NULL)
        audit_hash_config(context->audit, config, hash);
    config_snapshot_drop(snapshot);
}

/* A change ----------------------------------------------------------------------------------------------------------- */

/* lock held, and given back. */
static void leave(struct recording *recording)
{
    bool is_last = --recording->left == 0;
    mutex_unlock(&recording->lock);
    if (!is_last)
        return;
    rest_context_drop(recording->context);
    mutex_destroy(&recording->lock);
    mem_free(recording->connector);
    mem_free(recording);
}

static void end_change(const struct recording *recording, struct audit_change *change, int status)
{
    char hash[AUDIT_HASH_SIZE];
    hash_now(recording, hash);
    audit_change_end(change, status, hash);
}

static void on_answered(void *argument, const struct http_exchange *exchange, int status)
{
    struct recording *recording = argument;
    (void)exchange;
    mutex_lock(&recording->lock);
    recording->status = status;
    struct audit_change *change = recording->change;
    recording->change = NULL;
    mutex_unlock(&recording->lock);
    if (change != NULL)
        end_change(recording, change, status);
    mutex_lock(&recording->lock);
    leave(recording);
}

/* Answered before the record had it (the server stops): then it is not made, and the record says what the client was told. */
static void drop_late(struct recording *recording, struct audit_change *change, int status)
{
    struct http_response response;
    end_change(recording, change, status);
    http_response_init(&response, 503, HTTP_CONTENT_NONE);
    http_exchange_answer(recording->exchange, &response); /* ends the hold; nobody reads it */
}

static void on_admitted(void *argument, struct audit_change *change, const char *why)
{
    struct recording *recording = argument;
    mutex_lock(&recording->lock);
    int status = recording->status;
    if (status == 0)
        recording->change = change;
    mutex_unlock(&recording->lock);
    if (change == NULL)
        rest_answer_error(recording->exchange, 503, "%s", why);
    else if (status != 0)
        drop_late(recording, change, status);
    else
        dispatch_go_on(recording->context, recording->exchange, DISPATCH_AUDIT);
    mutex_lock(&recording->lock);
    leave(recording);
}

static struct recording *recording_create(struct rest_context *context, struct http_exchange *exchange)
{
    struct recording *recording = mem_calloc(1, sizeof(*recording));
    if (recording == NULL || !route_audit_connector_of(http_exchange_request(exchange), &recording->connector)) {
        mem_free(recording);
        return NULL;
    }
    rest_context_take(context);
    mutex_init(&recording->lock);
    recording->context = context;
    recording->exchange = exchange;
    recording->left = 2;
    return recording;
}

enum dispatch_verdict route_audit_stage(struct rest_context *context, struct http_exchange *exchange)
{
    struct call_texts texts;
    char hash[AUDIT_HASH_SIZE];
    const struct http_request *request = http_exchange_request(exchange);
    if (context->audit == NULL || !route_audit_is_change(request->route) || connector_offsets_is_trial(request))
        return DISPATCH_ON;
    struct recording *recording = recording_create(context, exchange);
    if (recording == NULL) {
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        return DISPATCH_ENDED;
    }
    hash_now(recording, hash);
    struct audit_call call = call_of(exchange, recording->connector, &texts);
    call.is_forwarded = call.is_forwarded || says_it_is_passed_on(context, http_exchange_request(exchange));
    name_call(exchange, &call);
    http_exchange_watch(exchange, on_answered, recording);
    audit_admit(context->audit, &call, hash, on_admitted, recording);
    str_buffer_release(&texts.path);
    return DISPATCH_ENDED;
}

/* Other ------------------------------------------------------------------------------------------------------------ */

void route_audit_refused(struct rest_context *context, struct http_exchange *exchange, int status)
{
    struct call_texts texts;
    const struct http_request *request = http_exchange_request(exchange);
    if (context->audit == NULL)
        return;
    const char *connector =
        strstr(request->route->pattern, "{name}") != NULL ? http_request_part(request, "name") : NULL;
    struct audit_call call = call_of(exchange, connector, &texts);
    char tried[GATE_TRIED_SIZE];
    if ((status == 401 || status == 429) && context->gate != NULL && gate_tried(context->gate, request, tried))
        call.tried = tried;
    name_call(exchange, &call); /* it may be refused after it was on record */
    audit_refused(context->audit, &call, status);
    str_buffer_release(&texts.path);
}

struct look {
    route_audit_look_fn *told;
    void *argument;
};

static void on_look_admitted(void *argument, struct audit_change *none, const char *why)
{
    struct look look = *(struct look *)argument;
    (void)none;
    mem_free(argument);
    look.told(look.argument, why);
}

void route_audit_look(struct rest_context *context, struct http_exchange *exchange, const char *connector, const char *topic,
                      route_audit_look_fn *told, void *argument)
{
    struct call_texts texts;
    struct look *look = context->audit == NULL ? NULL : mem_alloc(sizeof(*look));
    if (look == NULL) {
        told(argument, context->audit == NULL ? NULL : "Out of memory. Try again in a moment.");
        return;
    }
    *look = (struct look){told, argument};
    struct audit_call call = call_of(exchange, connector, &texts);
    name_call(exchange, &call);
    const struct audit_pair pairs[] = {
        {"request", call.request},
        {"who", call.user == NULL ? "anonymous" : call.user},
        {"login", call.login == NULL ? "none" : call.login},
        {"address", call.address},
        {"path", call.path},
        {"connector", connector},
        {"topic", topic},
    };
    audit_admit_look(context->audit, pairs, sizeof(pairs) / sizeof(pairs[0]), on_look_admitted, look);
    str_buffer_release(&texts.path);
}

void route_audit_settle(struct rest_context *context)
{
    if (context->audit != NULL)
        audit_settle(context->audit);
}

bool route_audit_is_failing(const struct rest_context *context, char *words, size_t size)
{
    char why[AUDIT_WORDS_SIZE];
    if (context->audit == NULL || !audit_is_failing(context->audit, why))
        return false;
    snprintf(words, size, "%s", why);
    return true;
}
