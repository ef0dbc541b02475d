#include "sdk/collect.h"

#include <assert.h>

#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/string_map.h"

#include "base/bans.h"

enum task_configs_fault {
    CONFIGS_FINE,
    CONFIGS_NO_MEMORY,
    CONFIGS_TOO_MANY,
    CONFIGS_NO_TASK,
    CONFIGS_NO_NAME,
    CONFIGS_NO_TEXT
};

struct mr_task_configs {
    struct ptr_array maps;
    enum task_configs_fault fault; /* the first one */
};

static void free_map(void *map)
{
    string_map_destroy(map);
}

static int failed(struct mr_task_configs *configs, enum task_configs_fault fault)
{
    if (configs->fault == CONFIGS_FINE)
        configs->fault = fault;
    return -1;
}

struct mr_task_configs *task_configs_create(void)
{
    struct mr_task_configs *configs = mem_calloc(1, sizeof(*configs));
    if (configs != NULL)
        ptr_array_init(&configs->maps, free_map);
    return configs;
}

void task_configs_destroy(struct mr_task_configs *configs)
{
    if (configs == NULL)
        return;
    ptr_array_release(&configs->maps);
    mem_free(configs);
}

/* Takes the map, also when it fails. */
static int add_map(struct mr_task_configs *configs, struct string_map *map)
{
    if (map == NULL)
        return failed(configs, CONFIGS_NO_MEMORY);
    if (configs->maps.count < TASK_CONFIGS_MAX && ptr_array_push(&configs->maps, map))
        return 0;
    string_map_destroy(map);
    return failed(configs, configs->maps.count < TASK_CONFIGS_MAX ? CONFIGS_NO_MEMORY : CONFIGS_TOO_MANY);
}

int mr_task_configs_add(struct mr_task_configs *configs)
{
    return add_map(configs, string_map_create());
}

/* `text` may be NULL here. */
static int put(struct mr_task_configs *configs, const char *name, const char *text)
{
    if (configs->maps.count == 0)
        return failed(configs, CONFIGS_NO_TASK);
    if (name == NULL)
        return failed(configs, CONFIGS_NO_NAME);
    struct string_map *last = ptr_array_at(&configs->maps, configs->maps.count - 1);
    return string_map_put(last, name, text) ? 0 : failed(configs, CONFIGS_NO_MEMORY);
}

int mr_task_configs_put(struct mr_task_configs *configs, const char *name, const char *text)
{
    return text == NULL ? failed(configs, CONFIGS_NO_TEXT) : put(configs, name, text);
}

int mr_task_configs_put_null(struct mr_task_configs *configs, const char *name)
{
    return put(configs, name, NULL);
}

int mr_task_configs_add_copy(struct mr_task_configs *configs, const struct mr_config *config)
{
    struct string_map *map = string_map_create();
    for (size_t i = 0; map != NULL && i < mr_config_count(config); i++) {
        if (!string_map_put(map, mr_config_name_at(config, i), mr_config_text_at(config, i))) {
            string_map_destroy(map);
            map = NULL;
        }
    }
    return add_map(configs, map);
}

size_t task_configs_count(const struct mr_task_configs *configs)
{
    return configs->maps.count;
}

const struct string_map *task_configs_at(const struct mr_task_configs *configs, size_t index)
{
    return ptr_array_at(&configs->maps, index);
}

struct string_map *task_configs_take_at(struct mr_task_configs *configs, size_t index)
{
    assert(index < configs->maps.count);
    struct string_map *map = configs->maps.items[index];
    configs->maps.items[index] = NULL;
    return map;
}

int task_configs_check(const struct mr_task_configs *configs, struct mr_error **error)
{
    switch (configs->fault) {
    case CONFIGS_FINE:
        return 0;
    case CONFIGS_TOO_MANY:
        return mr_error_set(error, MR_ERR_CONNECT, "The connector made more than %d task configurations",
                            TASK_CONFIGS_MAX);
    case CONFIGS_NO_TASK:
        return mr_error_set(error, MR_ERR_CONNECT, "The connector put an option before it added the first task");
    case CONFIGS_NO_NAME:
        return mr_error_set(error, MR_ERR_CONNECT, "The connector put an option without a name into a task");
    case CONFIGS_NO_TEXT:
        return mr_error_set(error, MR_ERR_CONNECT, "The connector put an option without a text into a task: a text could "
                                                   "not be made, or mr_task_configs_put_null was meant");
    case CONFIGS_NO_MEMORY:
        break;
    }
    return mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory while collecting task configurations");
}
