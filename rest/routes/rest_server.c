#include "routes/rest_server.h"

#include <millrace/error.h>
#include <stdatomic.h>

#include "access/access_file.h"
#include "audit/audit.h"
#include "audit/audit_hash.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/worker_config.h"
#include "gate/gate.h"
#include "routes/dispatch.h"
#include "routes/extension_routes.h"
#include "routes/openapi.h"
#include "routes/rest_listeners.h"
#include "routes/route_audit.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

#define WORDS_MAX 400

struct rest_server {
    struct rest_context *context;
    struct rest_listeners listeners;
};

static int write_openapi(struct rest_context *context, const struct worker_config *worker, struct mr_error **error)
{
    enum openapi_scope scope = worker->admin_on_listeners ? OPENAPI_ALL : OPENAPI_WITHOUT_ADMIN;
    str_buffer_init(&context->openapi, OPENAPI_LENGTH_MAX);
    str_buffer_init(&context->openapi_admin, OPENAPI_LENGTH_MAX);
    if (openapi_write(&context->openapi, scope, &worker->rest_auth) &&
        (worker->admin_listener_count == 0 || openapi_write(&context->openapi_admin, OPENAPI_ADMIN_ONLY, &worker->rest_auth)))
        return 0;
    return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to start the REST server");
}

/* Whoever may write these files decides who may do what: a change of theirs is on record as one over REST is. */
static void note_access_file(void *audit, const char *path)
{
    char digest[AUDIT_DIGEST_SIZE];
    audit_digest_file(path, digest);
    const struct audit_pair pairs[] = {{"file", path}, {"sha256", digest[0] != '\0' ? digest : NULL}};
    audit_note(audit, "access", pairs, sizeof(pairs) / sizeof(pairs[0]));
}

static int open_gate(struct rest_context *context, const struct worker_config *worker, struct mr_error **error)
{
    if (!worker_config_needs_login(worker))
        return 0;
    context->gate = gate_create(&worker->rest_auth, NULL, error);
    if (context->gate != NULL && context->audit != NULL)
        gate_listen(context->gate, &(struct access_file_listener){note_access_file, context->audit});
    return context->gate != NULL ? 0 : -1;
}

/* NULL: no memory, or an option of the worker that cannot be honoured. */
static struct rest_context *context_create(const struct rest_setup *setup, struct mr_error **error)
{
    const struct worker_config *worker = setup->worker;
    struct rest_context *context = mem_calloc(1, sizeof(*context));
    if (context == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to start the REST server");
        return NULL;
    }
    refcount_init(&context->owners);
    context->herder = setup->herder;
    context->forwarding = setup->forwarding;
    context->metrics = setup->metrics;
    context->audit = setup->audit;
    context->health = setup->health;
    context->health_stuck_ms = worker->health_stuck_ms;
    if (header_rules_init(&context->header_rules, worker->response_headers, error) == 0 &&
        cross_origin_init(&context->cross_origin, worker->access_control_origins, worker->access_control_methods, error) == 0 &&
        write_openapi(context, worker, error) == 0 && open_gate(context, worker, error) == 0 && extension_routes_init(context, setup, error) == 0)
        return context;
    gate_stop(context->gate);
    extension_routes_release(context);
    rest_context_drop(context);
    return NULL;
}

/* Rules first, as the JVM worker's filters stand. */
static void add_headers(void *argument, const struct http_request *request, struct http_response *response)
{
    struct rest_context *context = argument;
    header_rules_apply(&context->header_rules, response, clock_wall_ms(NULL));
    cross_origin_apply(&context->cross_origin, request, response);
}

void rest_context_take(struct rest_context *context)
{
    refcount_take(&context->owners);
}

void rest_context_drop(struct rest_context *context)
{
    if (context == NULL || !refcount_drop(&context->owners))
        return;
    gate_destroy(context->gate);
    cross_origin_release(&context->cross_origin);
    header_rules_release(&context->header_rules);
    str_buffer_release(&context->openapi);
    str_buffer_release(&context->openapi_admin);
    mem_free(context);
}

/* So that nobody has to find out by trying. */
static void say_who_may_ask(const struct rest_context *context, const struct worker_config *worker)
{
    struct str_buffer words;
    if (context->gate == NULL && worker_config_is_exposed(worker)) {
        log_warn("rest", "REST IS OPEN: everybody who reaches the listeners may do anything, no login is demanded. Set "
                         "millrace.rest.auth.passwords.file and millrace.rest.bindings.file, or the like, or listen on the loopback");
        return;
    }
    if (context->gate == NULL) {
        log_info("rest", "REST is open to everybody on this machine: no login is demanded");
        return;
    }
    str_buffer_init(&words, WORDS_MAX);
    gate_describe(context->gate, &words);
    log_info("rest", "REST demands a login: %s", str_buffer_text(&words));
    str_buffer_release(&words);
}

struct rest_server *rest_server_start(const struct rest_setup *setup, struct mr_error **error)
{
    struct rest_server *server = mem_calloc(1, sizeof(*server));
    struct rest_context *context = context_create(setup, error);
    if (context == NULL) {
        mem_free(server);
        return NULL;
    }
    if (server == NULL) {
        gate_stop(context->gate);
        extension_routes_release(context);
        rest_context_drop(context);
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to start the REST server");
        return NULL;
    }
    server->context = context;
    rest_observe_begin(context);
    struct http_router router = {
        .routes = REST_ROUTES,
        .route_count = setup->worker->admin_on_listeners ? REST_ROUTE_COUNT : REST_ROUTE_COUNT_WITHOUT_ADMIN,
        .more_routes = context->extension_routes,
        .more_route_count = context->extension_route_count,
        .context = context,
        .text_pattern = REST_METRICS,
        .add_headers = add_headers,
        .observe = rest_observe,
        .admit = dispatch_admit,
        .dispatch = dispatch_request};
    if (rest_listeners_start(&server->listeners, setup->worker, &router, error) != 0) {
        rest_server_stop(server);
        return NULL;
    }
    atomic_store(&context->certificates[0], server->listeners.tls);
    atomic_store(&context->certificates[1], server->listeners.admin_tls);
    atomic_store(&context->certificates[2], server->listeners.metrics_tls);
    say_who_may_ask(context, setup->worker);
    return server;
}

bool rest_server_stop(struct rest_server *server)
{
    if (server == NULL)
        return true;
    rest_listeners_stop(&server->listeners);
    gate_stop(server->context->gate); /* before the context: its threads hold it */
    bool is_clean = extension_routes_stop(server->context); /* before the record: they pass requests on to it */
    route_audit_settle(server->context);
    rest_listeners_release(&server->listeners);
    if (is_clean) {
        extension_routes_release(server->context);
        rest_context_drop(server->context);
    }
    mem_free(server);
    return is_clean;
}

uint16_t rest_server_port(const struct rest_server *server, size_t listener)
{
    return http_server_port(server->listeners.http, listener);
}

uint16_t rest_server_admin_port(const struct rest_server *server, size_t listener)
{
    return http_server_port(server->listeners.admin_http, listener);
}

uint16_t rest_server_health_port(const struct rest_server *server, size_t listener)
{
    return http_server_port(server->listeners.health_http, listener);
}
