#include "take_over/give_back_internal.h"

#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/value.h>
#include <pthread.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/kafka_stores.h"
#include "store/offset_store.h"
#include "take_over/take_over_internal.h"

#include "base/bans.h"

#define CLIENT_ID "millrace-give-back"
#define OFFSETS_BYTES_MAX ((size_t)256 << 20)

/* The two readings, and where what is valid is written. */
struct readings {
    const struct take_over_setup *setup;
    const struct cluster_reading *valid; /* committed records alone */
    struct cluster_reading all;
    json_t *notes;
};

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to compare what was committed with what was not");
}

/* Configurations ---------------------------------------------------------------------------------------------------- */

static bool is_same_map(const struct string_map *one, const struct string_map *other)
{
    return one == NULL || other == NULL ? one == other : string_map_equals(one, other);
}

static bool is_same_connector(const struct config_snapshot *one, const struct config_snapshot *other, const char *name)
{
    uint32_t count = config_snapshot_task_count(one, name);
    if (!is_same_map(config_snapshot_config(one, name), config_snapshot_config(other, name)) ||
        config_snapshot_target(one, name) != config_snapshot_target(other, name) || count != config_snapshot_task_count(other, name) ||
        config_snapshot_is_inconsistent(one, name) != config_snapshot_is_inconsistent(other, name) ||
        config_snapshot_awaits_commit(one, name) != config_snapshot_awaits_commit(other, name))
        return false;
    for (uint32_t task = 0; task < count; task++)
        if (!is_same_map(config_snapshot_task(one, name, task), config_snapshot_task(other, name, task)))
            return false;
    return true;
}

static int write_tasks(struct config_store *store, const struct config_snapshot *configs, const char *name, struct mr_error **error)
{
    uint32_t count = config_snapshot_task_count(configs, name);
    const struct string_map **tasks = mem_calloc(count + 1, sizeof(*tasks));
    if (tasks == NULL)
        return no_memory(error);
    for (uint32_t task = 0; task < count; task++)
        tasks[task] = config_snapshot_task(configs, name, task);
    int status = config_store_put_tasks(store, name, tasks, count, deadline_after_ms(CONFIG_WRITE_TIMEOUT_MS), error);
    mem_free(tasks);
    return status;
}

/* Of a connector whose tasks were not whole nothing is said: whoever is given it makes them anew. */
static int write_connector(const struct readings *readings, const char *name, struct mr_error **error)
{
    struct config_store *store = kafka_stores_configs(readings->valid->stores);
    const struct config_snapshot *configs = readings->valid->configs;
    enum target_state target = config_snapshot_target(configs, name);
    int64_t deadline_ms = deadline_after_ms(CONFIG_WRITE_TIMEOUT_MS);
    if (!config_snapshot_has(configs, name))
        return config_store_remove_connector(store, name, deadline_ms, error);
    bool has_other_target = target != config_snapshot_target(readings->all.configs, name);
    if (config_store_put_connector(store, name, config_snapshot_config(configs, name), has_other_target ? &target : NULL, deadline_ms,
                                   error) != 0)
        return -1;
    if (config_snapshot_applied(configs, name) == NULL || config_snapshot_is_inconsistent(configs, name))
        return 0;
    return write_tasks(store, configs, name, error);
}

static int compare_connector(const struct readings *readings, const char *name, struct mr_error **error)
{
    bool exists = config_snapshot_has(readings->valid->configs, name);
    if (is_same_connector(readings->valid->configs, readings->all.configs, name))
        return 0;
    if (write_connector(readings, name, error) != 0)
        return -1;
    return words_add(readings->notes, "%s: %s, since a JVM worker would have read a configuration that was never committed", name,
                     exists ? "its configuration was written once more" : "that there is no such connector was written once more")
               ? 0
               : no_memory(error);
}

static int compare_connectors(const struct readings *readings, struct mr_error **error)
{
    const struct config_snapshot *valid = readings->valid->configs, *all = readings->all.configs;
    int status = 0;
    for (size_t i = 0; status == 0 && i < config_snapshot_connector_count(all); i++)
        status = compare_connector(readings, config_snapshot_connector_at(all, i), error);
    for (size_t i = 0; status == 0 && i < config_snapshot_connector_count(valid); i++)
        if (!config_snapshot_has(all, config_snapshot_connector_at(valid, i)))
            status = compare_connector(readings, config_snapshot_connector_at(valid, i), error);
    return status;
}

/* Offsets ------------------------------------------------------------------------------------------------------------ */

/* Of one connector. Values live in the arena. */
struct comparing {
    struct offset_store *valid, *all;
    const char *connector;
    struct mr_arena *arena;
    struct offset_entry *entries; /* to be written */
    size_t count, capacity;
};

static int write_later(struct comparing *comparing, const struct mr_value *partition, const struct mr_value *offset)
{
    if (comparing->count == comparing->capacity) {
        size_t capacity = comparing->capacity == 0 ? 16 : 2 * comparing->capacity;
        struct offset_entry *grown = mem_realloc(comparing->entries, capacity * sizeof(*grown));
        if (grown == NULL)
            return -1;
        comparing->entries = grown;
        comparing->capacity = capacity;
    }
    comparing->entries[comparing->count++] = (struct offset_entry){.partition = partition, .offset = offset};
    return 0;
}

/* Of a partition that has an offset in the reading of all records. */
static int compare_of_all(void *argument, const struct mr_value *partition, const struct mr_value *offset)
{
    struct comparing *comparing = argument;
    const struct mr_value *valid = offset_store_get(comparing->valid, comparing->connector, partition, comparing->arena, NULL);
    if (valid == NULL)
        return -1;
    return mr_value_equals(valid, offset) ? 0 : write_later(comparing, partition, valid);
}

/* Of one that has a valid offset: is there none in the other reading? */
static int compare_of_valid(void *argument, const struct mr_value *partition, const struct mr_value *offset)
{
    struct comparing *comparing = argument;
    const struct mr_value *other = offset_store_get(comparing->all, comparing->connector, partition, comparing->arena, NULL);
    if (other == NULL)
        return -1;
    return mr_value_is_null(other) ? write_later(comparing, partition, offset) : 0;
}

/* A write that is waited for. */
struct writing {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool is_done;
    struct mr_error *error;
};

static void on_written(void *argument, const struct mr_error *error)
{
    struct writing *writing = argument;
    mutex_lock(&writing->lock);
    if (error != NULL)
        mr_error_set(&writing->error, mr_error_code(error), "%s", mr_error_message(error));
    writing->is_done = true;
    pthread_cond_signal(&writing->told);
    mutex_unlock(&writing->lock);
}

/* The store tells in any case: the brokers' answer, or at its end. */
static int write_offsets(const struct comparing *comparing, struct mr_error **error)
{
    struct writing writing = {.error = NULL};
    mutex_init(&writing.lock);
    cond_init(&writing.told);
    int status = offset_store_put(comparing->valid, comparing->connector, comparing->entries, comparing->count, on_written, &writing, error);
    mutex_lock(&writing.lock);
    while (status == 0 && !writing.is_done)
        pthread_cond_wait(&writing.told, &writing.lock);
    mutex_unlock(&writing.lock);
    if (writing.error != NULL)
        status = mr_error_set(error, mr_error_code(writing.error), "%s", mr_error_message(writing.error));
    mr_error_drop(writing.error);
    pthread_cond_destroy(&writing.told);
    mutex_destroy(&writing.lock);
    return status;
}

static int compare_offsets_of(const struct readings *readings, const char *name, struct mr_error **error)
{
    struct comparing comparing = {.valid = kafka_stores_offsets(readings->valid->stores),
                                  .all = kafka_stores_offsets(readings->all.stores),
                                  .connector = name,
                                  .arena = mr_arena_create(OFFSETS_BYTES_MAX)};
    if (comparing.arena == NULL)
        return no_memory(error);
    int status = offset_store_each(comparing.all, name, comparing.arena, compare_of_all, &comparing, error);
    if (status == 0)
        status = offset_store_each(comparing.valid, name, comparing.arena, compare_of_valid, &comparing, error);
    if (status != 0)
        no_memory(error); /* unless it says another reason */
    if (status == 0 && comparing.count > 0)
        status = write_offsets(&comparing, error);
    if (status == 0 && comparing.count > 0 &&
        !words_add(readings->notes, "%s: offsets of %zu source partitions were written once more, since a JVM worker would have read such that "
                   "were never committed", name, comparing.count))
        status = no_memory(error);
    mem_free(comparing.entries);
    mr_arena_destroy(comparing.arena);
    return status;
}

static int compare_offsets(const struct readings *readings, struct mr_error **error)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < config_snapshot_connector_count(readings->valid->configs); i++)
        status = compare_offsets_of(readings, config_snapshot_connector_at(readings->valid->configs, i), error);
    return status;
}

/* The whole ---------------------------------------------------------------------------------------------------------- */

int give_back_right(const struct take_over_setup *setup, const struct cluster_reading *reading, json_t *notes, struct mr_error **error)
{
    struct readings readings = {.setup = setup, .valid = reading, .notes = notes};
    const struct cluster_reading_setup all = {.worker = setup->worker,
                                              .client_id = CLIENT_ID,
                                              .graveyard = setup->graveyard,
                                              .uncommitted = true,
                                              .deadline_ms = setup->deadline_ms};
    if (!worker_config_wants_leader_transactions(setup->worker) || setup->worker->exactly_once_source == EXACTLY_ONCE_ENABLED)
        return 0;
    int status = cluster_reading_open(&readings.all, &all, error);
    if (status == 0)
        status = compare_connectors(&readings, error);
    if (status == 0)
        status = compare_offsets(&readings, error);
    cluster_reading_close(&readings.all);
    return status;
}
