/* http_plugin: what the files of this plugin share. */
#ifndef HTTP_SINK_HTTP_PLUGIN_H
#define HTTP_SINK_HTTP_PLUGIN_H

#include <millrace/millrace.h>

#define HTTP_SINK_VERSION "1.0"
#define HTTP_CONFLUENT_CLASS "io.confluent.connect.http.HttpSinkConnector"
#define HTTP_AIVEN_CLASS "io.aiven.kafka.connect.http.HttpSinkConnector"
#define HTTP_LOGGER "millrace.http_sink"

extern const struct mr_plugin http_confluent_plugin, http_aiven_plugin;
/* Set once by mr_module_v1, before anything is created. */
extern const struct mr_host *http_host;

#endif
