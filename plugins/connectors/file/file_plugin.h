/* file_plugin: what the files of this plugin share. */
#ifndef FILE_PLUGIN_H
#define FILE_PLUGIN_H

#include <millrace/millrace.h>

#define FILE_VERSION "4.3.1"
#define FILE_SOURCE_CLASS "org.apache.kafka.connect.file.FileStreamSourceConnector"
#define FILE_SINK_CLASS "org.apache.kafka.connect.file.FileStreamSinkConnector"

extern const struct mr_plugin file_source_plugin;
extern const struct mr_plugin file_sink_plugin;
/* Set once by mr_module_v1, before anything is created. */
extern const struct mr_host *file_host;

/* The `file` of either connector; NULL: standard input or output. */
static inline const char *file_name(const struct mr_config *config)
{
    const char *file = mr_config_string(config, "file");

    return file != NULL && file[0] != '\0' ? file : NULL;
}

#endif
