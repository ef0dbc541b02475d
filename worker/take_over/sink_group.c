/* The consumer group of a sink, and who is still in it. */
#include <millrace/error.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "take_over/ghosts.h"
#include "take_over/take_over_internal.h"

#include "base/bans.h"

#define GHOSTS_TIMEOUT_MS 10000
#define CLIENT_ID "millrace-give-back"
#define SESSION_WORDS "others get their records once their session is over, 45 seconds unless consumer.session.timeout.ms says otherwise"

/* One sink's group. Embedded: _open → … → _close, also after a failed _open. */
struct sink_group {
    const struct take_over_setup *setup;
    struct string_map *resolved;
    char *name;
    struct admin_group described;
    bool is_described;
};

static int open_group(struct sink_group *group, const struct take_over_setup *setup, const struct cluster_reading *reading,
                      const char *connector, const struct string_map *config, struct mr_error **error)
{
    *group = (struct sink_group){.setup = setup, .resolved = variables_resolve(setup->variables, config, NULL, error)};
    if (group->resolved == NULL)
        return -1;
    group->name = client_sink_group(setup->worker->properties, group->resolved, connector);
    if (group->name == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the name of a group");
    group->is_described = admin_describe_group(reading->admin, group->name, &group->described, setup->deadline_ms, error) == 0;
    return group->is_described ? 0 : -1;
}

static void close_group(struct sink_group *group)
{
    if (group->is_described)
        admin_group_release(&group->described);
    string_map_destroy(group->resolved);
    mem_free(group->name);
}

static int lay_ghosts(const struct sink_group *group, struct mr_error **error)
{
    struct connector_config *config = connector_config_create(CONNECTOR_SINK, group->resolved, group->setup->worker, error);
    const struct client_layers layers = {.worker = group->setup->worker->properties,
                                         .connector = group->resolved,
                                         .client_id = CLIENT_ID,
                                         .group_id = group->name};
    struct client_config *client = config == NULL ? NULL : client_config_for(CLIENT_CONSUMER, &layers, NULL, error);
    int left = -1;
    if (client != NULL)
        left = ghosts_lay(&(struct ghosts_setup){.group = group->name,
                                                 .config = client,
                                                 .graveyard = group->setup->graveyard,
                                                 .topics = config->topics,
                                                 .topic_count = config->topic_count,
                                                 .topics_regex = config->topics_regex,
                                                 .deadline_ms = deadline_after_ms(GHOSTS_TIMEOUT_MS)},
                          &group->described, error);
    client_config_drop(client);
    connector_config_destroy(config);
    return left;
}

static bool look(const struct sink_group *group, bool may_write, json_t *notes)
{
    size_t ghosts = ghosts_count(&group->described, group->name), others = group->described.member_count - ghosts;
    struct mr_error *error = NULL;
    bool fine = true;
    if (others > 0)
        fine = words_add(notes, "its consumer group %s has %zu member%s not Millrace's", group->name, others,
                         others == 1 ? " that is" : "s that are");
    if (ghosts == 0 || !fine)
        return fine;
    int left = may_write ? lay_ghosts(group, &error) : 0;
    if (!may_write)
        fine = words_add(notes, "its consumer group %s keeps the place%s of %zu task%s ended; %s will be given up", group->name,
                         ghosts == 1 ? "" : "s", ghosts, ghosts == 1 ? " that has" : "s that have", ghosts == 1 ? "it" : "they");
    else if (left == (int)ghosts)
        fine = words_add(notes, "the place%s of %d task%s ended %s given up in its consumer group %s", left == 1 ? "" : "s", left,
                         left == 1 ? " that has" : "s that have", left == 1 ? "was" : "were", group->name);
    else
        fine = words_add(notes, "its consumer group %s keeps places of tasks that have ended: " SESSION_WORDS "%s%s", group->name,
                         error == NULL ? "" : "; ", error == NULL ? "" : mr_error_message(error));
    mr_error_drop(error);
    return fine;
}

bool sink_group_clear(const struct take_over_setup *setup, const struct cluster_reading *reading, const char *connector,
                      const struct string_map *config, bool may_write, json_t *notes)
{
    struct sink_group group;
    struct mr_error *error = NULL;
    bool fine;
    if (open_group(&group, setup, reading, connector, config, &error) == 0) {
        fine = look(&group, may_write, notes);
    } else {
        variables_hide_error(config, group.resolved, &error);
        fine = words_add(notes, "who is in its consumer group is not known: %s", error == NULL ? "" : mr_error_message(error));
    }
    mr_error_drop(error);
    close_group(&group);
    return fine;
}
