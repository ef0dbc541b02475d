/*
 * try_worker: as much of a worker as a dry run needs: plugins, configuration, config providers. No client is opened.
 */
#ifndef MAIN_TRY_WORKER_H
#define MAIN_TRY_WORKER_H

struct loader;
struct mr_error;
struct string_map;
struct variables;
struct worker_config;

struct try_worker {
    struct loader *loader;
    struct worker_config *config;
    struct variables *variables;
};

/* `path` NULL: a worker without properties: shipped plugins and those of `plugin_path`, and no converters of its own, so that the
 * connector must name them. `plugin_path` NULL: what the file says. Log lines go to standard error from WARN on.
 * -1: MR_ERR_CONFIG names what to do. Release it in any case. */
int try_worker_init(struct try_worker *worker, const char *path, const char *plugin_path, const struct string_map *connector,
                    struct mr_error **error);
void try_worker_release(struct try_worker *worker);

#endif
