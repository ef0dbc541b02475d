/*
 * converters: the key, value and header converter of one task.
 *
 * Which one, and with which settings (errors-dlq rule of Kafka Connect): a connector that names `key.converter` uses its
 * own `key.converter.*` and nothing of the worker's; one that does not uses the worker's converter with the worker's
 * settings, and its own `key.converter.*` count for nothing. The same for value and header. Without any header converter:
 * SimpleHeaderConverter.
 *
 * Thread: one at a time (the task's): converters keep caches.
 */
#ifndef PIPELINE_CONVERTERS_H
#define PIPELINE_CONVERTERS_H

struct loader;
struct mr_config;
struct mr_converter_ops;
struct mr_error;
struct mr_schema;
struct mr_value;
struct plugin_name;
struct string_map;

struct converter {
    const struct mr_converter_ops *ops;
    void *self;
    const char *class_name;   /* the loader's */
    const char *version;      /* the same; NULL: none */
    const struct plugin_name *plugin;
    struct mr_config *config; /* lives as long as the instance */
    const struct mr_value *null; /* null bytes need no call: this value, with this schema; NULL: they do */
    const struct mr_schema *null_schema;
};

struct converters {
    struct converter key, value, header;
};

#define CONVERTERS_DEFAULT_HEADER "org.apache.kafka.connect.storage.SimpleHeaderConverter"

struct converters_setup {
    const struct loader *loader;        /* outlives the converters */
    const struct string_map *connector; /* the connector's configuration */
    const struct string_map *worker;    /* the worker's properties; NULL: none */
};

/* -1: MR_ERR_CONFIG names the property; nothing is left to release. The maps are only read. */
int converters_init(struct converters *converters, const struct converters_setup *setup, struct mr_error **error);
void converters_release(struct converters *converters); /* may be called again */

#endif
