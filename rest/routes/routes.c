/*
 * Which handler serves which path and method, and what it asks of the caller (route_access.h); route_docs.c has the words for each.
 * One list (route_list.h) for both tables, so that a route without a right does not compile.
 */
#include <stdint.h>

#include "routes/route_access.h"
#include "routes/route_list.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

#define HEALTH_TIMEOUT_MS 10000

#define ROW(method, pattern, handler, right, touches, timeout_ms, timed_out, body_max)                                 \
    {HTTP_##method, pattern, handler, timeout_ms, timed_out, body_max},
#define ACCESS(method, pattern, handler, right, touches, timeout_ms, timed_out, body_max)                              \
    {ACCESS_##right, TOUCHES_##touches},

#define ONCE(method, pattern, handler, ...) ROUTE_OF_##handler,
enum { REST_ROUTE_LIST(ONCE) }; /* each handler serves one row */

const struct http_route REST_ROUTES[] = {REST_ROUTE_LIST(ROW)};
static const struct route_access ROUTE_ACCESS[] = {REST_ROUTE_LIST(ACCESS)};
#define ADMIN_ROUTE_COUNT 6
const size_t REST_ROUTE_COUNT = sizeof(REST_ROUTES) / sizeof(REST_ROUTES[0]);
const size_t REST_ROUTE_COUNT_WITHOUT_ADMIN = sizeof(REST_ROUTES) / sizeof(REST_ROUTES[0]) - ADMIN_ROUTE_COUNT;
_Static_assert(sizeof(REST_ROUTES) / sizeof(REST_ROUTES[0]) == sizeof(ROUTE_ACCESS) / sizeof(ROUTE_ACCESS[0]),
               "each route has its right");

const struct http_route *const REST_HEALTH_ROUTES = &REST_ROUTES[ROUTE_OF_health_get];
_Static_assert(ROUTE_OF_readyz_get == ROUTE_OF_health_get + REST_HEALTH_ROUTE_COUNT - 1, "the rows for probes stand together");

/* On admin.listeners, beside the last rows. */
const struct http_route REST_ADMIN_OPENAPI = {HTTP_GET, REST_OPENAPI, openapi_admin_get, 0, NULL, 0};

const struct http_route REST_METRICS_ALONE = {HTTP_GET, REST_METRICS, metrics_get, 0, NULL, 0};

const struct route_access *route_access_of(const struct http_route *route)
{
    static const struct route_access of_others = {ACCESS_ADMIN, TOUCHES_WORKER}, of_document = {ACCESS_VIEW, TOUCHES_CALLER};
    if (route == &REST_ADMIN_OPENAPI)
        return &of_document;
    bool is_ours = (uintptr_t)route >= (uintptr_t)REST_ROUTES && (uintptr_t)route < (uintptr_t)(REST_ROUTES + REST_ROUTE_COUNT);
    return is_ours ? &ROUTE_ACCESS[route - REST_ROUTES] : &of_others;
}
