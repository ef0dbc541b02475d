#include "metrics/registry_internal.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/str_buffer.h"
#include "base/thread.h"

#include "metrics/client_metrics_internal.h"

#include "base/bans.h"

#define KEY_MAX (1u << 20)

static int64_t now_ms(const struct metrics_registry *registry)
{
    return clock_monotonic_ms(registry->clock);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void drop_unit(void *unit)
{
    unit_metrics_drop(unit);
}

/* A copy as the JVM worker writes it. NULL for NULL, or no memory. */
static char *upper(const char *text)
{
    char *copy = mem_strdup(text);

    for (char *at = copy; at != NULL && *at != '\0'; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    return copy;
}

struct metrics_registry *metrics_registry_create(const struct metrics_registry_setup *setup)
{
    struct metrics_registry *registry = mem_calloc(1, sizeof(*registry));

    if (registry == NULL)
        return NULL;
    mutex_init(&registry->lock);
    registry->clock = setup->clock;
    registry->jvm_names = setup->jvm_names;
    registry->client_interval_ms = setup->client_interval_ms;
    registry->version = mem_strdup(setup->version);
    registry->librdkafka_version = mem_strdup(setup->librdkafka_version);
    registry->connect_protocol = upper(setup->connect_protocol);
    registry->connectors = pointer_map_create(drop_unit);
    registry->tasks = pointer_map_create(drop_unit);
    if (registry->version != NULL && registry->librdkafka_version != NULL &&
        (registry->connect_protocol != NULL || setup->connect_protocol == NULL) && registry->connectors != NULL &&
        registry->tasks != NULL)
        return registry;
    metrics_registry_destroy(registry);
    return NULL;
}

void metrics_registry_destroy(struct metrics_registry *registry)
{
    if (registry == NULL)
        return;
    pointer_map_destroy(registry->connectors);
    pointer_map_destroy(registry->tasks);
    client_list_release(registry->clients);
    rest_metrics_destroy(atomic_load(&registry->rest));
    mutex_destroy(&registry->lock);
    mem_free(registry->group.leader_url);
    mem_free(registry->version);
    mem_free(registry->librdkafka_version);
    mem_free(registry->connect_protocol);
    mem_free(registry);
}

void metrics_registry_show_audit(struct metrics_registry *registry, const struct audit_counters *counters)
{
    if (registry != NULL)
        atomic_store(&registry->audit, counters);
}

void metrics_registry_set_forgetful(struct metrics_registry *registry, const char *topic, bool forgets)
{
    if (registry == NULL)
        return;
    mutex_lock(&registry->lock);
    for (size_t i = 0; i < INTERNAL_TOPICS_MAX; i++) {
        const char *known = registry->internal_topics[i].topic;
        if (known != NULL && strcmp(known, topic) != 0)
            continue;
        registry->internal_topics[i].topic = topic;
        registry->internal_topics[i].forgets = forgets;
        break;
    }
    mutex_unlock(&registry->lock);
}

void metrics_registry_set_access(struct metrics_registry *registry, const struct access_reading *reading)
{
    if (registry == NULL)
        return;
    mutex_lock(&registry->lock);
    registry->access = *reading;
    mutex_unlock(&registry->lock);
}

void metrics_registry_set_credentials(struct metrics_registry *registry, const struct credentials_reading *reading)
{
    if (registry == NULL)
        return;
    mutex_lock(&registry->lock);
    registry->credentials = *reading;
    mutex_unlock(&registry->lock);
}

/* --- units -------------------------------------------------------------------------------------------------------- */

/* Where a unit stands: its map and key. */
struct place {
    struct pointer_map *map;
    struct start_counts *starts;
    struct str_buffer key;
};

/* false: no memory; released all the same by place_release. */
static bool place_find(struct place *place, struct metrics_registry *registry, const char *connector, int64_t task)
{
    bool is_connector = task == TASK_OF_CONNECTOR;

    *place = (struct place){.map = is_connector ? registry->connectors : registry->tasks,
                            .starts = is_connector ? &registry->connector_starts : &registry->task_starts};
    str_buffer_init(&place->key, KEY_MAX);
    if (!is_connector)
        str_buffer_printf(&place->key, "%" PRId64 "/", task);
    str_buffer_append_text(&place->key, connector);
    return !str_buffer_failed(&place->key);
}

static void place_release(struct place *place)
{
    str_buffer_release(&place->key);
}

/* Puts it in, in the place of another. The map takes the reference, or nobody: then it is dropped. locks: held. */
static bool put(struct place *place, struct unit_metrics *unit)
{
    if (pointer_map_put(place->map, str_buffer_text(&place->key), unit))
        return true;
    unit_metrics_drop(unit);
    return false;
}

static struct unit_metrics *make(const struct metrics_registry *registry, const char *connector, int64_t task)
{
    struct unit_metrics *unit = registry != NULL ? unit_metrics_create(connector, task, now_ms(registry)) : NULL;

    if (unit != NULL)
        unit->client_interval_ms = registry->client_interval_ms;
    return unit;
}

/* false: no memory; the caller keeps its reference in any case. */
static bool show(struct metrics_registry *registry, const char *connector, int64_t task, struct unit_metrics *unit)
{
    struct unit_metrics *former;
    struct place place;
    bool shown = false;

    if (place_find(&place, registry, connector, task)) {
        mutex_lock(&registry->lock);
        former = pointer_map_get(place.map, str_buffer_text(&place.key));
        if (former != NULL && unit_metrics_condition(former) == CONDITION_RESTARTING)
            unit_metrics_set_condition(unit, CONDITION_RESTARTING, now_ms(registry));
        shown = put(&place, unit_metrics_take(unit));
        mutex_unlock(&registry->lock);
    }
    place_release(&place);
    return shown;
}

static struct unit_metrics *add(struct metrics_registry *registry, const char *connector, int64_t task)
{
    struct unit_metrics *unit = make(registry, connector, task);

    if (unit == NULL || show(registry, connector, task, unit))
        return unit;
    unit_metrics_drop(unit);
    return NULL;
}

struct unit_metrics *metrics_registry_add_connector(struct metrics_registry *registry, const char *connector)
{
    return add(registry, connector, TASK_OF_CONNECTOR);
}

struct unit_metrics *metrics_registry_add_task(struct metrics_registry *registry, const char *connector, uint32_t task)
{
    return add(registry, connector, task);
}

struct unit_metrics *metrics_registry_make_task(struct metrics_registry *registry, const char *connector, uint32_t task)
{
    return make(registry, connector, task);
}

void metrics_registry_show_task(struct metrics_registry *registry, const char *connector, uint32_t task,
                                struct unit_metrics *unit)
{
    if (registry != NULL && unit != NULL)
        show(registry, connector, task, unit);
}

struct unit_metrics *metrics_registry_find_task(struct metrics_registry *registry, const char *connector, uint32_t task)
{
    struct unit_metrics *found = NULL;
    struct place place;

    if (registry == NULL)
        return NULL;
    if (place_find(&place, registry, connector, task)) {
        mutex_lock(&registry->lock);
        found = unit_metrics_take(pointer_map_get(place.map, str_buffer_text(&place.key)));
        mutex_unlock(&registry->lock);
    }
    place_release(&place);
    return found;
}

static void count_start(struct start_counts *counts, enum unit_start start, int64_t at_ms)
{
    if (start == UNIT_START_NONE)
        return;
    counts->attempts++;
    counts->successes += start == UNIT_START_WORKED;
    counts->failures += start == UNIT_START_FAILED;
    window_record(&counts->outcome, start == UNIT_START_WORKED, at_ms);
}

/* locks: held. */
static void set_at(struct metrics_registry *registry, struct place *place, const char *connector, int64_t task,
                   enum unit_condition condition)
{
    const char *key = str_buffer_text(&place->key);
    struct unit_metrics *unit = pointer_map_get(place->map, key);

    if (condition == CONDITION_UNASSIGNED || condition == CONDITION_DESTROYED) {
        pointer_map_remove(place->map, key);
        return;
    }
    if (unit == NULL) {
        unit = unit_metrics_create(connector, task, now_ms(registry));
        if (unit == NULL || !put(place, unit))
            return;
    }
    count_start(place->starts, unit_metrics_set_condition(unit, condition, now_ms(registry)), now_ms(registry));
}

static void set(struct metrics_registry *registry, const char *connector, int64_t task, enum unit_condition condition)
{
    struct place place;

    if (registry == NULL)
        return;
    if (place_find(&place, registry, connector, task)) {
        mutex_lock(&registry->lock);
        set_at(registry, &place, connector, task, condition);
        mutex_unlock(&registry->lock);
    }
    place_release(&place);
}

void metrics_registry_set_connector(struct metrics_registry *registry, const char *connector,
                                    enum unit_condition condition)
{
    set(registry, connector, TASK_OF_CONNECTOR, condition);
}

void metrics_registry_set_task(struct metrics_registry *registry, const char *connector, uint32_t task,
                               enum unit_condition condition)
{
    set(registry, connector, task, condition);
}

void metrics_registry_remove(struct metrics_registry *registry, const char *connector)
{
    if (registry == NULL)
        return;
    mutex_lock(&registry->lock);
    pointer_map_remove(registry->connectors, connector);
    for (size_t i = pointer_map_count(registry->tasks); i > 0; i--) {
        const struct unit_metrics *unit = pointer_map_value(registry->tasks, i - 1);

        if (strcmp(unit->connector, connector) == 0)
            pointer_map_remove(registry->tasks, pointer_map_key(registry->tasks, i - 1));
    }
    mutex_unlock(&registry->lock);
}

struct unit_metrics **metrics_registry_list(struct metrics_registry *registry, size_t *count)
{
    struct unit_metrics **units;
    size_t connectors, tasks;

    mutex_lock(&registry->lock);
    connectors = pointer_map_count(registry->connectors);
    tasks = pointer_map_count(registry->tasks);
    units = mem_alloc((connectors + tasks + 1) * sizeof(*units));
    *count = units == NULL ? 0 : connectors + tasks;
    for (size_t i = 0; i < *count; i++)
        units[i] = unit_metrics_take(i < connectors ? pointer_map_value(registry->connectors, i)
                                                    : pointer_map_value(registry->tasks, i - connectors));
    mutex_unlock(&registry->lock);
    return units;
}

/* --- clients ------------------------------------------------------------------------------------------------------ */

struct client_metrics *metrics_registry_add_client(struct metrics_registry *registry, enum client_metrics_kind kind,
                                                   const char *client_id)
{
    struct client_metrics *client = registry == NULL ? NULL : client_metrics_create(kind, client_id, registry->client_interval_ms);

    if (client == NULL)
        return NULL;
    mutex_lock(&registry->lock);
    client_list_sweep(&registry->clients);
    client->next = registry->clients;
    registry->clients = client_metrics_take(client);
    mutex_unlock(&registry->lock);
    return client;
}

struct client_metrics **metrics_registry_list_clients(struct metrics_registry *registry, size_t more, size_t *count)
{
    struct client_metrics **clients;
    size_t all = 0;

    *count = 0;
    mutex_lock(&registry->lock);
    client_list_sweep(&registry->clients);
    for (const struct client_metrics *at = registry->clients; at != NULL; at = at->next)
        all++;
    clients = mem_alloc((all + more + 1) * sizeof(*clients));
    for (struct client_metrics *at = registry->clients; at != NULL && clients != NULL; at = at->next)
        clients[(*count)++] = client_metrics_take(at);
    mutex_unlock(&registry->lock);
    return clients;
}

/* --- the group ---------------------------------------------------------------------------------------------------- */

void metrics_registry_rebalance_began(struct metrics_registry *registry)
{
    if (registry == NULL)
        return;
    mutex_lock(&registry->lock);
    registry->group.is_known = true;
    registry->group.began_ms = now_ms(registry);
    mutex_unlock(&registry->lock);
}

void metrics_registry_rebalance_ended(struct metrics_registry *registry)
{
    struct group_counts *group;

    if (registry == NULL)
        return;
    mutex_lock(&registry->lock);
    group = &registry->group;
    if (group->began_ms != 0) {
        group->completed++;
        group->last_ms = now_ms(registry);
        window_record(&group->took_ms, group->last_ms - group->began_ms, group->last_ms);
        group->took_total_ms += group->last_ms - group->began_ms;
        group->began_ms = 0;
    }
    mutex_unlock(&registry->lock);
}

void metrics_registry_set_group(struct metrics_registry *registry, int32_t generation, const char *leader_url)
{
    char *former;

    if (registry == NULL)
        return;
    mutex_lock(&registry->lock);
    registry->group.is_known = true;
    registry->group.generation = generation;
    former = registry->group.leader_url;
    registry->group.leader_url = mem_strdup(leader_url);
    mutex_unlock(&registry->lock);
    mem_free(former);
}
