#include "store/config_events_internal.h"

#include <string.h>

#include "base/mem.h"
#include "store/config_listener.h"
#include "base/bans.h"

/* The texts lie behind the event, in its block. */
static struct config_event *copy(const struct config_event *event)
{
    size_t name_size = event->name != NULL ? strlen(event->name) + 1 : 0;
    size_t level_size = event->level != NULL ? strlen(event->level) + 1 : 0;
    struct config_event *made = mem_alloc(sizeof(*made) + name_size + level_size);
    if (made == NULL)
        return NULL;
    char *texts = (char *)(made + 1);
    *made = *event;
    if (event->name != NULL)
        made->name = memcpy(texts, event->name, name_size);
    if (event->level != NULL)
        made->level = memcpy(texts + name_size, event->level, level_size);
    return made;
}

void config_events_init(struct ptr_array *events)
{
    ptr_array_init(events, mem_free);
}

bool config_events_add(struct ptr_array *events, const struct config_event *event)
{
    struct config_event *made = copy(event);
    if (made != NULL && ptr_array_push(events, made))
        return true;
    mem_free(made);
    return false;
}

void config_event_tell(const struct config_event *event, const struct config_listener *listener, void *argument)
{
    switch (event->kind) {
    case CONFIG_EVENT_CHANGED:
        if (listener->connector_changed != NULL)
            listener->connector_changed(argument, event->name);
        break;
    case CONFIG_EVENT_REMOVED:
        if (listener->connector_removed != NULL)
            listener->connector_removed(argument, event->name);
        break;
    case CONFIG_EVENT_TASKS:
        if (listener->tasks_changed != NULL)
            listener->tasks_changed(argument, event->name);
        break;
    case CONFIG_EVENT_TARGET:
        if (listener->target_state_changed != NULL)
            listener->target_state_changed(argument, event->name);
        break;
    case CONFIG_EVENT_RESTART:
        if (listener->restart_requested != NULL)
            listener->restart_requested(argument, event->name, event->include_tasks, event->only_failed);
        break;
    case CONFIG_EVENT_SESSION_KEY:
        if (listener->session_key_changed != NULL)
            listener->session_key_changed(argument);
        break;
    case CONFIG_EVENT_LOGGER:
        if (listener->logger_level_changed != NULL)
            listener->logger_level_changed(argument, event->name, event->level);
        break;
    case CONFIG_EVENT_NOTE:
        if (listener->note_changed != NULL)
            listener->note_changed(argument, event->name);
        break;
    }
}
