/*
 * connector_entity: connectors as GET /connectors/{n} and its tasks show them (rest, section 9).
 *
 * Configurations are written as they were stored: nothing is masked, no reference is resolved.
 */
#ifndef JSON_CONNECTOR_ENTITY_H
#define JSON_CONNECTOR_ENTITY_H

#include <stdbool.h>

struct config_snapshot;
struct json_out;
struct loader;
struct string_map;

/* "source", "sink"; "unknown" when the configuration is NULL or names a class that is not there. */
const char *connector_type(const struct loader *loader, const struct string_map *config);

/* {"name","config","tasks":[{"connector","task"}…],"type"}; `with_tasks` false leaves the list empty. The connector must be
 * in the snapshot. */
void connector_entity_write(struct json_out *out, const struct loader *loader, const struct config_snapshot *snapshot,
                            const char *name, bool with_tasks);
/* [{"id":{"connector","task"},"config":{…}}…] */
void connector_tasks_write(struct json_out *out, const struct config_snapshot *snapshot, const char *name);

#endif
