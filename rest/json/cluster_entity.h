/*
 * cluster_entity: GET /admin/cluster, as docs/cluster.md describes it, and what a drain has left.
 */
#ifndef JSON_CLUSTER_ENTITY_H
#define JSON_CLUSTER_ENTITY_H

struct herder_cluster_view;
struct json_out;

void cluster_entity_write(struct json_out *out, const struct herder_cluster_view *view);
/* {"left":[…],"revoking":[…]}: what the worker of the view still has. */
void drain_entity_write(struct json_out *out, const struct herder_cluster_view *view);

#endif
