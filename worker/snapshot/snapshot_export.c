#include <millrace/error.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "kafka/admin.h"
#include "snapshot/snapshot_internal.h"
#include "snapshot/snapshot_topic.h"

#include "base/bans.h"

#define LOGGER "millrace.snapshot"
#define NAME_MAX_BYTES (64u << 10)
#define CONNECTOR "connector-"

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a snapshot");
}

struct client_config *snapshot_client(const struct snapshot_setup *setup, enum client_kind kind, struct mr_error **error)
{
    const struct client_layers layers = {
        .worker = setup->worker->properties, .client_id = SNAPSHOT_CLIENT_ID, .group_id = setup->worker->group_id};
    return client_config_for(kind, &layers, NULL, error);
}

struct admin *snapshot_admin(const struct snapshot_setup *setup, struct mr_error **error)
{
    struct client_config *config = snapshot_client(setup, CLIENT_INTERNAL_ADMIN, error);
    struct admin *admin = config == NULL ? NULL : admin_open(config, setup->graveyard, error);
    client_config_drop(config);
    return admin;
}

int snapshot_read_topic(const struct snapshot_setup *setup, const char *name, bool (*wants)(const char *key), json_t *into,
                        struct mr_error **error)
{
    struct client_config *config = snapshot_client(setup, CLIENT_INTERNAL_CONSUMER, error);
    if (config == NULL)
        return -1;
    const struct snapshot_topic topic = {
        .config = config, .graveyard = setup->graveyard, .name = name, .wants = wants, .deadline_ms = setup->deadline_ms};
    int status = snapshot_topic_read(&topic, into, error);
    client_config_drop(config);
    return status;
}

/* Connectors --------------------------------------------------------------------------------------------------- */

/* Of a key of the config topic; NULL: of none. */
static bool has_connector(json_t *configs, const char *key, size_t prefix, size_t end)
{
    struct str_buffer name;
    str_buffer_init(&name, NAME_MAX_BYTES);
    bool is_there = str_buffer_append_text(&name, CONNECTOR) && str_buffer_append(&name, key + prefix, end - prefix) &&
                    json_object_get(configs, str_buffer_text(&name)) != NULL;
    str_buffer_release(&name);
    return is_there;
}

static bool is_of_a_connector(json_t *configs, const char *key)
{
    static const char *const others[] = {"target-state-", "commit-", "tasks-fencing-"};
    const char *dash = strrchr(key, '-');
    if (strncmp(key, "task-", strlen("task-")) == 0)
        return dash > key + strlen("task-") && has_connector(configs, key, strlen("task-"), (size_t)(dash - key));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strncmp(key, others[i], strlen(others[i])) == 0)
            return has_connector(configs, key, strlen(others[i]), strlen(key));
    }
    return true;
}

/* Who deletes a connector leaves its tasks' records behind. */
static void drop_leftovers(json_t *configs)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(configs, next, key, value) {
        if (!is_of_a_connector(configs, key))
            json_object_del(configs, key);
    }
}

static bool speaks_of_a_secret(const char *name, const char *value)
{
    static const char *const words[] = {"password", "secret", "token", "credential", "jaas", "private.key", "api.key", "access.key"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasestr(name, words[i]) != NULL)
            return value != NULL && *value != '\0' && strstr(value, "${") == NULL;
    }
    return false;
}

static struct string_map *config_of(const json_t *record)
{
    struct string_map *map = string_map_create();
    json_t *parsed = json_loads(json_string_value(record), 0, NULL), *value;
    const char *name;
    json_object_foreach(json_object_get(parsed, "properties"), name, value) {
        if (map != NULL && json_is_string(value) && !string_map_put(map, name, json_string_value(value))) {
            string_map_destroy(map);
            map = NULL;
        }
    }
    json_decref(parsed);
    return map;
}

/* Sinks' groups ------------------------------------------------------------------------------------------------ */

/* By references as they stand where they cannot be resolved here. NULL: no memory. */
static char *group_of(const struct snapshot_setup *setup, const char *connector, const struct string_map *config)
{
    struct string_map *resolved = variables_resolve(setup->variables, config, NULL, NULL);
    char *group = client_sink_group(setup->worker->properties, resolved == NULL ? config : resolved, connector);
    string_map_destroy(resolved);
    return group;
}

static int add_group(const struct snapshot_setup *setup, struct admin *admin, const char *group, struct snapshot *snapshot,
                     struct snapshot_notes *notes, struct mr_error **error)
{
    struct admin_offsets offsets;
    struct mr_error *own = NULL;
    int status = 0;
    if (admin_list_group_offsets(admin, group, &offsets, setup->deadline_ms, &own) != 0) {
        log_warn(LOGGER, "group %s: its offsets are not in the snapshot (Describe on the group is needed): %s", group, mr_error_message(own));
        mr_error_drop(own);
        notes->silent_groups++;
        return 0;
    }
    for (size_t i = 0; i < offsets.count && status == 0; i++) {
        const struct admin_offset *at = &offsets.items[i];
        if (at->offset >= 0 && json_array_append_new(snapshot->groups, json_pack("{s:s, s:s, s:i, s:I}", "sink-group", group, "topic", at->topic,
                                                                                "partition", (int)at->partition, "offset",
                                                                                (json_int_t)at->offset)) != 0)
            status = no_memory(error);
    }
    admin_offsets_release(&offsets);
    return status;
}

static int look_at_connector(const struct snapshot_setup *setup, struct admin *admin, const char *connector, const struct string_map *config,
                             struct snapshot *snapshot, struct snapshot_notes *notes, struct mr_error **error)
{
    notes->connectors++;
    for (size_t i = 0; i < string_map_count(config); i++)
        notes->plain_secrets += speaks_of_a_secret(string_map_key(config, i), string_map_value(config, i));
    if (!string_map_has(config, "topics") && !string_map_has(config, "topics.regex"))
        return 0;
    char *group = group_of(setup, connector, config);
    int status = group == NULL ? no_memory(error) : add_group(setup, admin, group, snapshot, notes, error);
    mem_free(group);
    return status;
}

static int look_at_connectors(const struct snapshot_setup *setup, struct admin *admin, struct snapshot *snapshot,
                              struct snapshot_notes *notes, struct mr_error **error)
{
    const char *key;
    json_t *value;
    json_object_foreach(snapshot->configs, key, value) {
        if (strncmp(key, CONNECTOR, strlen(CONNECTOR)) != 0)
            continue;
        struct string_map *config = config_of(value);
        int status = config == NULL ? no_memory(error)
                                    : look_at_connector(setup, admin, key + strlen(CONNECTOR), config, snapshot, notes, error);
        string_map_destroy(config);
        if (status != 0)
            return status;
    }
    return 0;
}

/* The whole ---------------------------------------------------------------------------------------------------- */

static int fill(const struct snapshot_setup *setup, struct admin *admin, struct snapshot *snapshot, struct snapshot_notes *notes,
                struct mr_error **error)
{
    const struct worker_config *worker = setup->worker;
    snapshot->group_id = mem_strdup(worker->group_id);
    snapshot->taken_ms = clock_wall_ms(NULL);
    snapshot->cluster_id = admin_cluster_id(admin, setup->deadline_ms, error);
    if (snapshot->cluster_id == NULL)
        return -1;
    if (snapshot->group_id == NULL)
        return no_memory(error);
    if (admin_count_members(admin, worker->group_id, &notes->workers, setup->deadline_ms, error) != 0 ||
        snapshot_read_topic(setup, worker->config_topic.name, snapshot_wants_config, snapshot->configs, error) != 0)
        return -1;
    drop_leftovers(snapshot->configs);
    if (snapshot_read_topic(setup, worker->offset_topic.name, NULL, snapshot->offsets, error) != 0)
        return -1;
    return look_at_connectors(setup, admin, snapshot, notes, error);
}

int snapshot_export(const struct snapshot_setup *setup, struct snapshot *snapshot, struct snapshot_notes *notes, struct mr_error **error)
{
    *notes = (struct snapshot_notes){0};
    if (!snapshot_init(snapshot))
        return no_memory(error);
    struct admin *admin = snapshot_admin(setup, error);
    int status = admin == NULL ? -1 : fill(setup, admin, snapshot, notes, error);
    admin_close(admin);
    return status;
}
