#include "routes/rest_listeners.h"

#include <millrace/error.h>

#include "base/mem.h"
#include "config/worker_config.h"
#include "routes/routes_internal.h"
#include "tls/tls_keeper.h"

#include "base/bans.h"

#define METRICS_CONNECTIONS_MAX 32 /* scrapers are few */
#define HEALTH_CONNECTIONS_MAX 32 /* of one listener */

/* Those of one property. */
struct addresses {
    const struct listener_address *at;
    size_t count;
    const char *tls_prefix;
};

static bool has_https(const struct addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses->at[i].is_https)
            return true;
    return false;
}

static int open_tls(struct tls_keeper **keeper, const struct addresses *addresses, const struct worker_config *worker,
                    struct mr_error **error)
{
    if (!has_https(addresses))
        return 0;
    *keeper = tls_keeper_open(
        &(struct tls_keeper_setup){
            .properties = worker->properties, .prefix = addresses->tls_prefix, .needs_key = true},
        error);
    return *keeper != NULL ? 0 : -1;
}

static struct http_server *start(const struct addresses *addresses, struct tls_keeper *keeper, const struct http_router *router,
                                 uint32_t connections_max, struct mr_error **error)
{
    char why[500];
    struct http_listener *listeners = mem_calloc(addresses->count, sizeof(*listeners));
    if (listeners == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to start the REST server");
        return NULL;
    }
    for (size_t i = 0; i < addresses->count; i++)
        listeners[i] = (struct http_listener){.host = addresses->at[i].host,
                                              .port = addresses->at[i].port,
                                              .tls = addresses->at[i].is_https ? keeper : NULL};
    struct http_server_setup setup = {.listeners = listeners,
                                      .listener_count = addresses->count,
                                      .router = router,
                                      .connections_max = connections_max};
    struct http_server *server = http_server_start(&setup, why, sizeof(why));
    mem_free(listeners);
    if (server == NULL)
        mr_error_set(error, MR_ERR_CONNECT, "%s", why);
    return server;
}

/* Only the rows at the end of the table, and their description. */
static struct http_router admin_router_of(const struct http_router *router)
{
    return (struct http_router){.routes = REST_ROUTES + REST_ROUTE_COUNT_WITHOUT_ADMIN,
                                .route_count = REST_ROUTE_COUNT - REST_ROUTE_COUNT_WITHOUT_ADMIN,
                                .more_routes = &REST_ADMIN_OPENAPI,
                                .more_route_count = 1,
                                .context = router->context,
                                .admit = router->admit,
                                .dispatch = router->dispatch};
}

/* No login, no extensions, no CORS. */
static struct http_router metrics_router_of(const struct http_router *router)
{
    return (struct http_router){.routes = &REST_METRICS_ALONE,
                                .route_count = 1,
                                .context = router->context,
                                .text_pattern = REST_METRICS};
}

/* The rows of the table that are for probes. */
static struct http_router health_router_of(const struct http_router *router)
{
    return (struct http_router){.routes = REST_HEALTH_ROUTES,
                                .route_count = REST_HEALTH_ROUTE_COUNT,
                                .context = router->context,
                                .admit = router->admit,
                                .dispatch = router->dispatch};
}

int rest_listeners_look_at_files(const struct worker_config *worker, struct mr_error **error)
{
    const struct addresses main = {worker->listeners, worker->listener_count, TLS_LISTENERS},
                           admin = {worker->admin_listeners, worker->admin_listener_count, TLS_ADMIN_LISTENERS};
    struct tls_keeper *of_main = NULL, *of_admin = NULL;
    int status = open_tls(&of_main, &main, worker, error);
    if (status == 0)
        status = open_tls(&of_admin, &admin, worker, error);
    tls_keeper_close(of_admin);
    tls_keeper_close(of_main);
    return status;
}

static int start_health(struct rest_listeners *listeners, const struct worker_config *worker, struct mr_error **error)
{
    const struct addresses health = {worker->health_listeners, worker->health_listener_count, ""};
    if (health.count == 0)
        return 0;
    listeners->health_router = health_router_of(&listeners->router);
    listeners->health_http = start(&health, NULL, &listeners->health_router, HEALTH_CONNECTIONS_MAX, error);
    return listeners->health_http != NULL ? 0 : -1;
}

int rest_listeners_start(struct rest_listeners *listeners, const struct worker_config *worker, const struct http_router *router,
                         struct mr_error **error)
{
    const struct addresses main = {worker->listeners, worker->listener_count, TLS_LISTENERS},
                           admin = {worker->admin_listeners, worker->admin_listener_count, TLS_ADMIN_LISTENERS},
                           metrics = {worker->metrics_listeners, worker->metrics_listener_count, TLS_LISTENERS};
    listeners->router = *router;
    listeners->admin_router = admin_router_of(router);
    listeners->metrics_router = metrics_router_of(router);
    if (open_tls(&listeners->tls, &main, worker, error) != 0 || open_tls(&listeners->admin_tls, &admin, worker, error) != 0 ||
        open_tls(&listeners->metrics_tls, &metrics, worker, error) != 0)
        return -1;
    listeners->http = start(&main, listeners->tls, &listeners->router, worker->rest_connections_max, error);
    if (listeners->http == NULL)
        return -1;
    if (admin.count > 0)
        listeners->admin_http = start(&admin, listeners->admin_tls, &listeners->admin_router, worker->rest_connections_max, error);
    if (admin.count > 0 && listeners->admin_http == NULL)
        return -1;
    if (metrics.count > 0)
        listeners->metrics_http =
            start(&metrics, listeners->metrics_tls, &listeners->metrics_router, METRICS_CONNECTIONS_MAX, error);
    if (metrics.count > 0 && listeners->metrics_http == NULL)
        return -1;
    return start_health(listeners, worker, error);
}

void rest_listeners_stop(struct rest_listeners *listeners)
{
    http_server_stop(listeners->metrics_http);
    http_server_stop(listeners->health_http);
    http_server_stop(listeners->admin_http);
    http_server_stop(listeners->http);
}

void rest_listeners_release(struct rest_listeners *listeners)
{
    tls_keeper_close(listeners->metrics_tls);
    tls_keeper_close(listeners->admin_tls);
    tls_keeper_close(listeners->tls);
}
