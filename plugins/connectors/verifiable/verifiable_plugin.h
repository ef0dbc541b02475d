/* verifiable_plugin: what the files of this plugin share. */
#ifndef VERIFIABLE_PLUGIN_H
#define VERIFIABLE_PLUGIN_H

#include <millrace/millrace.h>

#define VERIFIABLE_VERSION "4.3.1"
#define VERIFIABLE_SOURCE_CLASS "org.apache.kafka.connect.tools.VerifiableSourceConnector"
#define VERIFIABLE_SINK_CLASS "org.apache.kafka.connect.tools.VerifiableSinkConnector"

extern const struct mr_plugin verifiable_source_plugin;
extern const struct mr_plugin verifiable_sink_plugin;
/* Set once by mr_module_v1, before anything is created. */
extern const struct mr_host *verifiable_host;

/* The number of the task that the connector wrote into its configuration; one without it is the worker's `task`. */
static inline int32_t verifiable_id(const struct mr_config *config, uint32_t task)
{
    return mr_config_has_value(config, "id") ? (int32_t)mr_config_integer(config, "id") : (int32_t)task;
}

#define VERIFIABLE_ID_ROW                                                                                              \
    {                                                                                                                  \
        .name = "id", .type = MR_CONFIG_INT, .importance = MR_LOW, .doc = "The number of the task: set by the connector", \
        .is_internal = true                                                                                            \
    }

#endif
