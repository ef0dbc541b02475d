/*
 * unknown_plugin: words for a class name that names no plugin: which may have been meant. For a name in the worker's file they stand in
 * place of Kafka Connect's; an operator who misspelt a name wants one line.
 */
#ifndef CONFIG_UNKNOWN_PLUGIN_H
#define CONFIG_UNKNOWN_PLUGIN_H

#include <millrace/module.h>

struct loader;
struct mr_error;
struct str_buffer;

/* Appends " Did you mean A, B or C?", whatever package `name` has; nothing where no class of that kind is near (for MR_PLUGIN_SOURCE and
 * _SINK: no connector), or `name` is NULL. */
void unknown_plugin_suggest(const struct loader *loader, enum mr_plugin_kind kind, const char *name, struct str_buffer *out);

/* In place of what loader_find() said, if that was that there is none: which were meant, perhaps, and where to look. Other errors
 * (a version) stay. `error` holds what loader_find() said. */
void unknown_plugin_explain(const struct loader *loader, enum mr_plugin_kind kind, const char *name, struct mr_error **error);

#endif
