#include "executor/executor_internal.h"

#include "base/mem.h"
#include "base/log.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "sdk/collect.h"

#include "base/bans.h"

#define TASK_CLASS "task.class"

static const char *const copied[] = {"topics", "topics.regex"};

void task_configs_result_release(struct task_configs_result *result)
{
    for (size_t i = 0; result->maps != NULL && i < result->count; i++)
        string_map_destroy(result->maps[i]);
    mem_free(result->maps);
    *result = (struct task_configs_result){0};
}

/* What the framework adds, and what a provider resolved goes back to being a reference. */
static bool complete(struct string_map *map, const struct string_map *resolved, const struct string_map *raw,
                     const char *task_class)
{
    bool is_fine = string_map_put(map, TASK_CLASS, task_class);
    for (size_t i = 0; is_fine && i < sizeof(copied) / sizeof(copied[0]); i++) {
        const char *value = string_map_get(resolved, copied[i]);
        is_fine = value == NULL || string_map_put(map, copied[i], value);
    }
    return is_fine && variables_put_back(raw, map) && variables_put_back_within(raw, resolved, map);
}

static int check_count(struct task_configs_result *result, const struct connector_config *config, size_t count,
                       struct mr_error **error)
{
    if (count <= config->tasks_max)
        return 0;
    if (!config->tasks_max_enforce) {
        log_warn(LOG_NAME,
                 "connector %s has generated %zu tasks, more than tasks.max (%u); tasks.max.enforce=false allows it",
                 config->name, count, config->tasks_max);
        return 0;
    }
    result->is_too_many = true;
    return mr_error_set(
        error, MR_ERR_CONNECT,
        "The connector %s has generated %zu tasks, which is greater than %u, the maximum number of tasks "
        "it is configured to create (tasks.max). This is a fault of the connector; tasks.max.enforce=false "
        "permits it for now",
        config->name, count, config->tasks_max);
}

int task_configs_finish(struct task_configs_result *result, struct mr_task_configs *configs,
                        const struct connector_config *config, const char *task_class, const struct string_map *raw,
                        struct mr_error **error)
{
    size_t count = task_configs_count(configs);
    *result = (struct task_configs_result){0};
    if (task_configs_check(configs, error) != 0 || check_count(result, config, count, error) != 0)
        return -1;
    result->maps = mem_calloc(count + 1, sizeof(*result->maps));
    bool is_fine = result->maps != NULL;
    for (; is_fine && result->count < count; result->count++) {
        result->maps[result->count] = task_configs_take_at(configs, result->count);
        is_fine = complete(result->maps[result->count], config->raw, raw, task_class);
    }
    if (is_fine)
        return 0;
    task_configs_result_release(result);
    return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the task configurations of connector %s", config->name);
}
