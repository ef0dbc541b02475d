/*
 * unknown_plugin: words for a class name in the worker's file that names no plugin. The REST API answers in Kafka Connect's words, with
 * everything there is; an operator who misspelt a name wants one line.
 */
#ifndef CONFIG_UNKNOWN_PLUGIN_H
#define CONFIG_UNKNOWN_PLUGIN_H

#include <millrace/module.h>

struct loader;
struct mr_error;

/* In place of what loader_find() said, if that was that there is none: which were meant, perhaps, and where to look. Other errors
 * (a version) stay. `error` holds what loader_find() said. */
void unknown_plugin_explain(const struct loader *loader, enum mr_plugin_kind kind, const char *name, struct mr_error **error);

#endif
