/*
 * connector_entity: connectors as GET /connectors/{n} and its tasks show them (rest, section 9).
 *
 * Configurations are written as they were stored, no reference is resolved; `hides_secrets`: as somebody sees them who may not see
 * literal passwords (config/connector_shown.h).
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

/* A configuration alone: `shown` is `config`, or that of one of its tasks. */
void connector_config_write(struct json_out *out, const struct loader *loader, const struct string_map *config,
                            const struct string_map *shown, bool hides_secrets);

/* {"name","config","tasks":[{"connector","task"}…],"type"}; `with_tasks` false leaves the list empty. The connector must be
 * in the snapshot. */
void connector_entity_write(struct json_out *out, const struct loader *loader, const struct config_snapshot *snapshot,
                            const char *name, bool with_tasks, bool hides_secrets);
/* [{"id":{"connector","task"},"config":{…}}…] */
void connector_tasks_write(struct json_out *out, const struct loader *loader, const struct config_snapshot *snapshot,
                           const char *name, bool hides_secrets);

#endif
