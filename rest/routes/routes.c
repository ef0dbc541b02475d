/* Which handler serves which path and method; route_docs.c has the words for each. */
#include "routes/routes_internal.h"

#include "base/bans.h"

#define HEALTH_TIMEOUT_MS 10000

const struct http_route REST_ROUTES[] = {
    {HTTP_GET, "/", root_get, 0, NULL, 0},
    {HTTP_GET, "/health", health_get, HEALTH_TIMEOUT_MS, health_timed_out, 0},
    {HTTP_GET, REST_METRICS, metrics_get, 0, NULL, 0},
    {HTTP_GET, REST_OPENAPI, openapi_get, 0, NULL, 0},
    {HTTP_GET, "/connectors", connectors_get, 0, NULL, 0},
    {HTTP_POST, "/connectors", connectors_post, 0, NULL, 0},
    {HTTP_GET, "/connectors/{name}", connector_get, 0, NULL, 0},
    {HTTP_DELETE, "/connectors/{name}", connector_delete, 0, NULL, 0},
    {HTTP_GET, "/connectors/{name}/config", connector_config_get, 0, NULL, 0},
    {HTTP_PUT, "/connectors/{name}/config", connector_config_put, 0, NULL, 0},
    {HTTP_PATCH, "/connectors/{name}/config", connector_config_patch, 0, NULL, 0},
    {HTTP_GET, "/connectors/{name}/status", connector_status_get, 0, NULL, 0},
    {HTTP_PUT, "/connectors/{name}/pause", connector_pause, 0, NULL, 0},
    {HTTP_PUT, "/connectors/{name}/resume", connector_resume, 0, NULL, 0},
    {HTTP_PUT, "/connectors/{name}/stop", connector_stop, 0, NULL, 0},
    {HTTP_POST, "/connectors/{name}/restart", connector_restart, 0, NULL, 0},
    {HTTP_GET, "/connectors/{name}/tasks", connector_tasks_get, 0, NULL, 0},
    {HTTP_POST, "/connectors/{name}/tasks", internal_tasks_post, 0, NULL, FORWARDING_BODY_MAX},
    {HTTP_PUT, "/connectors/{name}/fence", internal_fence_put, 0, NULL, 0},
    {HTTP_GET, "/connectors/{name}/tasks/{task:int}/status", connector_task_status_get, 0, NULL, 0},
    {HTTP_POST, "/connectors/{name}/tasks/{task:int}/restart", connector_task_restart, 0, NULL, 0},
    {HTTP_GET, "/connectors/{name}/topics", connector_topics_get, 0, NULL, 0},
    {HTTP_PUT, "/connectors/{name}/topics/reset", connector_topics_reset, 0, NULL, 0},
    {HTTP_GET, "/connectors/{name}/offsets", connector_offsets_get, 0, NULL, 0},
    {HTTP_PATCH, "/connectors/{name}/offsets", connector_offsets_patch, 0, NULL, 0},
    {HTTP_DELETE, "/connectors/{name}/offsets", connector_offsets_delete, 0, NULL, 0},
    {HTTP_GET, "/connector-plugins", connector_plugins_get, 0, NULL, 0},
    {HTTP_GET, "/connector-plugins/{plugin}/config", plugin_config_get, 0, NULL, 0},
    {HTTP_PUT, "/connector-plugins/{plugin}/config/validate", plugin_config_validate, 0, NULL, 0},
    /* The last ones: not served where admin.listeners says so. */
    {HTTP_GET, "/admin/loggers", loggers_get, 0, NULL, 0},
    {HTTP_GET, "/admin/loggers/{logger}", logger_get, 0, NULL, 0},
    {HTTP_PUT, "/admin/loggers/{logger}", logger_put, 0, NULL, 0},
    {HTTP_GET, "/admin/cluster", cluster_get, 0, NULL, 0},
    {HTTP_PUT, "/admin/drain", drain_put, 0, NULL, 0},
    {HTTP_DELETE, "/admin/drain", drain_delete, 0, NULL, 0},
};
#define ADMIN_ROUTE_COUNT 6
const size_t REST_ROUTE_COUNT = sizeof(REST_ROUTES) / sizeof(REST_ROUTES[0]);
const size_t REST_ROUTE_COUNT_WITHOUT_ADMIN = sizeof(REST_ROUTES) / sizeof(REST_ROUTES[0]) - ADMIN_ROUTE_COUNT;
