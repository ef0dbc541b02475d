/* What the status topic is told, and the metrics. Order and kinds of records: Kafka's KafkaStatusBackingStore. */
#include <millrace/error.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "coordination/membership.h"
#include "herder/cluster_internal.h"
#include "herder/units_internal.h"
#include "metrics/registry.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

/* FAILED, and UNASSIGNED of a worker that goes or lost its units, must not overwrite what a successor said. */
static enum status_care care_of(const struct herder *herder, enum unit_state state)
{
    if (state == UNIT_FAILED || (state == UNIT_UNASSIGNED && (herder->cluster != NULL || !herder_may_run(herder))))
        return STATUS_SAFE;
    return STATUS_CERTAIN;
}

static struct unit_status status_make(const struct herder *herder, enum unit_state state, const char *trace,
                                      const char *version)
{
    return (struct unit_status){.state = state,
                                .worker_id = herder->worker_id,
                                .generation = herder->membership != NULL ? membership_generation(herder->membership) : 0,
                                .trace = trace,
                                .version = version};
}

static const enum unit_condition conditions[] = {
    [UNIT_UNASSIGNED] = CONDITION_UNASSIGNED, [UNIT_RUNNING] = CONDITION_RUNNING,
    [UNIT_PAUSED] = CONDITION_PAUSED,         [UNIT_STOPPED] = CONDITION_STOPPED,
    [UNIT_FAILED] = CONDITION_FAILED,         [UNIT_RESTARTING] = CONDITION_RESTARTING,
    [UNIT_DESTROYED] = CONDITION_DESTROYED,
};

/* What was given to another worker meanwhile is not unassigned because it ends here, at last: this worker was out of the group, and its
 * word would come after the successor's. */
static bool is_to_be_said(const struct herder *herder, const char *connector, int32_t task, enum unit_state state)
{
    const char *owner = state == UNIT_UNASSIGNED ? cluster_owner(herder, connector, task) : NULL;

    return owner == NULL || strcmp(owner, herder->cluster->url) == 0;
}

static char *copy_of(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL; /* without memory it is said again without */
}

static void note_word(struct herder *herder, const char *name, int32_t task, const struct unit_status *status)
{
    struct herder_connector *connector = herder->cluster != NULL ? units_find(herder, name) : NULL;
    struct unit_word *word;

    if (connector == NULL || (task != UNIT_IS_CONNECTOR && (uint32_t)task >= connector->task_count))
        return;
    word = task == UNIT_IS_CONNECTOR ? &connector->word : &connector->tasks[task].word;
    unit_word_release(word);
    word->is_said = status->state == UNIT_RUNNING || status->state == UNIT_PAUSED || status->state == UNIT_STOPPED;
    if (word->is_said)
        *word = (struct unit_word){true, status->state, copy_of(status->trace), copy_of(status->version)};
}

void status_of_connector(struct herder *herder, const char *connector, enum unit_state state, const char *trace,
                         const char *version)
{
    struct unit_status status = status_make(herder, state, trace, version);

    note_word(herder, connector, UNIT_IS_CONNECTOR, &status);
    if (is_to_be_said(herder, connector, UNIT_IS_CONNECTOR, state))
        status_store_put_connector(herder->setup.statuses, connector, &status, care_of(herder, state));
    metrics_registry_set_connector(herder->metrics, connector, conditions[state]);
}

void status_of_task(struct herder *herder, const char *connector, uint32_t task, enum unit_state state,
                    const char *trace, const char *version)
{
    struct unit_status status = status_make(herder, state, trace, version);

    note_word(herder, connector, (int32_t)task, &status);
    if (is_to_be_said(herder, connector, (int32_t)task, state))
        status_store_put_task(herder->setup.statuses, connector, task, &status, care_of(herder, state));
    metrics_registry_set_task(herder->metrics, connector, task, conditions[state]);
}

static bool is_overwritten(const struct herder *herder, const struct herder_connector *connector, int32_t task,
                           const struct unit_word *word, const struct unit_status *known)
{
    return word->is_said && known != NULL && strcmp(known->worker_id, herder->worker_id) != 0 &&
           duty_has(herder, connector->name, task);
}

/* Not over what was said under a greater generation: then it is this worker that comes late, and does not know it yet. */
static void say_again(struct herder *herder, const struct herder_connector *connector)
{
    struct status_view *view = status_store_view(herder->setup.statuses, connector->name);

    if (view == NULL)
        return;
    if (is_overwritten(herder, connector, UNIT_IS_CONNECTOR, &connector->word, view->connector)) {
        struct unit_status status = status_make(herder, connector->word.state, connector->word.trace, connector->word.version);

        status_store_put_connector(herder->setup.statuses, connector->name, &status, STATUS_SAFE);
    }
    for (uint32_t i = 0; i < connector->task_count; i++) {
        const struct unit_word *word = &connector->tasks[i].word;
        struct unit_status status = status_make(herder, word->state, word->trace, word->version);

        if (is_overwritten(herder, connector, (int32_t)i, word, status_view_task(view, i)))
            status_store_put_task(herder->setup.statuses, connector->name, i, &status, STATUS_SAFE);
    }
    status_view_destroy(view);
}

static bool has_words(const struct herder_connector *connector)
{
    bool has = connector->word.is_said;

    for (uint32_t i = 0; !has && i < connector->task_count; i++)
        has = connector->tasks[i].word.is_said;
    return has;
}

void status_say_again(struct herder *herder)
{
    for (size_t i = 0; i < pointer_map_count(herder->connectors); i++) {
        const struct herder_connector *connector = pointer_map_value(herder->connectors, i);

        if (has_words(connector))
            say_again(herder, connector);
    }
}

static bool is_wanted(const struct config_snapshot *snapshot, const struct unit_entry *unit)
{
    return config_snapshot_has(snapshot, unit->connector) &&
           (unit->task == UNIT_IS_CONNECTOR || (uint32_t)unit->task < config_snapshot_task_count(snapshot, unit->connector));
}

static void tell_unassigned(struct herder *herder, const struct unit_entry *unit)
{
    if (unit->task == UNIT_IS_CONNECTOR)
        log_warn(HERDER_LOG, "connector %s runs nowhere: %s", unit->connector, unit->text);
    if (unit->task == UNIT_IS_CONNECTOR)
        status_of_connector(herder, unit->connector, UNIT_UNASSIGNED, unit->text, NULL);
    else
        status_of_task(herder, unit->connector, (uint32_t)unit->task, UNIT_UNASSIGNED, unit->text, NULL);
}

/* What is still being stopped somewhere says so itself first. */
void status_of_unassigned(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct unit_map *unassigned = &cluster->picture.head.unassigned;
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    struct unit_map now;

    unit_map_init(&now);
    for (size_t i = 0; i < unassigned->count; i++) {
        const struct unit_entry *unit = &unassigned->entries[i];
        const char *told = unit_map_text(&cluster->told_unassigned, unit->connector, unit->task);

        if (unit->text == NULL || !is_wanted(snapshot, unit) || cluster_holds(herder, unit->connector, unit->task))
            continue;
        if (told == NULL || strcmp(told, unit->text) != 0)
            tell_unassigned(herder, unit);
        unit_map_put(&now, unit->connector, unit->task, unit->text); /* without memory it is told again */
    }
    unit_map_release(&cluster->told_unassigned);
    cluster->told_unassigned = now;
    config_snapshot_drop(snapshot);
}

/* What is still being stopped says so itself first. false: some are. */
static bool sweep_tasks(struct herder *herder, const char *connector, uint32_t count)
{
    struct status_view *view = status_store_view(herder->setup.statuses, connector);
    bool all = true;

    for (size_t i = 0; view != NULL && i < view->task_count; i++) {
        uint32_t task = view->tasks[i].task;

        if (task < count)
            continue;
        if (cluster_holds(herder, connector, (int32_t)task))
            all = false;
        else
            status_of_task(herder, connector, task, UNIT_DESTROYED, NULL, NULL);
    }
    status_view_destroy(view);
    return all;
}

static bool sweep_removed(struct herder *herder, const char *connector)
{
    if (cluster_runs_tasks(herder, connector) || cluster_holds(herder, connector, UNIT_IS_CONNECTOR))
        return false;
    status_store_remove_all(herder->setup.statuses, connector);
    return true;
}

bool status_has_strangers(struct herder *herder, const struct config_snapshot *snapshot)
{
    size_t count;
    char **names = status_store_connectors(herder->setup.statuses, &count);
    bool has = false;

    for (size_t i = 0; names != NULL && i < count; i++)
        has = has || !config_snapshot_has(snapshot, names[i]);
    mem_free(names);
    return has;
}

bool status_sweep(struct herder *herder, const struct config_snapshot *snapshot)
{
    size_t count;
    char **names = status_store_connectors(herder->setup.statuses, &count);
    bool all = true;

    for (size_t i = 0; names != NULL && i < count; i++) {
        if (!config_snapshot_has(snapshot, names[i]))
            all = sweep_removed(herder, names[i]) && all;
        else if (!config_snapshot_is_inconsistent(snapshot, names[i]))
            all = sweep_tasks(herder, names[i], config_snapshot_task_count(snapshot, names[i])) && all;
    }
    mem_free(names);
    return all;
}

static void remove_topics(struct herder *herder, const char *connector)
{
    size_t count;
    struct topic_status *topics = status_store_topics(herder->setup.statuses, connector, &count);

    for (size_t i = 0; topics != NULL && i < count; i++)
        status_store_remove_topic(herder->setup.statuses, connector, topics[i].topic);
    status_topics_destroy(topics);
}

void status_of_removed(struct herder *herder, const char *connector, bool exists_again)
{
    if (exists_again)
        remove_topics(herder, connector);
    else
        status_store_remove_all(herder->setup.statuses, connector);
}
