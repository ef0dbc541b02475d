/*
 * rest_metrics: how the REST API answers, by route: how often, with which class of status, and how fast.
 *
 * The routes are told once; what belongs to none of them is not counted. Bounds: a cell for each route.
 * thread: _note any, without a lock. Lives as long as the registry. NULL counts nothing.
 */
#ifndef METRICS_REST_METRICS_H
#define METRICS_REST_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct metrics_registry;
struct rest_metrics;

struct rest_route_name {
    const char *method, *route; /* outlive the registry */
};

/* Once a registry. NULL: no memory, or no registry. */
struct rest_metrics *metrics_registry_add_rest(struct metrics_registry *registry, const struct rest_route_name *routes,
                                               size_t count);
void rest_metrics_note(struct rest_metrics *metrics, size_t route, int status, int64_t took_us);

#endif
