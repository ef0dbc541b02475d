/* config_def.h: the options of a plugin, declared once.
 *
 * A row serves the parser, the checks, `PUT …/config/validate`, `GET …/config`, the defaults and `millrace plugin doc`.
 * Values arrive as text; leading and trailing blanks are trimmed for every type. The rules of the types are those of
 * org.apache.kafka.common.config.ConfigDef:
 *  BOOLEAN true/false in any case; INT, SHORT, LONG optional sign and digits, range-checked; DOUBLE; STRING; LIST split
 *  at commas, items trimmed, empty text = empty list; CLASS a plugin's class name or alias; PASSWORD text that is never shown.
 *
 * mr_config is a parsed configuration: immutable, with the texts as submitted and the typed values of the declared
 * options. The worker parses before it calls a plugin, so getters of declared options always have a valid value.
 * One that was handed to create, prepare or start of an instance stays valid until that instance is given another one or
 * has been destroyed: it may be kept. In calls without an instance (validate, alter_offsets, …) it ends with the call.
 *
 * Thread: definitions are constant data, for as long as the file is loaded; an mr_config may be read from any thread.
 */
#ifndef MILLRACE_CONFIG_DEF_H
#define MILLRACE_CONFIG_DEF_H

#include <millrace/error.h>

MR_BEGIN_DECLS

struct mr_config;

enum mr_config_type {
    MR_CONFIG_BOOLEAN = 1,
    MR_CONFIG_STRING,
    MR_CONFIG_INT,
    MR_CONFIG_SHORT,
    MR_CONFIG_LONG,
    MR_CONFIG_DOUBLE,
    MR_CONFIG_LIST,
    MR_CONFIG_CLASS,
    MR_CONFIG_PASSWORD
};

enum mr_importance { MR_HIGH = 1, MR_MEDIUM, MR_LOW };
enum mr_width { MR_WIDTH_NONE = 0, MR_WIDTH_SHORT, MR_WIDTH_MEDIUM, MR_WIDTH_LONG };

/* `default_text` of an option that must be given; NULL means "no value" instead. */
#define MR_REQUIRED mr_config_required_text
MR_EXPORT extern const char mr_config_required_text[];

/* Checks one option. `text` is its trimmed text (NULL when it has no value); `config` holds all options as far as they
 * parsed: one that could not be read has no value here. Numbers come in canonical form, lists joined by ",". Words go to
 * `*error` as MR_ERR_CONFIG; the caller adds "Invalid value V for configuration N: " in front. Words that name the option
 * themselves go there as MR_ERR_CONNECT and stay as they are.
 * Runs on a job thread, and for the default of the option while the file is loaded; may be called at any time, also for
 * options of other versions of the plugin. */
typedef int mr_config_validator(const char *name, const char *text, const struct mr_config *config,
                                const void *argument, struct mr_error **error);

/* Collects texts: a recommender's answers, task configurations, … Appending copies. */
struct mr_text_list;
MR_EXPORT int mr_text_list_append(struct mr_text_list *list, const char *text) MR_MUST_USE;

/* Adds what would be valid for the option given the others, and says whether a form should show it at all. `config` holds
 * all options as far as they parsed, as for validators. */
typedef int mr_config_recommender(const char *name, const struct mr_config *config, struct mr_text_list *values,
                                  bool *visible, struct mr_error **error);

struct mr_config_row {
    const char *name;
    enum mr_config_type type;
    const char *default_text; /* MR_REQUIRED, NULL or a text of the type */
    enum mr_importance importance;
    const char *doc;
    mr_config_validator *validator; /* NULL: the type alone decides */
    const void *validator_argument;
    mr_config_recommender *recommender; /* NULL: none */
    const char *group;                  /* NULL: none */
    int32_t order_in_group;             /* shown as -1 where group is NULL */
    enum mr_width width;
    const char *display_name;      /* NULL: the name */
    const char *const *dependents; /* NULL-terminated; NULL: none */
    bool is_internal;              /* accepted; shown only where a configuration holds it */
    /* Rows of later minor versions go on at the next multiple of 8: what lies before belongs to nobody. */
};

struct mr_config_def {
    uint32_t size;     /* sizeof(struct mr_config_def) */
    uint32_t row_size; /* sizeof(struct mr_config_row): rows may grow within a major version */
    const struct mr_config_row *rows;
    size_t count;
};

#define MR_CONFIG_DEF(table)                                                                                           \
    {                                                                                                                  \
        .size = sizeof(struct mr_config_def), .row_size = sizeof(struct mr_config_row), .rows = (table),               \
        .count = sizeof(table) / sizeof((table)[0])                                                                    \
    }

/* Ready validators; the argument in brackets. One that needs an argument and has none is refused with its file. */
MR_EXPORT mr_config_validator mr_check_not_empty;       /* text: not "" */
MR_EXPORT mr_config_validator mr_check_range;           /* numbers [struct mr_range *] */
MR_EXPORT mr_config_validator mr_check_one_of;          /* text [NULL-terminated const char *const *] */
MR_EXPORT mr_config_validator mr_check_one_of_any_case; /* the same, letters in any case */
MR_EXPORT mr_config_validator mr_check_list_not_empty;  /* ConfigDef.NonEmptyList */
/* ConfigDef.ValidList: no empty items [non-NULL: not empty]. Duplicates are a mistake where a user submits a connector,
 * and drop out (the first stays) where a plugin is created. A default of NULL makes null acceptable. */
MR_EXPORT mr_config_validator mr_check_valid_list;
struct mr_range {
    int64_t least, most;
};

/* Parsed values. NULL text = no value (default NULL). Asking for an undeclared name or as another type is a bug of the
 * caller: it asserts in debug builds and otherwise answers 0, false or NULL. */
MR_EXPORT bool mr_config_has(const struct mr_config *config, const char *name);         /* submitted, declared or not */
MR_EXPORT const char *mr_config_text(const struct mr_config *config, const char *name); /* as submitted, or NULL */
MR_EXPORT const char *mr_config_string(const struct mr_config *config, const char *name); /* STRING, CLASS, PASSWORD */
MR_EXPORT bool mr_config_boolean(const struct mr_config *config, const char *name);
MR_EXPORT int64_t mr_config_integer(const struct mr_config *config, const char *name); /* INT, SHORT, LONG */
MR_EXPORT bool mr_config_has_value(const struct mr_config *config, const char *name);  /* of any type: not NULL */
MR_EXPORT double mr_config_double(const struct mr_config *config, const char *name);
MR_EXPORT size_t mr_config_list_count(const struct mr_config *config, const char *name);
MR_EXPORT const char *mr_config_list_at(const struct mr_config *config, const char *name, size_t index);
/* All submitted texts, in order. */
MR_EXPORT size_t mr_config_count(const struct mr_config *config);
MR_EXPORT const char *mr_config_name_at(const struct mr_config *config, size_t index);
MR_EXPORT const char *mr_config_text_at(const struct mr_config *config, size_t index); /* may be NULL */

/* For tests and for plugins with options inside options: parses `count` pairs against `def`. Stops at the first
 * mistake (MR_ERR_CONFIG). */
MR_EXPORT struct mr_config *mr_config_parse(const struct mr_config_def *def, const char *const *names,
                                            const char *const *texts, size_t count, struct mr_error **error);
MR_EXPORT void mr_config_destroy(struct mr_config *config);

MR_END_DECLS
#endif
