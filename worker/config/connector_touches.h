/*
 * connector_touches: what a connector with this configuration reaches beyond itself: its class, topics, consumer group, what config
 * providers answer, client settings. For whoever decides whether somebody may create it; nothing is resolved, no plugin code runs.
 *
 * Every option of the framework was looked through for this list, and a new one that reaches somewhere belongs in it:
 *  - connector.class: the whole name of what the loader finds, as the start of the connector does; else the text as written;
 *  - topics, topics.regex of a sink; topic, topics, kafka.topic of a source; offsets.storage.topic of a source;
 *    errors.deadletterqueue.topic.name;
 *  - consumer.override.group.id; producer.override.*, consumer.override.*, admin.override.*;
 *  - file of the file connectors;
 *  - ${provider:path:key} in the value of any option, found as variables.h finds them.
 * Not in it: topic.creation.* (settings of topics that the source writes anyway), converters and predicates (they see records, and
 * reach what their own options say), tasks.max, errors.*, exactly-once settings.
 *
 * A source says which topics it writes only by convention. `any_topic` is set when that cannot be relied on: no option of the three is
 * there; another option of its own has "topic" in its name (topic.prefix); a transformation is not one of ours that leave topics
 * alone; or a reference stands where a topic should.
 *
 * Life: _create → reads → _destroy. Pure; thread: any.
 */
#ifndef CONFIG_CONNECTOR_TOUCHES_H
#define CONFIG_CONNECTOR_TOUCHES_H

#include "base/ptr_array.h"

struct loader;
struct string_map;

struct connector_touches {
    char *class_name;            /* NULL: none is given */
    struct ptr_array topics;     /* char *, as the others */
    struct ptr_array group_ids;
    struct ptr_array references; /* provider:path:key, without ${} */
    struct ptr_array overrides;  /* whole names; consumer.override.group.id is not among them */
    struct ptr_array files;      /* what a file connector reads or writes; none: standard input or output */
    char *any_topic; /* "all topics (why)": which it reaches is not known; NULL: `topics` are all */
    char *unknowable; /* words: what class or group it means is only known when references are resolved; NULL */
};

/* `config` as written. NULL: no memory. */
struct connector_touches *connector_touches_create(const struct loader *loader, const struct string_map *config);
void connector_touches_destroy(struct connector_touches *touches); /* NULL is fine */

#endif
