/*
 * config_host: how the worker makes the mr_config that plugins read, and what it shows of it over REST.
 *
 * A configuration is text; definitions (config_def.h) say what it means. config_parse reads all options of one or
 * several definitions, keeps what it understood as typed values and writes every mistake into a report, in the words of
 * Kafka's ConfigDef: "Missing required configuration \"topic\" which has no default value.", "Invalid value abc for
 * configuration batch.size: Not a number of type INT". As ConfigDef it knows two moods:
 *  - CONFIG_PARSE, for use (a plugin is about to be created): an option that did not parse is not checked further;
 *    a list under mr_check_valid_list silently loses its duplicates, the first one stays.
 *  - CONFIG_VALIDATE, for PUT …/validate and for creating connectors: the validator also sees the null that an
 *    unreadable or missing option leaves (hence two messages for tasks.max=abc); duplicates in such a list are a mistake.
 *
 * The config keeps a copy of the map and pointers into the definitions, which must outlive it (a plugin's tables do).
 * Life cycle: config_parse → any number of reads → mr_config_destroy. Immutable: any thread may read.
 */
#ifndef SDK_CONFIG_HOST_H
#define SDK_CONFIG_HOST_H

#include "sdk/inside.h"

#include <millrace/config_def.h>

struct string_map;
struct mr_config_report;

enum config_mood { CONFIG_PARSE, CONFIG_VALIDATE };

/* The name of an option that stands in words, and that validators and recommenders get. Findings are filed under the full
 * name in any case. */
enum config_naming {
    CONFIG_NAMES_FULL,     /* the prefix and the row's name everywhere */
    CONFIG_NAMES_EMBEDDED, /* as ConfigDef.embed: reading tells the full name, validators and recommenders the row's */
    CONFIG_NAMES_SHORT     /* as a definition of its own: the row's name everywhere */
};

/*
 * The full class name that `text` means for that option, or NULL: "Class X could not be found." Runs on the parsing
 * thread. The name must live as long as the config (the loader's do).
 */
typedef const char *config_class_find_fn(void *owner, const char *option, const char *text);

struct config_source {
    enum config_mood mood;
    /* Merged in this order; of options with equal names the first counts. NULL entries are passed over. */
    const struct mr_config_def *const *defs;
    size_t def_count;
    const struct string_map *map; /* names without the prefix */
    /* NULL: none. Stands before option names ("transforms.a."), see `naming`; typed getters take names with or without it.
     * Copied. */
    const char *prefix;
    enum config_naming naming;
    config_class_find_fn *class_find; /* NULL: a CLASS is any text */
    void *class_find_owner;
};

#define CONFIG_OPTIONS_MAX 10000 /* of all definitions together; more are refused */

/*
 * Reads the map. With a report: 0 and `*config`, as far as it could be understood, however many mistakes were added to
 * the report (options that failed have no value); -1 only when memory is short or a definition is broken. Without one
 * (NULL): the first mistake is the error (MR_ERR_CONFIG).
 */
MR_EXPORT int config_parse(const struct config_source *source, struct mr_config **config,
                           struct mr_config_report *report, struct mr_error **error);

/* One definition, CONFIG_PARSE, no report, no prefix, classes as they are: what a plugin's create gets. */
MR_EXPORT struct mr_config *config_create(const struct mr_config_def *def, const struct string_map *map,
                                          struct mr_error **error);

/* The options alone, without values: `map` may be NULL, `mood` is not looked at. Runs no validator: no plugin code. */
MR_EXPORT struct mr_config *config_describe(const struct config_source *source, struct mr_error **error);

/* Are names present and unique, types known, defaults readable and acceptable? For the loader and `plugin check`. */
MR_EXPORT int config_def_check(const struct mr_config_def *def, struct mr_error **error);

/* The submitted texts, as given to config_parse. */
MR_EXPORT const struct string_map *config_submitted(const struct mr_config *config);

/* What REST shows ------------------------------------------------------------------------------------------ */

/* A declared option, with its row at this worker's size. */
struct config_option {
    struct mr_config_row row;
    const char *full_name; /* the prefix and row.name */
    bool is_required;
    bool has_default; /* not required and not NULL */
};

MR_EXPORT size_t config_option_count(const struct mr_config *config);
MR_EXPORT const struct config_option *config_option_at(const struct mr_config *config, size_t index);
/* The value in canonical form: "4" for " +4", "7.0" for the double 7, lists joined by ",", full class names. NULL: no
 * value, or one that could not be read. */
MR_EXPORT const char *config_option_value(const struct mr_config *config, size_t index); /* passwords in clear */
MR_EXPORT const char *config_option_shown(const struct mr_config *config, size_t index); /* passwords "[hidden]" */
/* The default in canonical form, NULL without one; passwords hidden. */
MR_EXPORT const char *config_option_default(const struct mr_config *config, size_t index);
/*
 * Asks the option's recommender. Without one nothing is added and *visible is true. A refusal by the recommender
 * (MR_ERR_CONFIG) goes to the report; any other failure is the error. Calls plugin code: job thread, no lock held.
 */
MR_EXPORT int config_option_recommend(const struct mr_config *config, size_t index, struct mr_text_list *values,
                                      bool *visible, struct mr_config_report *report, struct mr_error **error);

/* Names as ConfigDef prints them: "INT", "HIGH", "MEDIUM"; NULL for an unknown value. */
MR_EXPORT const char *config_type_name(enum mr_config_type type);
MR_EXPORT const char *config_importance_name(enum mr_importance importance);
MR_EXPORT const char *config_width_name(enum mr_width width);

#define CONFIG_HIDDEN_TEXT "[hidden]"

#endif
