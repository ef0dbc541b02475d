/* snapshot_internal: for the files of this room alone. */
#ifndef SNAPSHOT_SNAPSHOT_INTERNAL_H
#define SNAPSHOT_SNAPSHOT_INTERNAL_H

#include "kafka/client_config.h"
#include "snapshot/snapshot.h"

#define SNAPSHOT_CLIENT_ID "millrace-snapshot"

struct admin;

/* NULL: refused, or no memory. */
struct client_config *snapshot_client(const struct snapshot_setup *setup, enum client_kind kind, struct mr_error **error);
struct admin *snapshot_admin(const struct snapshot_setup *setup, struct mr_error **error);
/* The newest record of each key. */
int snapshot_read_topic(const struct snapshot_setup *setup, const char *name, bool (*wants)(const char *key), json_t *into,
                        struct mr_error **error);

#endif
