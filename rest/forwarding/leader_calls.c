/* What the herder asks of the leader: signed requests, told by their status and, of a failure, the leader's own words. */
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "config/worker_config.h"
#include "forwarding/forwarding_internal.h"
#include "forwarding/signature.h"
#include "http/target.h"
#include "json/json_in.h"
#include "json/json_out.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define TARGET_MAX 16000
#define MESSAGE_MAX 4000

struct leader_call {
    const char *method;
    struct str_buffer body, target;
    char signature[SIGNATURE_TEXT_SIZE];
    leader_link_done_fn *done;
    void *argument;
};

static void call_destroy(struct leader_call *call)
{
    if (call->body.data != NULL)
        explicit_bzero(call->body.data, call->body.length); /* options may be secrets */
    str_buffer_release(&call->body);
    str_buffer_release(&call->target);
    mem_free(call);
}

/* "message" of an error body; `message` stays empty where there is none. */
static void read_message(const char *body, size_t length, struct str_buffer *message)
{
    struct json_in in;
    struct str_buffer name;
    bool is_found = false;

    str_buffer_init(&name, MESSAGE_MAX);
    json_in_init(&in, body, length);
    if (json_in_kind(&in) == JSON_IN_OBJECT && json_in_enter(&in, JSON_IN_OBJECT))
        while (!is_found && json_in_next_member(&in, &name)) {
            is_found = strcmp(str_buffer_text(&name), "message") == 0 && json_in_kind(&in) == JSON_IN_STRING;
            if (is_found ? !json_in_scalar(&in, message) : !json_in_skip(&in))
                break;
        }
    str_buffer_release(&name);
}

static void on_answer(void *argument, const struct forwarding_answer *answer)
{
    struct leader_call *call = argument;
    struct str_buffer message;
    bool none_came = answer->message != NULL;

    str_buffer_init(&message, MESSAGE_MAX);
    if (!none_came && answer->status >= 300)
        read_message(answer->body, answer->body_length, &message);
    call->done(call->argument, none_came ? 0 : answer->status,
               none_came ? answer->message : message.length > 0 ? str_buffer_text(&message) : NULL);
    str_buffer_release(&message);
    call_destroy(call);
}

/* A signature if one is demanded. NULL: done; else why not. */
static const char *sign(const struct forwarding *forwarding, struct leader_call *call)
{
    struct config_snapshot *snapshot;
    const struct session_key *key;
    const char *why = NULL;

    if (!worker_config_is_sessioned(forwarding->worker))
        return NULL;
    snapshot = config_store_snapshot(forwarding->configs);
    key = config_snapshot_session_key(snapshot);
    if (key == NULL)
        why = "the leader has not written a session key yet";
    else if (!signature_make(forwarding->worker->signature_algorithm, key, str_buffer_text(&call->body), call->body.length,
                             call->signature))
        why = "the request could not be signed with the session key";
    config_snapshot_drop(snapshot);
    return why;
}

static struct leader_call *call_create(const char *method, const char *connector, const char *what)
{
    struct leader_call *call = mem_calloc(1, sizeof(*call));

    if (call == NULL)
        return NULL;
    call->method = method;
    str_buffer_init(&call->body, FORWARDING_BODY_MAX);
    str_buffer_init(&call->target, TARGET_MAX);
    str_buffer_append_text(&call->target, "connectors/");
    http_segment_append(&call->target, connector);
    str_buffer_append_text(&call->target, what);
    return call;
}

static struct leader_call *call_of_tasks(const struct leader_link_tasks *tasks)
{
    struct leader_call *call = call_create("POST", tasks->connector, "/tasks?forward=true");
    struct json_out out;

    if (call == NULL)
        return NULL;
    json_out_init(&out, &call->body);
    json_out_open(&out, '[');
    for (size_t i = 0; i < tasks->count; i++)
        json_out_map(&out, tasks->maps[i]);
    json_out_close(&out, ']');
    if (tasks->made_from != NULL)
        str_buffer_printf(&call->target, "&" LEADER_LINK_MADE_FROM "=%s", tasks->made_from);
    return call;
}

static void send(struct forwarding *forwarding, struct leader_call *call, const char *url, int64_t deadline_ms)
{
    bool is_signed = call->signature[0] != '\0';

    forwarding_send(forwarding,
                    &(struct forwarding_request){
                        .url = url,
                        .method = call->method,
                        .target = str_buffer_text(&call->target),
                        .body = str_buffer_text(&call->body),
                        .body_length = call->body.length,
                        .signature = is_signed ? call->signature : NULL,
                        .signature_algorithm = is_signed ? forwarding->worker->signature_algorithm : NULL,
                        .caller = forwarding->self,
                        .deadline_ms = deadline_ms,
                    },
                    on_answer, call);
}

/* `call` NULL: there was no memory for it. */
static void ask(struct forwarding *forwarding, struct leader_call *call, const char *leader_url, int64_t deadline_ms,
                leader_link_done_fn *done, void *done_argument)
{
    const char *why = "no memory left for the request, or it is too large";

    if (call != NULL && !str_buffer_failed(&call->body) && !str_buffer_failed(&call->target))
        why = sign(forwarding, call);
    if (why != NULL) {
        if (call != NULL)
            call_destroy(call);
        done(done_argument, 0, why);
        return;
    }
    call->done = done;
    call->argument = done_argument;
    send(forwarding, call, leader_url, deadline_ms);
}

static void put_tasks(void *argument, const char *leader_url, const struct leader_link_tasks *tasks, int64_t deadline_ms,
                      leader_link_done_fn *done, void *done_argument)
{
    ask(argument, call_of_tasks(tasks), leader_url, deadline_ms, done, done_argument);
}

/* As Kafka Connect's worker signs it: over a body without a byte. */
static void fence(void *argument, const char *leader_url, const char *connector, int64_t deadline_ms, leader_link_done_fn *done,
                  void *done_argument)
{
    ask(argument, call_create("PUT", connector, "/fence?forward=true"), leader_url, deadline_ms, done, done_argument);
}

const struct leader_link forwarding_calls = {.put_tasks = put_tasks, .fence = fence};
