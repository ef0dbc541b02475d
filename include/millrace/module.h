/* module.h: what a shared object hands over.
 *
 * A plugin file exports exactly one function:
 *
 *     MR_EXPORT const struct mr_module *mr_module_v1(const struct mr_host *host);
 *
 * It returns a constant table, or NULL for "I will not load" (reason logged through `host`). The worker checks `size`,
 * the ABI numbers, each plugin's `size`, kind, names and that the tables hold what the kind needs; a file that fails any
 * check is refused in words, by its path, and the other files are loaded all the same. A file is never unloaded while a
 * thread may be inside it.
 *
 * mr_module_v1 is called once per process, on the main thread, before anything else of the file but its ELF constructors; also
 * by `millrace plugin list`, so it opens nothing, starts nothing and returns at once. Whatever the tables refer to is constant
 * and lives as long as the file. A class may be provided in several versions, by several files; of two equal ones the first
 * in plugin.path counts. Names of classes and options are ASCII by custom, texts are UTF-8.
 *
 * Names: `class_name` is the full name that configurations use, e.g. "org.acme.ThingSourceConnector". Users may also
 * write the simple name (after the last dot) and, for connectors, converters, transforms and predicates, the simple name
 * without the kind's suffix ("ThingSource", "Thing"), as far as unambiguous. `aliases` adds further full names.
 */
#ifndef MILLRACE_MODULE_H
#define MILLRACE_MODULE_H

#include <millrace/config_def.h>
#include <millrace/host.h>

MR_BEGIN_DECLS

enum mr_plugin_kind {
    MR_PLUGIN_SINK = 1,         /* ops: struct mr_sink_connector_ops */
    MR_PLUGIN_SOURCE,           /* ops: struct mr_source_connector_ops */
    MR_PLUGIN_TRANSFORM,        /* ops: struct mr_transform_ops */
    MR_PLUGIN_PREDICATE,        /* ops: struct mr_predicate_ops */
    MR_PLUGIN_CONVERTER,        /* ops: struct mr_converter_ops */
    MR_PLUGIN_HEADER_CONVERTER, /* ops: struct mr_converter_ops */
    MR_PLUGIN_CONFIG_PROVIDER,  /* ops: struct mr_config_provider_ops */
    MR_PLUGIN_OVERRIDE_POLICY,  /* ops: struct mr_override_policy_ops */
    MR_PLUGIN_REST_EXTENSION    /* ops: struct mr_rest_extension_ops; since 1.1 */
};

struct mr_plugin {
    uint32_t size; /* sizeof(struct mr_plugin) */
    enum mr_plugin_kind kind;
    const char *class_name;
    const char *version;                    /* ordered as Maven does; NULL: none */
    const char *doc;                        /* one or two sentences for `millrace plugin doc` */
    const struct mr_config_def *config_def; /* NULL: no options */
    const void *ops;
    const char *const *aliases; /* NULL-terminated; NULL: none */
};

struct mr_module {
    uint32_t size; /* sizeof(struct mr_module) */
    uint16_t abi_major, abi_minor;
    const char *name;
    const struct mr_plugin *const *plugins;
    size_t plugin_count;
};

typedef const struct mr_module *mr_module_entry(const struct mr_host *host);
MR_EXPORT const struct mr_module *mr_module_v1(const struct mr_host *host);

#define MR_MODULE(module_name, list)                                                                                   \
    {                                                                                                                  \
        .size = sizeof(struct mr_module), .abi_major = MR_ABI_MAJOR, .abi_minor = MR_ABI_MINOR, .name = (module_name), \
        .plugins = (list), .plugin_count = sizeof(list) / sizeof((list)[0])                                            \
    }

MR_END_DECLS
#endif
