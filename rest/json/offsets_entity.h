/*
 * offsets_entity: offsets as GET /connectors/{n}/offsets shows them (KIP-875).
 */
#ifndef JSON_OFFSETS_ENTITY_H
#define JSON_OFFSETS_ENTITY_H

#include <stdbool.h>
#include <stddef.h>

struct json_out;
struct mr_error;
struct offset_entry;

/* {"offsets":[{"partition":{…},"offset":{…}}…]}. -1: memory was short. */
int offsets_entity_write(struct json_out *out, const struct offset_entry *entries, size_t count,
                         struct mr_error **error);

#endif
