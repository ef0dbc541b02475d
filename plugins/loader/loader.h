/*
 * loader: finds plugin files, lets each introduce itself, and answers "which plugin is meant by this name?".
 *
 * Creating a loader scans the plugin path, opens every candidate (dlopen RTLD_NOW | RTLD_LOCAL), calls its mr_module_v1
 * and checks what it hands over (millrace/module.h). A file that fails a check is refused in words; the others load all
 * the same, and the refusals stay readable (loader_refusal_*). A created loader is immutable.
 *
 * Tables of plugins begin with their size and may be shorter than this worker's. What a struct loader_plugin refers to
 * are full-size copies, made by the loader, in which a member past the plugin's size is NULL; the same goes for its
 * config_def and the rows in it. So users of a loader_plugin never look at a `size`, and never at the plugin's own tables.
 * Members that module.h's neighbours do not call optional ("NULL: …") are never NULL.
 *
 * Life cycle: _create → lookups → _destroy. Destroying unloads the files: only at the end of the process, after every
 * thread that may be inside a plugin has ended. A process that abandoned such a thread must not destroy its loader.
 *
 * thread: _create and _destroy one thread; all else any. locks: none.
 */
#ifndef LOADER_LOADER_H
#define LOADER_LOADER_H

#include <millrace/module.h>

#include "base/plugin_call.h"

struct loader;
struct mr_sink_connector_ops;
struct mr_source_connector_ops;
struct mr_transform_ops;
struct mr_predicate_ops;
struct mr_converter_ops;
struct mr_config_provider_ops;
struct mr_override_policy_ops;
struct mr_rest_extension_ops;

#define LOADER_FILES_MAX 10000           /* candidates in all; further ones are refused */
#define LOADER_MODULE_PLUGINS_MAX 4096   /* plugins of one file; a file that claims more is refused */

struct loader_setup {
    /*
     * As plugin.path: comma-separated folders and files, blanks around them trimmed. NULL or "": none. Of a folder every
     * *.so in it and in its direct subfolders is a candidate, in the order of their paths; a file is one whatever its
     * name. Symbolic links are followed, but a file that was loaded already under another path is passed over.
     */
    const char *plugin_path;
    /* Also those beside the executable: ../plugins, ../lib/millrace/plugins. Scanned after plugin_path. */
    bool with_shipped;
    const struct mr_host *host;   /* lent to every plugin; outlives the process' use of plugins */
};

/* A plugin as the worker uses it. Lives as long as the loader. */
struct loader_plugin {
    enum mr_plugin_kind kind;
    const char *class_name;
    const char *version;                     /* NULL: none */
    const char *doc;                         /* never NULL, maybe "" */
    const struct mr_config_def *config_def;  /* never NULL, maybe without rows; rows have this worker's row size */
    const char *path;                        /* of the file, absolute */
    struct plugin_name name;                 /* class_name and path, for plugin_call.h */
    const char *module_name;
    const char *const *aliases;              /* never NULL; NULL-terminated */
    union {                                  /* by kind; task tables inside are full-size copies too */
        const struct mr_sink_connector_ops *sink;
        const struct mr_source_connector_ops *source;
        const struct mr_transform_ops *transform;
        const struct mr_predicate_ops *predicate;
        const struct mr_converter_ops *converter;   /* and header converter */
        const struct mr_config_provider_ops *config_provider;
        const struct mr_override_policy_ops *override_policy;
        const struct mr_rest_extension_ops *rest_extension;
    };
};

/* NULL only when memory is short: a bad file is a refusal, an unreadable folder a gap. */
struct loader *loader_create(const struct loader_setup *setup, struct mr_error **error);
void loader_destroy(struct loader *loader);

/*
 * All plugins: sinks, sources, transformations, predicates, converters, header converters (the order of
 * GET /connector-plugins), config providers, override policies, REST extensions; in each kind by class name, then by version, oldest first.
 */
size_t loader_count(const struct loader *loader);
const struct loader_plugin *loader_at(const struct loader *loader, size_t index);

/* What was not loaded and why. A path may come more than once: a file whose class is provided twice keeps its others. */
size_t loader_refusal_count(const struct loader *loader);
const char *loader_refusal_path(const struct loader *loader, size_t index);
const char *loader_refusal_reason(const struct loader *loader, size_t index);   /* names the remedy, not the path */

/* Places of the plugin path that could not be searched: they are not there, or closed to this process. A warning each; the
 * worker runs without them. */
size_t loader_gap_count(const struct loader *loader);
const char *loader_gap_path(const struct loader *loader, size_t index);
const char *loader_gap_reason(const struct loader *loader, size_t index);   /* in the words of errno */

/*
 * The plugin that `name` means among those of one kind, of connectors (sink or source), or of all kinds (the first kind
 * in the order above). `name` is, in this order of preference: a full class name; a full name among the aliases; a simple
 * name (after the last dot); a simple name without its kind's suffix (Connector, Transformation, Predicate, Converter,
 * HeaderConverter, ConfigProvider, ConnectorClientConfigOverridePolicy, RestExtension). A nested class (with $) has only its full name.
 * Case matters. Short names made from any kind count for the class: "Json" is JsonConverter, also as header converter.
 *
 * `version_range`: NULL or "latest" is the newest; "1.0" means exactly [1.0], "1.0,2.0" [1.0,2.0]; else Maven's range syntax: "[1.0,2.0)",
 * "(,3]", "[1,2),[3,)". Versions are ordered as Maven does; of those in the range the newest is taken.
 *
 * Returns 0, or -1 and an error in the words of Kafka Connect:
 *  MR_ERR_NOT_FOUND (its class is ConnectException) no such plugin, or a short name that fits several classes;
 *  MR_ERR_CONFIG no such version, or a malformed range.
 */
int loader_find(const struct loader *loader, enum mr_plugin_kind kind, const char *name, const char *version_range,
    const struct loader_plugin **plugin, struct mr_error **error);
int loader_find_connector(const struct loader *loader, const char *name, const char *version_range,
    const struct loader_plugin **plugin, struct mr_error **error);
int loader_find_any(const struct loader *loader, const char *name, const char *version_range,
    const struct loader_plugin **plugin, struct mr_error **error);

/* Is this a version or a range as above? -1: MR_ERR_CONFIG says what is wrong with it. */
int loader_version_range_check(const char *version_range, struct mr_error **error);

/* Class names that somebody who wrote `name` may have meant, the nearest first: those that differ in few letters or in case,
 * with or without package, kind's suffix and nested class ("InserField": InsertField$Key and InsertField$Value). Fills at
 * most `max`; returns how many. The texts live as long as the loader. */
size_t loader_suggest(const struct loader *loader, const char *name, const char **class_names, size_t max);

/* "sink", "source", "transformation", "predicate", "converter", "header_converter", "configprovider",
 * "connectorclientconfigoverridepolicy": as PluginType prints; "rest_extension". */
const char *loader_kind_name(enum mr_plugin_kind kind);

/* Negative, 0, positive: an older, an equal, a newer version, in Maven's order. NULL is older than all. */
int loader_version_compare(const char *one, const char *other);

#endif
