/*
 * route_list: the routes of a worker, one row each: ROUTE(method, pattern, handler, right, touches, timeout, timed_out, body_max).
 *
 * One list for all that must know every route: the table that is served and what is asked of the caller (routes.c), and who may do what
 * (tests/unit/routes/test_route_access.c). Each handler serves one row, and rows are named after it: whoever makes something of every row
 * (NAME_##handler) does not compile until a new one has it.
 */
#ifndef ROUTES_ROUTE_LIST_H
#define ROUTES_ROUTE_LIST_H

/* clang-format off */
#define REST_ROUTE_LIST(ROUTE)                                                                                         \
    ROUTE(GET, "/", root_get, VIEW, WORKER, 0, NULL, 0)                                                                \
    ROUTE(GET, "/health", health_get, VIEW, NOTHING, HEALTH_TIMEOUT_MS, health_timed_out, 0)                           \
    ROUTE(GET, "/livez", livez_get, VIEW, NOTHING, 0, NULL, 0)                                                         \
    ROUTE(GET, "/readyz", readyz_get, VIEW, NOTHING, 0, NULL, 0)                                                       \
    ROUTE(GET, "/whoami", whoami_get, VIEW, CALLER, 0, NULL, 0)                                                        \
    ROUTE(GET, REST_METRICS, metrics_get, VIEW, ALL_CONNECTORS, 0, NULL, 0)                                            \
    ROUTE(GET, REST_OPENAPI, openapi_get, VIEW, CALLER, 0, NULL, 0)                                                    \
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
    ROUTE(POST, "/connectors/{name}/offsets/undo", connector_offsets_undo, EDIT, PRESENT, 0, NULL, 0)                  \
    ROUTE(GET, "/connectors/{name}/dlq", dlq_get, VIEW, CONNECTOR, 0, NULL, 0)                                         \
    ROUTE(GET, "/connectors/{name}/dlq/{partition:int}/{offset}", dlq_letter_get, VIEW, CONNECTOR, 0, NULL, 0)         \
    ROUTE(POST, "/connectors/{name}/dlq/replay", dlq_replay, OPERATE, CONNECTOR, 0, NULL, 0)                           \
    ROUTE(POST, "/connectors/{name}/dlq/discard", dlq_discard, EDIT, CONNECTOR, 0, NULL, 0)                            \
    ROUTE(GET, "/connectors/{name}/dlq/replays/{id}", dlq_replay_get, VIEW, CONNECTOR, 0, NULL, 0)                     \
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

#endif
