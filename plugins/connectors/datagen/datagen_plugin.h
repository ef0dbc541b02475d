/* datagen_plugin: what the files of this plugin share. */
#ifndef DATAGEN_PLUGIN_H
#define DATAGEN_PLUGIN_H

#include <millrace/millrace.h>

extern const struct mr_plugin datagen_source_plugin;
/* Set once by mr_module_v1, before anything is created. */
extern const struct mr_host *datagen_host;

#endif
