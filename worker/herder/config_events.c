/* What the config topic says: from the log reader's thread (or the writer's) into the queue. */
#include <millrace/error.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "herder/cluster_internal.h"
#include "herder/restart_internal.h"
#include "herder/units_internal.h"
#include "store/config_listener.h"

#include "base/bans.h"

enum config_event_kind { EVENT_CHANGED, EVENT_REMOVED, EVENT_LOOK, EVENT_RESTART, EVENT_NOTE, EVENT_CLAIM_LOST };

struct config_event {
    struct herder_post post;
    enum config_event_kind kind;
    bool include_tasks, only_failed;
    char connector[];
};

/* Every write of a configuration restarts the connector, also of the one it had. One that is not there yet starts anyway. */
static void configuration_changed(struct herder *herder, const struct config_event *event)
{
    struct herder_connector *connector = units_find_or_create(herder, event->connector);

    if (connector == NULL) {
        herder_event_lost(herder);
        return;
    }
    connector->version++;
    connector->restart = connector->phase != CONNECTOR_GONE;
    connector->was_removed = connector->was_removed || event->kind == EVENT_REMOVED;
    if (event->kind == EVENT_REMOVED)
        crash_notes_forgive(herder, event->connector, -1, true);
    units_mark(herder, connector);
}

static void look(struct herder *herder, const char *name)
{
    struct herder_connector *connector = units_find(herder, name);

    if (connector != NULL)
        units_mark(herder, connector);
}

static void handle_event(struct herder *herder, struct herder_post *post)
{
    struct config_event *event = (struct config_event *)post;

    if (herder->stage == HERDER_ENDED || herder->stage == HERDER_STOPPING) {
        mem_free(event);
        return;
    }
    if (event->kind == EVENT_CLAIM_LOST) {
        mem_free(event);
        herder_claim_lost(herder);
        return;
    }
    if (event->kind != EVENT_RESTART)
        balance_want(herder, event->kind == EVENT_NOTE ? NULL : "work has changed");
    if (event->kind == EVENT_NOTE)
        cluster_note_came(herder);
    else if (event->kind == EVENT_RESTART)
        restart_plan_came(herder, event->connector, event->include_tasks, event->only_failed);
    else if (event->kind == EVENT_LOOK)
        look(herder, event->connector);
    else
        configuration_changed(herder, event);
    mem_free(event);
}

/* --- the listener --------------------------------------------------------------------------------------------------- */

static void post_event(struct herder *herder, const struct config_event *what, const char *connector)
{
    size_t size = strlen(connector) + 1;
    struct config_event *event = mem_alloc(sizeof(*event) + size);

    if (event == NULL) {
        herder_event_lost(herder);
        return;
    }
    *event = *what;
    event->post.handle = handle_event;
    memcpy(event->connector, connector, size);
    herder_post(herder, &event->post);
}

static void on_changed(void *argument, const char *connector)
{
    post_event(argument, &(struct config_event){.kind = EVENT_CHANGED}, connector);
}

static void on_removed(void *argument, const char *connector)
{
    post_event(argument, &(struct config_event){.kind = EVENT_REMOVED}, connector);
}

static void on_look(void *argument, const char *connector)
{
    post_event(argument, &(struct config_event){.kind = EVENT_LOOK}, connector);
}

static void on_restart(void *argument, const char *connector, bool include_tasks, bool only_failed)
{
    post_event(argument,
               &(struct config_event){
                   .kind = EVENT_RESTART, .include_tasks = include_tasks, .only_failed = only_failed},
               connector);
}

static void on_note(void *argument, const char *key)
{
    post_event(argument, &(struct config_event){.kind = EVENT_NOTE}, key);
}

static void on_claim_lost(void *argument)
{
    post_event(argument, &(struct config_event){.kind = EVENT_CLAIM_LOST}, "");
}

/* No state of the herder: set where it is read. */
static void on_logger_level(void *argument, const char *logger, const char *text)
{
    enum log_level level;

    (void)argument;
    if (!log_level_parse(text, &level) || !log_level_set(logger, level, clock_wall_ms(NULL), NULL))
        log_warn(HERDER_LOG, "the config topic sets a log level that is not understood, for logger %s", logger);
    else
        log_info(HERDER_LOG, "the level of logger %.200s is %s now, as the config topic says for all workers", logger, log_level_name(level));
}

static void on_log_lost(void *argument, const char *words)
{
    (void)argument;
    log_error(HERDER_LOG,
              "the config topic is lost: %s. What runs here goes on, changes are refused, and no work moves. What is configured can "
              "still be read (GET /connectors?expand=info): keep it, then restart all workers; they begin with what the topic holds then",
              words);
}

const struct config_listener herder_config_listener = {
    .connector_changed = on_changed,
    .connector_removed = on_removed,
    .tasks_changed = on_look,
    .target_state_changed = on_look,
    .restart_requested = on_restart,
    .logger_level_changed = on_logger_level,
    .note_changed = on_note,
    .claim_lost = on_claim_lost,
    .log_lost = on_log_lost,
};
