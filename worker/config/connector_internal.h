/*
 * connector_internal: the parts of validating a connector's configuration. For connector_*.c of this room.
 *
 *   connector_options.c         the framework's options
 *   connector_config.c          what the runtime needs of them
 *   connector_validate.c        the order of a validation
 *   connector_framework.c       the framework's options as validated: defaults, versions and recommendations by class
 *   connector_parts.c           transformations and predicates by alias
 *   connector_converters.c      options of converters
 *   connector_setups.c          transformations, predicates and converters are set up and let go of
 *   connector_fault.c           which option they mean that refuse
 *   connector_rules.c           what goes together: topics, dead letters, groups, exactly-once
 *   connector_overrides.c       client settings against the policy
 *   connector_clients.c         the clients' options
 *   connector_hints.c           options that have no effect
 *   connector_secrets.c         what providers answered leaves the report
 *   connector_definitions.c     definitions alone
 *   connector_report*.c         the report itself
 */
#ifndef CONFIG_CONNECTOR_INTERNAL_H
#define CONFIG_CONNECTOR_INTERNAL_H

#include "config/connector_config.h"
#include "config/connector_report_internal.h"
#include "loader/loader.h"
#include "sdk/config_host.h"

#define CONNECTOR_MESSAGE_MAX (1024 * 1024)

/* A validation under way. `map` has its references resolved. */
struct validating {
    const struct connector_validation *asked;
    const struct loader *loader;
    const struct worker_config *worker;
    const struct string_map *map;
    const struct loader_plugin *plugin; /* NULL: its version does not exist */
    enum connector_kind kind;
    bool has_offsets_admin; /* an admin client is to be made, whatever its tasks have */
    struct ptr_array setups; /* of connector_setups.c */
    struct report_builder *report;
    struct mr_error **error;
};

/* Those with a status return 0, or -1 with *error: memory is short, or a plugin failed. The rest leaves it to the report. */

/* On an option of the framework, of an alias or of the connector; else on one that nobody declares. */
void validating_add_error(struct validating *validating, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool validating_has_error(const struct validating *validating, const char *option);
int validating_no_memory(struct mr_error **error);

struct validating_part {
    const struct mr_config_def *defs[CONNECTOR_DEFS];
    size_t def_count;
    const struct string_map *map;
    const char *prefix; /* NULL: none */
    enum config_naming naming;
    config_class_find_fn *class_find;
    struct report_look look;
    const struct plugin_name *plugin; /* whose validators run, for crashes; NULL: none but ours */
};
/* Reads the part's options into the report; the config is yours, NULL with -1. `*is_readable` (may be NULL): no mistakes. */
struct mr_config *validate_part(struct validating *validating, const struct validating_part *part, bool *is_readable);

int validate_framework(struct validating *validating);
int validate_aliases(struct validating *validating, enum mr_plugin_kind kind);
/* "transforms" or "predicates", each alias once, for mr_config_list_at. NULL: -1. */
struct mr_config *validating_read_aliases(struct validating *validating, enum mr_plugin_kind kind);
void validate_rules(struct validating *validating);
/* `own` NULL: the connector's options could not be read, it is not asked. */
void validate_exactly_once(struct validating *validating, const struct mr_config *own);
int validate_overrides(struct validating *validating);
int validate_converters(struct validating *validating);
/* What is to be set up once all else was looked at: texts live as long as the report. `converter_type` NULL: no converter. */
int setups_add(struct validating *validating, const struct loader_plugin *plugin, const char *prefix,
               const char *class_option, const char *converter_type);
int validate_predicate_names(struct validating *validating); /* those that transformations name */
int validate_setups(struct validating *validating);
/* The option in `words` of a plugin that refuses its configuration, by its own name: named, or known by its value. `options`: without the prefix.
 * NULL: it cannot be told. */
const char *fault_option(const char *words, const struct mr_config_def *def, const struct string_map *options, const char *prefix);
/* `raw`: as written; `resolved`: as validated. */
void report_hide_secrets(struct report_builder *report, const struct string_map *raw,
                         const struct string_map *resolved);

/* Classes and versions ------------------------------------------------------------------------------------------- */

/* What a class option names. `of_kind`: as what is asked for; else a class of another kind, or (`plugin` NULL) none. */
struct class_found {
    const struct loader_plugin *plugin; /* its newest version */
    bool of_kind;
};
struct class_found class_find_newest(const struct loader *loader, enum mr_plugin_kind kind, const char *text);
/* "Class class X does not implement the Converter interface" */
void class_add_wrong_kind(struct validating *validating, const char *option, const struct loader_plugin *plugin,
                          enum mr_plugin_kind kind);
/* All classes of a kind, each once; all versions of a class. */
struct option_texts class_list(struct report_builder *report, const struct loader *loader, enum mr_plugin_kind kind);
struct option_texts version_list(struct report_builder *report, const struct loader *loader,
                                 const struct loader_plugin *plugin);
/* The text of a version option: what is submitted, trimmed, or the default. */
const char *version_value(struct validating *validating, const char *option, const char *default_text);

/* Clients -------------------------------------------------------------------------------------------------------- */

#define CLIENT_DEFS 3
/* What file connectors open, and others call so: never a file of the worker's own, whoever asks. */
#define OWN_FILE_OPTION "file"
#define OWN_FILE_WORDS "file: this is one of the worker's own files, which no connector may open"
#define OWN_FILE_PATH_MAX 4096 /* bytes; longer ones cannot be opened */
bool connector_names_own_file(const struct string_map *map, const struct worker_config *worker);

/* A client's options in Kafka's words: names, types, defaults. */
void client_defs(int kind, const struct mr_config_def *defs[CLIENT_DEFS]);

#endif
