#include "store/status_table_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/arena.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "store/status_records_internal.h"
#include "base/bans.h"

/* A status with its texts behind it, in one block. */
struct stored_status {
    struct unit_status status;
    char texts[];
};

struct stored_task {
    uint32_t task;
    struct stored_status *stored;
};

struct stored_topic {
    uint32_t task;
    int64_t discovered_ms;
};

struct status_group {
    struct stored_status *connector;   /* NULL: none */
    struct stored_task *tasks;         /* by number */
    size_t task_count, task_capacity;
    struct pointer_map *topics;        /* topic → struct stored_topic; NULL: none */
};

struct status_table {
    struct pointer_map *groups;   /* connector → struct status_group */
    struct mr_arena *arena;       /* of the record at hand */
    uint32_t topics_removed;
};

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

static size_t texts_size(const struct unit_status *status)
{
    return text_size(status->worker_id) + text_size(status->trace) + text_size(status->version);
}

/* Copies the text to *at, which moves behind it. */
static const char *text_move(char **at, const char *text)
{
    if (text == NULL)
        return NULL;
    char *copy = memcpy(*at, text, text_size(text));
    *at += text_size(text);
    return copy;
}

static void status_copy(struct unit_status *copy, const struct unit_status *status, char **texts)
{
    *copy = *status;
    copy->worker_id = text_move(texts, status->worker_id);
    copy->trace = text_move(texts, status->trace);
    copy->version = text_move(texts, status->version);
}

static struct stored_status *stored_create(const struct unit_status *status)
{
    struct stored_status *stored = mem_alloc(sizeof(*stored) + texts_size(status));
    if (stored == NULL)
        return NULL;
    char *texts = stored->texts;
    status_copy(&stored->status, status, &texts);
    return stored;
}

/* ---- groups ---- */

static void tasks_forget(struct status_group *group)
{
    for (size_t i = 0; i < group->task_count; i++)
        mem_free(group->tasks[i].stored);
    group->task_count = 0;
}

static void group_destroy(void *argument)
{
    struct status_group *group = argument;
    mem_free(group->connector);
    tasks_forget(group);
    mem_free(group->tasks);
    pointer_map_destroy(group->topics);
    mem_free(group);
}

static struct status_group *group_find(const struct status_table *table, const char *connector)
{
    return pointer_map_get(table->groups, connector);
}

static struct status_group *group_of(struct status_table *table, const char *connector)
{
    struct status_group *group = group_find(table, connector);
    if (group != NULL)
        return group;
    group = mem_calloc(1, sizeof(*group));
    if (group == NULL || pointer_map_put(table->groups, connector, group))
        return group;
    mem_free(group);
    return NULL;
}

static void group_tidy(struct status_table *table, const char *connector)
{
    const struct status_group *group = group_find(table, connector);
    bool has_topics = group != NULL && group->topics != NULL && pointer_map_count(group->topics) > 0;
    if (group != NULL && group->connector == NULL && group->task_count == 0 && !has_topics)
        pointer_map_remove(table->groups, connector);
}

struct status_table *status_table_create(void)
{
    struct status_table *table = mem_calloc(1, sizeof(*table));
    if (table == NULL)
        return NULL;
    table->groups = pointer_map_create(group_destroy);
    table->arena = mr_arena_create(RECORD_ARENA_MAX);
    if (table->groups != NULL && table->arena != NULL)
        return table;
    status_table_destroy(table);
    return NULL;
}

void status_table_destroy(struct status_table *table)
{
    if (table == NULL)
        return;
    pointer_map_destroy(table->groups);
    mr_arena_destroy(table->arena);
    mem_free(table);
}

/* Where the task is, or would have to be. */
static size_t task_place(const struct status_group *group, uint32_t task)
{
    size_t low = 0, high = group->task_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (group->tasks[middle].task < task)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct stored_task *task_find(const struct status_group *group, uint32_t task)
{
    size_t place = task_place(group, task);
    return place < group->task_count && group->tasks[place].task == task ? &group->tasks[place] : NULL;
}

static bool task_reserve(struct status_group *group)
{
    if (group->task_count < group->task_capacity)
        return true;
    size_t capacity = group->task_capacity == 0 ? 4 : group->task_capacity * 2;
    struct stored_task *tasks = mem_realloc(group->tasks, capacity * sizeof(*tasks));
    if (tasks == NULL)
        return false;
    group->tasks = tasks;
    group->task_capacity = capacity;
    return true;
}

/* Takes the stored status when it worked. */
static bool task_put(struct status_group *group, uint32_t task, struct stored_status *stored)
{
    struct stored_task *known = task_find(group, task);
    if (known != NULL) {
        mem_free(known->stored);
        known->stored = stored;
        return true;
    }
    if (!task_reserve(group))
        return false;
    struct stored_task *at = group->tasks + task_place(group, task);
    memmove(at + 1, at, (size_t)(group->tasks + group->task_count - at) * sizeof(*at));
    *at = (struct stored_task){.task = task, .stored = stored};
    group->task_count++;
    return true;
}

static void task_remove(struct status_group *group, uint32_t task)
{
    struct stored_task *known = task_find(group, task);
    if (known == NULL)
        return;
    mem_free(known->stored);
    group->task_count--;
    memmove(known, known + 1, (size_t)(group->tasks + group->task_count - known) * sizeof(*known));
}

/* ---- applying ---- */

static void apply_tombstone(struct status_table *table, const struct status_record *record)
{
    struct status_group *group = group_find(table, record->connector);
    if (group == NULL)
        return;
    switch (record->subject) {
    case STATUS_OF_CONNECTOR:   /* takes its tasks along, as Kafka Connect's cache does */
        mem_free(group->connector);
        group->connector = NULL;
        tasks_forget(group);
        break;
    case STATUS_OF_TASK:
        task_remove(group, record->task);
        break;
    case STATUS_OF_TOPIC:
        if (group->topics != NULL && pointer_map_remove(group->topics, record->topic))
            table->topics_removed++;
        break;
    }
    group_tidy(table, record->connector);
}

/* A worker that did not yet see the newest RUNNING may say UNASSIGNED late: that is not believed. A leader that says why nobody runs
 * the task knows that it has stopped. */
static bool is_stale(const struct status_group *group, const struct status_record *record)
{
    const struct stored_task *known = task_find(group, record->task);
    return record->status.state == UNIT_UNASSIGNED && record->status.trace == NULL && known != NULL &&
           known->stored->status.state == UNIT_RUNNING &&
           known->stored->status.generation >= record->status.generation;
}

static bool apply_topic(struct status_group *group, const struct status_record *record)
{
    if (group->topics == NULL)
        group->topics = pointer_map_create(mem_free);
    struct stored_topic *topic = group->topics != NULL ? mem_alloc(sizeof(*topic)) : NULL;
    if (topic == NULL)
        return false;
    *topic = (struct stored_topic){.task = record->task, .discovered_ms = record->discovered_ms};
    if (pointer_map_put(group->topics, record->topic, topic))
        return true;
    mem_free(topic);
    return false;
}

static bool apply_unit(struct status_group *group, const struct status_record *record)
{
    if (record->subject == STATUS_OF_TASK && is_stale(group, record))
        return true;
    struct stored_status *stored = stored_create(&record->status);
    if (stored == NULL)
        return false;
    if (record->subject == STATUS_OF_CONNECTOR) {
        mem_free(group->connector);
        group->connector = stored;
        return true;
    }
    if (task_put(group, record->task, stored))
        return true;
    mem_free(stored);
    return false;
}

bool status_table_apply(struct status_table *table, struct mr_bytes key, struct mr_bytes value)
{
    struct status_record record;
    mr_arena_clear(table->arena);
    enum record_read read = status_record_read(table->arena, key, value, &record);
    if (read != RECORD_READ)
        return read == RECORD_MALFORMED;
    if (record.is_tombstone) {
        apply_tombstone(table, &record);
        return true;
    }
    struct status_group *group = group_of(table, record.connector);
    bool done = group != NULL &&
                (record.subject == STATUS_OF_TOPIC ? apply_topic(group, &record) : apply_unit(group, &record));
    if (!done)
        group_tidy(table, record.connector);
    return done;
}

/* ---- looking ---- */

const struct unit_status *status_table_connector(const struct status_table *table, const char *connector)
{
    const struct status_group *group = group_find(table, connector);
    return group != NULL && group->connector != NULL ? &group->connector->status : NULL;
}

const struct unit_status *status_table_task(const struct status_table *table, const char *connector, uint32_t task)
{
    const struct status_group *group = group_find(table, connector);
    const struct stored_task *known = group != NULL ? task_find(group, task) : NULL;
    return known != NULL ? &known->stored->status : NULL;
}

uint32_t status_table_topics_removed(const struct status_table *table)
{
    return table->topics_removed;
}

bool status_table_has_topic(const struct status_table *table, const char *connector, const char *topic)
{
    const struct status_group *group = group_find(table, connector);
    return group != NULL && group->topics != NULL && pointer_map_has(group->topics, topic);
}

/* ---- copies ---- */

struct status_view *status_table_view(const struct status_table *table, const char *connector)
{
    static const struct status_group nothing;
    const struct status_group *group = group_find(table, connector);
    if (group == NULL)
        group = &nothing;
    size_t size = sizeof(struct status_view) + sizeof(struct unit_status) +
                  group->task_count * sizeof(struct task_status);
    if (group->connector != NULL)
        size += texts_size(&group->connector->status);
    for (size_t i = 0; i < group->task_count; i++)
        size += texts_size(&group->tasks[i].stored->status);
    struct status_view *view = mem_alloc(size);
    if (view == NULL)
        return NULL;
    struct unit_status *unit = (struct unit_status *)(view + 1);
    struct task_status *tasks = (struct task_status *)(unit + 1);
    char *texts = (char *)(tasks + group->task_count);
    *view = (struct status_view){.tasks = tasks, .task_count = group->task_count};
    if (group->connector != NULL) {
        status_copy(unit, &group->connector->status, &texts);
        view->connector = unit;
    }
    for (size_t i = 0; i < group->task_count; i++) {
        tasks[i].task = group->tasks[i].task;
        status_copy(&tasks[i].status, &group->tasks[i].stored->status, &texts);
    }
    return view;
}

static int topic_compare(const void *one, const void *other)
{
    return strcmp(((const struct topic_status *)one)->topic, ((const struct topic_status *)other)->topic);
}

struct topic_status *status_table_topics(const struct status_table *table, const char *connector, size_t *count)
{
    const struct status_group *group = group_find(table, connector);
    const struct pointer_map *known = group != NULL ? group->topics : NULL;
    size_t size = 0;
    *count = known != NULL ? pointer_map_count(known) : 0;
    for (size_t i = 0; i < *count; i++)
        size += text_size(pointer_map_key(known, i));
    struct topic_status *topics = mem_alloc(*count * sizeof(*topics) + size);
    if (topics == NULL)
        return NULL;
    char *texts = (char *)(topics + *count);
    for (size_t i = 0; i < *count; i++) {
        const struct stored_topic *topic = pointer_map_value(known, i);
        topics[i] = (struct topic_status){.topic = text_move(&texts, pointer_map_key(known, i)),
                                          .task = topic->task,
                                          .discovered_ms = topic->discovered_ms};
    }
    if (*count > 1)
        qsort(topics, *count, sizeof(*topics), topic_compare);
    return topics;
}

static bool has_status(const struct status_group *group)
{
    return group->connector != NULL || group->task_count > 0;
}

static int text_compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

char **status_table_connectors(const struct status_table *table, size_t *count)
{
    size_t size = 0, all = pointer_map_count(table->groups);
    for (size_t i = 0; i < all; i++)
        size += sizeof(char *) + text_size(pointer_map_key(table->groups, i));
    char **names = mem_alloc(size + sizeof(char *));
    if (names == NULL)
        return NULL;
    char *texts = (char *)(names + all + 1);
    *count = 0;
    for (size_t i = 0; i < all; i++)
        if (has_status(pointer_map_value(table->groups, i)))
            names[(*count)++] = (char *)text_move(&texts, pointer_map_key(table->groups, i));
    names[*count] = NULL;
    if (*count > 1)
        qsort(names, *count, sizeof(*names), text_compare);
    return names;
}

void status_view_destroy(struct status_view *view)
{
    mem_free(view);
}

void status_topics_destroy(struct topic_status *topics)
{
    mem_free(topics);
}

const struct unit_status *status_view_task(const struct status_view *view, uint32_t task)
{
    for (size_t i = 0; i < view->task_count; i++)
        if (view->tasks[i].task == task)
            return &view->tasks[i].status;
    return NULL;
}
