#include "dlq_connector.h"

#include <millrace/error.h>
#include <stddef.h>

#include "base/string_map.h"
#include "config/worker_config.h"
#include "store/config_snapshot.h"
#include "take_over/cluster_reading.h"

#include "base/bans.h"

static struct string_map *copy(const struct string_map *config, struct mr_error **error)
{
    struct string_map *made = string_map_copy(config);
    if (made == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a connector's configuration");
    return made;
}

static struct string_map *find(const struct config_snapshot *snapshot, const char *name, struct string_map **task, struct mr_error **error)
{
    const struct string_map *found = config_snapshot_config(snapshot, name);
    const struct string_map *found_task = config_snapshot_task(snapshot, name, 0);
    struct string_map *config = NULL;
    if (found == NULL)
        mr_error_set(error, MR_ERR_NOT_FOUND, "the cluster has no connector %s", name);
    else
        config = copy(found, error);
    if (config != NULL && found_task != NULL && (*task = copy(found_task, error)) == NULL) {
        string_map_destroy(config);
        config = NULL;
    }
    return config;
}

struct string_map *dlq_connector_read(const struct worker_config *worker, const char *name, struct graveyard *graveyard,
                                      int64_t deadline_ms, struct string_map **task, struct mr_error **error)
{
    *task = NULL;
    if (worker->mode != WORKER_DISTRIBUTED) {
        mr_error_set(error, MR_ERR_CONFIG, "a standalone worker keeps no configurations: add --connector with the connector's file");
        return NULL;
    }
    const struct cluster_reading_setup setup = {
        .worker = worker, .client_id = "millrace-dlq", .graveyard = graveyard, .deadline_ms = deadline_ms};
    struct cluster_reading reading;
    struct string_map *config = NULL;
    if (cluster_reading_open(&reading, &setup, error) == 0)
        config = find(reading.configs, name, task, error);
    cluster_reading_close(&reading);
    return config;
}
