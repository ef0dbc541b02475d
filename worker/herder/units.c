#include "herder/units_internal.h"

#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/string_map.h"

#include "base/bans.h"

struct herder_connector *units_find(struct herder *herder, const char *name)
{
    return pointer_map_get(herder->connectors, name);
}

static void timer_due(struct herder *herder, struct herder_timer *timer)
{
    struct herder_connector *connector =
        (struct herder_connector *)((char *)timer - offsetof(struct herder_connector, timer));

    units_mark(herder, connector);
}

struct herder_connector *units_find_or_create(struct herder *herder, const char *name)
{
    struct herder_connector *connector = units_find(herder, name);

    if (connector != NULL)
        return connector;
    connector = mem_calloc(1, sizeof(*connector));
    if (connector == NULL)
        return NULL;
    connector->name = mem_strdup(name);
    connector->prints_of = -1;
    herder_timer_init(&connector->timer, timer_due);
    if (connector->name == NULL || !pointer_map_put(herder->connectors, name, connector)) {
        units_free(connector);
        return NULL;
    }
    return connector;
}

void unit_word_release(struct unit_word *word)
{
    mem_free(word->trace);
    mem_free(word->version);
    *word = (struct unit_word){0};
}

void units_free(void *item)
{
    struct herder_connector *connector = item;

    for (uint32_t i = 0; i < connector->task_count; i++)
        unit_word_release(&connector->tasks[i].word);
    unit_word_release(&connector->word);
    mem_free(connector->tasks);
    mem_free(connector->plugin_version);
    mem_free(connector->name);
    mem_free(connector);
}

bool units_have_tasks(struct herder_connector *connector, uint32_t count)
{
    struct herder_task *tasks;

    if (count <= connector->task_count)
        return true;
    tasks = mem_realloc(connector->tasks, count * sizeof(*tasks));
    if (tasks == NULL)
        return false;
    for (uint32_t i = connector->task_count; i < count; i++)
        tasks[i] = (struct herder_task){.phase = TASK_PHASE_GONE};
    connector->tasks = tasks;
    connector->task_count = count;
    return true;
}

bool units_task_is_up(const struct herder_task *task)
{
    return task->phase == TASK_PHASE_UP || task->phase == TASK_PHASE_STOPPING;
}

void units_mark(struct herder *herder, struct herder_connector *connector)
{
    if (connector->is_dirty)
        return;
    connector->is_dirty = true;
    connector->next_dirty = herder->dirty;
    herder->dirty = connector;
}

void units_mark_all(struct herder *herder)
{
    for (size_t i = 0; i < pointer_map_count(herder->connectors); i++)
        units_mark(herder, pointer_map_value(herder->connectors, i));
}

void units_mark_at(struct herder *herder, struct herder_connector *connector, int64_t when_ms)
{
    if (!timer_entry_is_set(&connector->timer.entry) || connector->timer.entry.deadline_ms > when_ms)
        herder_timer_set(herder, &connector->timer, when_ms);
}
