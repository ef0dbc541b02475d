#include "metrics/registry_internal.h"

#include <assert.h>

#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

struct unit_metrics *unit_metrics_create(const char *connector, int64_t task, int64_t now_ms)
{
    size_t cells = task == TASK_OF_CONNECTOR ? 0 : 1;
    struct unit_metrics *unit = mem_calloc(1, sizeof(*unit) + cells * sizeof(unit->cells[0]));

    if (unit == NULL)
        return NULL;
    unit->connector = mem_strdup(connector);
    if (unit->connector == NULL) {
        mem_free(unit);
        return NULL;
    }
    refcount_init(&unit->references);
    mutex_init(&unit->lock);
    unit->task = task;
    unit->since_ms = now_ms;
    return unit;
}

struct unit_metrics *unit_metrics_take(struct unit_metrics *unit)
{
    if (unit != NULL)
        refcount_take(&unit->references);
    return unit;
}

static void stages_free(struct unit_stage *stages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free((char *)stages[i].alias);
    mem_free(stages);
}

void unit_metrics_drop(struct unit_metrics *unit)
{
    if (unit == NULL || !refcount_drop(&unit->references))
        return;
    assert(unit->plugin == NULL);
    client_metrics_drop(unit->client);
    stages_free(unit->stages, unit->stage_count);
    mutex_destroy(&unit->lock);
    mem_free(unit->connector);
    mem_free(unit);
}

struct task_metrics *unit_metrics_cells(struct unit_metrics *unit)
{
    return unit == NULL || unit->task == TASK_OF_CONNECTOR ? NULL : unit->cells;
}

struct client_metrics *unit_metrics_add_client(struct unit_metrics *unit, const char *client_id)
{
    struct client_metrics *client, *former;

    if (unit == NULL)
        return NULL;
    client = client_metrics_create(CLIENT_METRICS_CONSUMER, client_id, unit->client_interval_ms);
    mutex_lock(&unit->lock);
    former = unit->client;
    unit->client = client_metrics_take(client);
    mutex_unlock(&unit->lock);
    client_metrics_drop(former);
    return client;
}

void unit_metrics_describe(struct unit_metrics *unit, const struct unit_description *description)
{
    if (unit == NULL)
        return;
    mutex_lock(&unit->lock);
    unit->description = *description;
    mutex_unlock(&unit->lock);
}

/* NULL: no memory. */
static struct unit_stage *stages_copy(const struct unit_stage *stages, size_t count)
{
    struct unit_stage *copy = mem_alloc((count + 1) * sizeof(*copy));

    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = stages[i];
        copy[i].alias = mem_strdup(stages[i].alias);
        if (copy[i].alias == NULL) {
            stages_free(copy, i);
            return NULL;
        }
    }
    return copy;
}

void unit_metrics_set_stages(struct unit_metrics *unit, const struct unit_stage *stages, size_t count)
{
    if (unit == NULL)
        return;
    if (count > UNIT_STAGES_MAX)
        count = UNIT_STAGES_MAX;
    struct unit_stage *copy = stages_copy(stages, count), *former;
    size_t former_count;
    mutex_lock(&unit->lock);
    former = unit->stages;
    former_count = unit->stage_count;
    unit->stages = copy;
    unit->stage_count = copy == NULL ? 0 : count;
    mutex_unlock(&unit->lock);
    stages_free(former, former_count);
}

void unit_metrics_set_plugin(struct unit_metrics *unit, const struct mr_metrics *plugin)
{
    if (unit == NULL)
        return;
    mutex_lock(&unit->lock);
    unit->plugin = plugin;
    mutex_unlock(&unit->lock);
}

enum unit_condition unit_metrics_condition(struct unit_metrics *unit)
{
    enum unit_condition condition;

    mutex_lock(&unit->lock);
    condition = unit->condition;
    mutex_unlock(&unit->lock);
    return condition;
}

/* locks: held. */
static enum unit_start start_of(struct unit_metrics *unit, enum unit_condition condition)
{
    if (unit->has_begun || condition == CONDITION_RESTARTING || condition == CONDITION_UNASSIGNED)
        return UNIT_START_NONE;
    unit->has_begun = true;
    return condition == CONDITION_FAILED ? UNIT_START_FAILED : UNIT_START_WORKED;
}

enum unit_start unit_metrics_set_condition(struct unit_metrics *unit, enum unit_condition condition, int64_t now_ms)
{
    enum unit_start start;

    mutex_lock(&unit->lock);
    if (unit->has_condition) /* shares are of the time since anything was said, as in Kafka Connect */
        unit->spent_ms[unit->condition] += now_ms - unit->since_ms;
    unit->has_condition = true;
    unit->condition = condition;
    unit->since_ms = now_ms;
    start = start_of(unit, condition);
    mutex_unlock(&unit->lock);
    return start;
}
