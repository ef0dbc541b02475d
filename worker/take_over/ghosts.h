/*
 * ghosts: places in a sink's consumer group that are kept for tasks of Millrace which have ended (docs/decisions/0004). Others, such as
 * those of Kafka Connect's own workers, would get no record of the partitions until their session is over.
 *
 * For each a stand-in joins under the same instance id, which the brokers let in at once, and leaves for good. No offset is committed, no
 * record read. A task that is alive all the same, cut off from its cluster, is fenced by that.
 * thread: one that may wait.
 */
#ifndef TAKE_OVER_GHOSTS_H
#define TAKE_OVER_GHOSTS_H

#include <stddef.h>
#include <stdint.h>

struct admin_group;
struct client_config;
struct graveyard;
struct mr_error;

#define GHOSTS_MAX 64 /* of one group, at once; the others' sessions have to end by themselves */

struct ghosts_setup {
    const char *group;
    struct client_config *config; /* CLIENT_CONSUMER of the connector */
    struct graveyard *graveyard;
    const char *const *topics; /* as the tasks had subscribed; either these … */
    size_t topic_count;
    const char *topics_regex; /* … or that */
    int64_t deadline_ms;
};

/* How many of the members have an instance id as tasks of Millrace have it. */
size_t ghosts_count(const struct admin_group *described, const char *group);
/* How many have left; with fewer than there are the error may say why. -1: none. */
int ghosts_lay(const struct ghosts_setup *setup, const struct admin_group *described, struct mr_error **error);

#endif
