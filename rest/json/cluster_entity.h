/*
 * cluster_entity: GET /admin/cluster, as docs/cluster.md describes it, and what a drain has left.
 */
#ifndef JSON_CLUSTER_ENTITY_H
#define JSON_CLUSTER_ENTITY_H

#include <stdbool.h>

struct herder_cluster_view;
struct json_out;

/* May the asker see this connector? */
typedef bool cluster_shows_fn(const void *argument, const char *connector);

/* Without the units of connectors that are not to be shown; `shows` NULL: all are. */
void cluster_entity_write(struct json_out *out, const struct herder_cluster_view *view, cluster_shows_fn *shows,
                          const void *argument);
/* {"left":[…],"revoking":[…]}: what the worker of the view still has. */
void drain_entity_write(struct json_out *out, const struct herder_cluster_view *view);

#endif
