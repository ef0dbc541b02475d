/*
 * topic_groups: which settings a source connector's new topics get (KIP-158): topic.creation.groups, and the options of each
 * group under topic.creation.NAME. The group `default` is always there and takes what no other one does.
 *
 * A group matches a topic when one of its `include` expressions matches the whole name and none of `exclude` does. The first
 * that matches counts, in the order of topic.creation.groups. What is not said in a group comes from `default`; all further
 * options of a group are settings of the topic and go to the broker as they are.
 *
 * Life: _create → any number of _find → _destroy. thread: one at a time.
 */
#ifndef CONFIG_TOPIC_GROUPS_H
#define CONFIG_TOPIC_GROUPS_H

#include <millrace/error.h>
#include <stdbool.h>
#include <stdint.h>

struct string_map;
struct topic_groups;

struct topic_group {
    const char *name;
    int32_t partitions, replication_factor; /* -1: the broker's default */
    const struct string_map *configs;       /* of the topic */
};

/* Does the connector wish for topics at all: is there an option that begins with topic.creation.? */
bool topic_groups_are_wished(const struct string_map *connector);

/* References in values are resolved already. NULL: MR_ERR_CONFIG in Kafka Connect's words, or no memory. */
struct topic_groups *topic_groups_create(const struct string_map *connector, struct mr_error **error);
void topic_groups_destroy(struct topic_groups *groups); /* NULL is fine */

/* Never NULL; lives as long as the groups. */
const struct topic_group *topic_groups_find(const struct topic_groups *groups, const char *topic);

#endif
