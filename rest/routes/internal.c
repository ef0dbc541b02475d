/*
 * POST /connectors/{n}/tasks and PUT /connectors/{n}/fence: what workers ask of the leader, signed with the session key.
 */
#include <string.h>

#include "access/identity.h"
#include "base/ptr_array.h"
#include "base/string_map.h"
#include "config/worker_config.h"
#include "forwarding/signature.h"
#include "herder/leader_link.h"
#include "json/connector_body.h"
#include "json/connector_entity.h"
#include "routes/dispatch.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define WORKERS_ALONE \
    "This is asked by workers of the cluster alone. If one of them did, it lacks what this one has: set the same " \
    "millrace.inter.worker.secret on all workers"
#define NOT_HERE "HTTP 404 Not Found" /* on a standalone worker: there are no others who could ask */

/* Must a worker say that it asks (forwarding/caller.h)? The session key is known to all who read the config topic, and signs the body
 * alone: the secret of the workers is to be more than that. And where login is needed there may be no session key. */
static bool needs_worker(const struct rest_context *context)
{
    const struct worker_config *worker = herder_worker(context->herder);
    bool has_secret = worker->inter_worker_secret != NULL && *worker->inter_worker_secret != '\0';

    return has_secret || (context->gate != NULL && !worker_config_is_sessioned(worker));
}

static struct signature_claim claim_of(const struct http_request *request)
{
    return (struct signature_claim){http_request_header(request, SIGNATURE_HEADER),
                                    http_request_header(request, SIGNATURE_ALGORITHM_HEADER)};
}

static enum http_admission refuse(struct rest_context *context, struct http_exchange *exchange, int status, const char *why,
                                  struct http_response *refusal)
{
    dispatch_note_refusal(context, exchange, status, why);
    json_error_set(refusal, status, why);
    return HTTP_REFUSED;
}

enum http_admission internal_admit(struct rest_context *context, struct http_exchange *exchange, struct http_response *refusal)
{
    const struct signature_claim claim = claim_of(http_exchange_request(exchange));
    struct signature_verdict verdict;

    if (context->forwarding == NULL) {
        json_error_set(refusal, 404, NOT_HERE);
        return HTTP_REFUSED;
    }
    if (needs_worker(context))
        return refuse(context, exchange, 403, WORKERS_ALONE, refusal);
    if ((claim.signature == NULL || claim.algorithm == NULL) &&
        !signature_check(herder_worker(context->herder), forwarding_configs(context->forwarding), &claim, "", 0, &verdict))
        return refuse(context, exchange, verdict.status, verdict.message, refusal);
    return HTTP_UNDECIDED;
}

/* false: answered. Before anything of the body is read: it may be a stranger's. */
static bool is_from_worker(struct rest_context *context, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    const struct identity *caller = rest_caller(exchange);
    const struct signature_claim claim = claim_of(request);
    struct signature_verdict verdict = {403, WORKERS_ALONE};

    if (context->forwarding == NULL) {
        rest_answer_error(exchange, 404, NOT_HERE);
        return false;
    }
    if ((!needs_worker(context) || (caller != NULL && caller->login == IDENTITY_WORKER)) &&
        signature_check(herder_worker(context->herder), forwarding_configs(context->forwarding), &claim, request->body,
                        request->body_length, &verdict))
        return true;
    dispatch_note_refusal(context, exchange, verdict.status, verdict.message);
    rest_answer_error(exchange, verdict.status, "%s", verdict.message);
    return false;
}

static void free_map(void *map)
{
    string_map_destroy(map);
}

void internal_tasks_post(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    struct body_problem problem;
    struct ptr_array maps;

    if (!is_from_worker(context, exchange))
        return;
    ptr_array_init(&maps, free_map);
    if (!task_configs_body_read(&maps, request->body, request->body_length, &problem)) {
        rest_answer_error(exchange, problem.status == 400 ? 500 : problem.status, "%s", problem.message);
    } else {
        struct rest_pending *pending = rest_pending_create(context, exchange, NULL);

        if (pending != NULL)
            herder_put_task_configs(context->herder, rest_name(exchange), (const struct string_map *const *)maps.items,
                                    maps.count, http_request_query(request, LEADER_LINK_MADE_FROM), rest_reply_without_body,
                                    pending);
    }
    ptr_array_release(&maps);
}

/* May it deliver exactly once on the worker that asks, or did it, maybe under a worker of Kafka Connect? Else there is nothing to shut out.
 * A leader that is still preparing does it for workers that have it enabled already. */
static bool has_transactions(const struct rest_context *context, const struct config_snapshot *snapshot, const char *name)
{
    return herder_worker(context->herder)->exactly_once_source != EXACTLY_ONCE_DISABLED ||
           config_snapshot_fenced_count(snapshot, name) >= 0;
}

void internal_fence_put(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct config_snapshot *snapshot;

    if (!is_from_worker(context, exchange) || (snapshot = rest_snapshot_with_connector(context, exchange)) == NULL)
        return;
    if (strcmp(connector_type(herder_loader(context->herder), config_snapshot_config(snapshot, rest_name(exchange))),
               "sink") == 0) {
        rest_answer_error(exchange, 400, "Connector %s is not a source connector", rest_name(exchange));
    } else if (has_transactions(context, snapshot, rest_name(exchange))) {
        struct rest_pending *pending = rest_pending_create(context, exchange, NULL);

        if (pending != NULL)
            herder_fence_connector(context->herder, rest_name(exchange), rest_reply_without_body, pending);
    } else {
        struct http_response response;

        http_response_init(&response, 204, HTTP_CONTENT_NONE);
        http_exchange_answer(exchange, &response);
    }
    config_snapshot_drop(snapshot);
}
