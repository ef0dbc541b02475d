#include "routes/extension_routes.h"

#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "extensions/extensions.h"
#include "json/status_entity.h"
#include "routes/rest_server.h"
#include "routes/route_access.h"
#include "routes/routes_internal.h"
#include "sdk/rest_host.h"
#include "store/config_snapshot.h"
#include "store/status_store.h"

#include "base/bans.h"

#define STOP_TIMEOUT_MS 2000

/* ---- what extensions may ask ---- */

static const char *cluster_id(const void *owner)
{
    const struct rest_context *context = owner;
    return herder_cluster_id(context->herder);
}

/* NULL: not read yet. */
static struct config_snapshot *snapshot_of(const struct rest_context *context, struct mr_error **error)
{
    if (herder_is_ready(context->herder))
        return herder_configs(context->herder);
    mr_error_set(error, MR_ERR_ILLEGAL_STATE, "The worker is still reading its topics");
    return NULL;
}

static int each_connector(void *owner, mr_rest_connector_fn *visit, void *argument, struct mr_error **error)
{
    struct config_snapshot *snapshot = snapshot_of(owner, error);
    if (snapshot == NULL)
        return -1;
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++)
        visit(argument, config_snapshot_connector_at(snapshot, i));
    config_snapshot_drop(snapshot);
    return 0;
}

static void visit_unit(const struct rest_context *context, const struct unit_status *status, int32_t task, mr_rest_unit_fn *visit,
                       void *argument)
{
    const char *idle = herder_idle_worker_id(context->herder);
    const struct mr_unit_health unit = {.size = sizeof(unit),
                                        .task = task,
                                        .state = unit_state_name(status_state_shown(status, false, idle)),
                                        .worker_id = status->worker_id,
                                        .trace = status->trace};
    visit(argument, &unit);
}

static int each_unit(void *owner, const char *connector, mr_rest_unit_fn *visit, void *argument, struct mr_error **error)
{
    const struct rest_context *context = owner;
    struct config_snapshot *snapshot = snapshot_of(context, error);
    if (snapshot == NULL)
        return -1;
    bool is_there = config_snapshot_has(snapshot, connector);
    config_snapshot_drop(snapshot);
    struct status_view *view = is_there ? status_store_view(herder_statuses(context->herder), connector) : NULL;
    if (view == NULL)
        return is_there ? mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the status of a connector")
                        : mr_error_set(error, MR_ERR_NOT_FOUND, "Connector %s not found", connector);
    if (view->connector != NULL)
        visit_unit(context, view->connector, -1, visit, argument);
    for (size_t i = 0; i < view->task_count; i++)
        visit_unit(context, &view->tasks[i].status, (int32_t)view->tasks[i].task, visit, argument);
    status_view_destroy(view);
    return 0;
}

static const struct rest_context_host cluster = {
    .cluster_id = cluster_id, .each_connector = each_connector, .each_unit = each_unit};

/* ---- requests ---- */

static const char *caller_of(const struct http_exchange *exchange)
{
    const struct identity *caller = rest_caller(exchange);
    return caller == NULL ? NULL : caller->name;
}

/* Probes and peers must not depend on an extension, nor whoever finds out why it hangs. */
static bool is_shown(const struct http_route *route)
{
    return route_needs_login(route) && route->handler != metrics_get;
}

static void passed(void *argument, struct http_exchange *exchange)
{
    dispatch_go_on(argument, exchange, DISPATCH_EXTENSIONS);
}

static void refused(void *argument, struct http_exchange *exchange, int status, const char *class_name)
{
    dispatch_note_refusal(argument, exchange, status, class_name);
}

enum dispatch_verdict extension_routes_filter(struct rest_context *context, struct http_exchange *exchange)
{
    if (!extensions_have_filters(context->extensions) || !is_shown(http_exchange_request(exchange)->route))
        return DISPATCH_ON;
    extensions_filter(context->extensions, exchange, caller_of(exchange), passed, refused, context);
    return DISPATCH_ENDED;
}

void extension_serve(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    extensions_serve(context->extensions, exchange, caller_of(exchange));
}

/* ---- their paths ---- */

static const enum http_method METHODS[] = {HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE};
#define METHOD_COUNT (sizeof(METHODS) / sizeof(METHODS[0]))

/* What comes with later versions, or only with others of their own, is the worker's as well. */
static bool prefix_is_taken(const char *prefix)
{
    static const char *const OURS[] = {"/admin", "/health", "/livez", "/readyz", "/metrics", "/whoami", "/connectors",
                                       "/connector-plugins", "/millrace"};
    for (size_t i = 0; i < sizeof(OURS) / sizeof(OURS[0]); i++)
        if (strcmp(OURS[i], prefix) == 0)
            return true;
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++) {
        const char *pattern = REST_ROUTES[i].pattern;
        if (strlen(prefix) == 1 + strcspn(pattern + 1, "/") && strncmp(pattern, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

static char *pattern_of(const char *prefix)
{
    size_t size = strlen(prefix) + sizeof("/{*}");
    char *pattern = mem_alloc(size);
    if (pattern != NULL)
        snprintf(pattern, size, "%s/{*}", prefix);
    return pattern;
}

static int make_routes(struct rest_context *context, struct mr_error **error)
{
    size_t count = 0;
    const char *prefix;
    while (extensions_prefix(context->extensions, count) != NULL)
        count++;
    struct http_route *routes = mem_calloc(count * METHOD_COUNT + 1, sizeof(*routes));
    context->extension_routes = routes;
    for (size_t i = 0; routes != NULL && (prefix = extensions_prefix(context->extensions, i)) != NULL; i++) {
        char *pattern = pattern_of(prefix);
        if (pattern == NULL)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for REST extensions");
        for (size_t method = 0; method < METHOD_COUNT; method++)
            routes[context->extension_route_count++] =
                (struct http_route){.method = METHODS[method], .pattern = pattern, .handler = extension_serve};
    }
    return routes != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for REST extensions");
}

int extension_routes_init(struct rest_context *context, const struct rest_setup *setup, struct mr_error **error)
{
    context->extensions = extensions_create(&(struct extensions_setup){.loader = herder_loader(setup->herder),
                                                                       .worker = setup->worker,
                                                                       .cluster = &cluster,
                                                                       .cluster_owner = context,
                                                                       .prefix_is_taken = prefix_is_taken},
                                            error);
    return context->extensions == NULL ? -1 : make_routes(context, error);
}

bool extension_routes_stop(struct rest_context *context)
{
    return extensions_stop(context->extensions, clock_monotonic_ms(NULL) + STOP_TIMEOUT_MS);
}

void extension_routes_release(struct rest_context *context)
{
    extensions_destroy(context->extensions);
    context->extensions = NULL;
    for (size_t i = 0; i < context->extension_route_count; i += METHOD_COUNT)
        mem_free((char *)context->extension_routes[i].pattern);
    mem_free(context->extension_routes);
    context->extension_routes = NULL;
    context->extension_route_count = 0;
}
