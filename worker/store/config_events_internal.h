/*
 * config_events: what a listener is to be told, in the order of the records.
 */
#ifndef STORE_CONFIG_EVENTS_INTERNAL_H
#define STORE_CONFIG_EVENTS_INTERNAL_H

#include <stdbool.h>

#include "base/ptr_array.h"

struct config_listener;

enum config_event_kind {
    CONFIG_EVENT_CHANGED,
    CONFIG_EVENT_REMOVED,
    CONFIG_EVENT_TASKS,
    CONFIG_EVENT_TARGET,
    CONFIG_EVENT_RESTART,
    CONFIG_EVENT_SESSION_KEY,
    CONFIG_EVENT_LOGGER,
    CONFIG_EVENT_NOTE,
};

struct config_event {
    enum config_event_kind kind;
    const char *name;    /* connector, logger, key of a note; NULL for a session key */
    const char *level;   /* of a logger, else NULL */
    bool include_tasks, only_failed;
};

void config_events_init(struct ptr_array *events);
bool config_events_add(struct ptr_array *events, const struct config_event *event);   /* copies; false: no memory */
void config_event_tell(const struct config_event *event, const struct config_listener *listener, void *argument);

#endif
