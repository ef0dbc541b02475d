/*
 * Which handler serves which path and method, and what it asks of the caller (route_access.h); route_docs.c has the words for each.
 * ROUTE(method, pattern, handler, right, touches, timeout, timed_out, body_max): one list for both tables, so that a route without
 * a right does not compile.
 */
#include <stdint.h>

#include "routes/route_access.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

#define HEALTH_TIMEOUT_MS 10000

/* clang-format off */
#define REST_ROUTE_LIST(ROUTE)                                                                                         \
    ROUTE(GET, "/", root_get, VIEW, WORKER, 0, NULL, 0)                                                                \
    ROUTE(GET, "/health", health_get, VIEW, NOTHING, HEALTH_TIMEOUT_MS, health_timed_out, 0)                           \
    ROUTE(GET, "/livez", livez_get, VIEW, NOTHING, 0, NULL, 0)                                                         \
    ROUTE(GET, "/readyz", health_get, VIEW, NOTHING, HEALTH_TIMEOUT_MS, health_timed_out, 0)                           \
    ROUTE(GET, "/whoami", whoami_get, VIEW, CALLER, 0, NULL, 0)                                                        \
    ROUTE(GET, REST_METRICS, metrics_get, VIEW, ALL_CONNECTORS, 0, NULL, 0)                                            \
    ROUTE(GET, REST_OPENAPI, openapi_get, VIEW, WORKER, 0, NULL, 0)                                                    \
    ROUTE(GET, "/connectors", connectors_get, VIEW, LISTED, 0, NULL, 0)                                                \
    ROUTE(POST, "/connectors", connectors_post, EDIT, GIVEN, 0, NULL, 0)                                               \
    ROUTE(GET, "/connectors/{name}", connector_get, VIEW, CONNECTOR, 0, NULL, 0)                                       \
    ROUTE(DELETE, "/connectors/{name}", connector_delete, EDIT, PRESENT, 0, NULL, 0)                                   \
    ROUTE(GET, "/connectors/{name}/config", connector_config_get, VIEW, CONNECTOR, 0, NULL, 0)                         \
    ROUTE(PUT, "/connectors/{name}/config", connector_config_put, EDIT, GIVEN, 0, NULL, 0)                             \
    ROUTE(PATCH, "/connectors/{name}/config", connector_config_patch, EDIT, GIVEN, 0, NULL, 0)                         \
    ROUTE(GET, "/connectors/{name}/status", connector_status_get, VIEW, CONNECTOR, 0, NULL, 0)                         \
    ROUTE(PUT, "/connectors/{name}/pause", connector_pause, OPERATE, CONNECTOR, 0, NULL, 0)                            \
    ROUTE(PUT, "/connectors/{name}/resume", connector_resume, OPERATE, CONNECTOR, 0, NULL, 0)                          \
    ROUTE(PUT, "/connectors/{name}/stop", connector_stop, OPERATE, CONNECTOR, 0, NULL, 0)                              \
    ROUTE(POST, "/connectors/{name}/restart", connector_restart, OPERATE, CONNECTOR, 0, NULL, 0)                       \
    ROUTE(GET, "/connectors/{name}/tasks", connector_tasks_get, VIEW, CONNECTOR, 0, NULL, 0)                           \
    ROUTE(POST, "/connectors/{name}/tasks", internal_tasks_post, VIEW, PEERS, 0, NULL, FORWARDING_BODY_MAX)            \
    ROUTE(PUT, "/connectors/{name}/fence", internal_fence_put, VIEW, PEERS, 0, NULL, 0)                                \
    ROUTE(GET, "/connectors/{name}/tasks/{task:int}/status", connector_task_status_get, VIEW, CONNECTOR, 0, NULL, 0)   \
    ROUTE(POST, "/connectors/{name}/tasks/{task:int}/restart", connector_task_restart, OPERATE, CONNECTOR, 0, NULL, 0) \
    ROUTE(GET, "/connectors/{name}/topics", connector_topics_get, VIEW, CONNECTOR, 0, NULL, 0)                         \
    ROUTE(PUT, "/connectors/{name}/topics/reset", connector_topics_reset, EDIT, PRESENT, 0, NULL, 0)                   \
    ROUTE(GET, "/connectors/{name}/offsets", connector_offsets_get, VIEW, CONNECTOR, 0, NULL, 0)                       \
    ROUTE(PATCH, "/connectors/{name}/offsets", connector_offsets_patch, EDIT, PRESENT, 0, NULL, 0)                     \
    ROUTE(DELETE, "/connectors/{name}/offsets", connector_offsets_delete, EDIT, PRESENT, 0, NULL, 0)                   \
    ROUTE(GET, "/connector-plugins", connector_plugins_get, VIEW, WORKER, 0, NULL, 0)                                  \
    ROUTE(GET, "/connector-plugins/{plugin}/config", plugin_config_get, VIEW, WORKER, 0, NULL, 0)                      \
    ROUTE(PUT, "/connector-plugins/{plugin}/config/validate", plugin_config_validate, EDIT, GIVEN, 0, NULL, 0)         \
    ROUTE(POST, "/connector-plugins/{plugin}/config/try", plugin_config_try, EDIT, GIVEN, 0, NULL, 0)                  \
    /* The last ones: not served where admin.listeners says so. */                                                     \
    ROUTE(GET, "/admin/loggers", loggers_get, VIEW, WORKER, 0, NULL, 0)                                                \
    ROUTE(GET, "/admin/loggers/{logger}", logger_get, VIEW, WORKER, 0, NULL, 0)                                        \
    ROUTE(PUT, "/admin/loggers/{logger}", logger_put, ADMIN, WORKER, 0, NULL, 0)                                       \
    ROUTE(GET, "/admin/cluster", cluster_get, VIEW, LISTED, 0, NULL, 0)                                                \
    ROUTE(PUT, "/admin/drain", drain_put, ADMIN, WORKER, 0, NULL, 0)                                                   \
    ROUTE(DELETE, "/admin/drain", drain_delete, ADMIN, WORKER, 0, NULL, 0)
/* clang-format on */

#define ROW(method, pattern, handler, right, touches, timeout_ms, timed_out, body_max)                                 \
    {HTTP_##method, pattern, handler, timeout_ms, timed_out, body_max},
#define ACCESS(method, pattern, handler, right, touches, timeout_ms, timed_out, body_max)                              \
    {ACCESS_##right, TOUCHES_##touches},

const struct http_route REST_ROUTES[] = {REST_ROUTE_LIST(ROW)};
static const struct route_access ROUTE_ACCESS[] = {REST_ROUTE_LIST(ACCESS)};
#define ADMIN_ROUTE_COUNT 6
const size_t REST_ROUTE_COUNT = sizeof(REST_ROUTES) / sizeof(REST_ROUTES[0]);
const size_t REST_ROUTE_COUNT_WITHOUT_ADMIN = sizeof(REST_ROUTES) / sizeof(REST_ROUTES[0]) - ADMIN_ROUTE_COUNT;
_Static_assert(sizeof(REST_ROUTES) / sizeof(REST_ROUTES[0]) == sizeof(ROUTE_ACCESS) / sizeof(ROUTE_ACCESS[0]),
               "each route has its right");

const struct route_access *route_access_of(const struct http_route *route)
{
    static const struct route_access of_others = {ACCESS_ADMIN, TOUCHES_WORKER};
    bool is_ours = (uintptr_t)route >= (uintptr_t)REST_ROUTES && (uintptr_t)route < (uintptr_t)(REST_ROUTES + REST_ROUTE_COUNT);
    return is_ours ? &ROUTE_ACCESS[route - REST_ROUTES] : &of_others;
}
