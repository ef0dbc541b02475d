#include "try_worker.h"

#include <millrace/error.h>

#include "base/log.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "config/worker_file.h"
#include "loader/host.h"
#include "loader/loader.h"

#include "base/bans.h"

/* What a standalone worker's configuration cannot do without; nothing of it is used. */
static const char *const NOBODYS[][2] = {
    {"bootstrap.servers", "localhost:9092"},
    {"offset.storage.file.filename", "/dev/null"},
    {"key.converter", "org.apache.kafka.connect.storage.StringConverter"},
    {"value.converter", "org.apache.kafka.connect.storage.StringConverter"},
};

static int check_own_converters(const struct string_map *connector, struct mr_error **error)
{
    static const char *const needed[] = {"key.converter", "value.converter"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!string_map_has(connector, needed[i]))
            return mr_error_set(error, MR_ERR_CONFIG, "the connector names no %s, so the worker's counts: add --worker with the "
                                "worker's file, or name one", needed[i]);
    }
    return 0;
}

static struct string_map *nobodys_properties(struct mr_error **error)
{
    struct string_map *map = string_map_create();
    for (size_t i = 0; map != NULL && i < sizeof(NOBODYS) / sizeof(NOBODYS[0]); i++) {
        if (string_map_put(map, NOBODYS[i][0], NOBODYS[i][1]))
            continue;
        string_map_destroy(map);
        map = NULL;
    }
    if (map == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a worker's properties");
    return map;
}

static int read_files(struct try_worker *worker, const char *path, const char *plugin_path, const struct string_map *written,
                      struct mr_error **error)
{
    const char *group = string_map_get(written, "group.id");
    enum worker_mode mode = path != NULL && group != NULL ? WORKER_DISTRIBUTED : WORKER_STANDALONE;
    const struct loader_setup loader = {
        .plugin_path = plugin_path != NULL ? plugin_path : string_map_get(written, "plugin.path"),
        .with_shipped = true,
        .host = loader_host(),
    };
    worker->loader = loader_create(&loader, error);
    if (worker->loader == NULL)
        return -1;
    worker->config = worker_file_config(path == NULL ? "the connector" : path, mode, written, worker->loader, error);
    if (worker->config == NULL || (path != NULL && worker_config_check_plugins(worker->config, worker->loader, error) != 0))
        return -1;
    worker->variables = variables_create(worker->loader, worker->config->properties, error);
    if (worker->variables == NULL)
        return -1;
    variables_are_secret(worker->variables);
    return 0;
}

int try_worker_init(struct try_worker *worker, const char *path, const char *plugin_path, const struct string_map *connector,
                    struct mr_error **error)
{
    *worker = (struct try_worker){.loader = NULL};
    log_level_set("root", LOG_LEVEL_WARN, -1, NULL);
    if (path == NULL && check_own_converters(connector, error) != 0)
        return -1;
    struct string_map *written = path == NULL ? nobodys_properties(error) : worker_file_read(path, error);
    int status = written == NULL ? -1 : read_files(worker, path, plugin_path, written, error);
    variables_hide_error(written, worker->config == NULL ? NULL : worker->config->properties, error);
    string_map_destroy(written);
    return status;
}

void try_worker_release(struct try_worker *worker)
{
    variables_destroy(worker->variables);
    worker_config_destroy(worker->config);
    loader_destroy(worker->loader);
    *worker = (struct try_worker){.loader = NULL};
}
