/*
 * plugin_options: a plugin's options, read by the plugin's own definition.
 *
 * Reading runs the definition's validators: code of the plugin, which may crash. So every room reads options of plugins here,
 * where a crash is named: "inside options of CLASS" (base/plugin_call.h). What a validation request or a change of offsets reads is
 * named after that call ("validate", "alter_offsets"), by whoever makes it: it is no part of a unit's life.
 * thread: any on which plugin code may run; no lock held.
 */
#ifndef CONFIG_PLUGIN_OPTIONS_H
#define CONFIG_PLUGIN_OPTIONS_H

struct loader_plugin;
struct mr_config;
struct mr_config_report;
struct mr_error;
struct string_map;

/*
 * `map`: names without `prefix` (NULL: none), which stands before them in words. `report` NULL: the first mistake is the error
 * (MR_ERR_CONFIG); else mistakes go there, and NULL means that memory is short or the definition is broken. For mr_config_destroy.
 */
struct mr_config *plugin_options_read(const struct loader_plugin *plugin, const struct string_map *map, const char *prefix,
                                      struct mr_config_report *report, struct mr_error **error);
/* The same in another call's name, a string literal: "validate". */
struct mr_config *plugin_options_read_in(const char *call, const struct loader_plugin *plugin, const struct string_map *map,
                                         const char *prefix, struct mr_config_report *report, struct mr_error **error);

#endif
