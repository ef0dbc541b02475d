/*
 * plugin_entity: plugins as GET /connector-plugins lists them (Kafka's PluginInfo).
 */
#ifndef JSON_PLUGIN_ENTITY_H
#define JSON_PLUGIN_ENTITY_H

#include <stdbool.h>

struct json_out;
struct loader;

/* [{"class","type","version"}…] in the loader's order; a plugin without a version has none. */
void plugin_list_write(struct json_out *out, const struct loader *loader, bool connectors_only);

#endif
