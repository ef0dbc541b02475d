/* converter_plugin: what all converters have alike: the option that the worker sets, and that each class is listed twice,
 * as converter and as header converter. */
#ifndef SUPPORT_CONVERTER_PLUGIN_H
#define SUPPORT_CONVERTER_PLUGIN_H

#include <millrace/converter.h>

#include "plugin_module.h"

extern const char *const converter_types[];

#define CONVERTER_TYPE_ROW                                                                                             \
    {                                                                                                                  \
        .name = "converter.type", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_LOW,         \
        .doc = "What the converter is for: key, value or header. Set by the worker.", .validator = mr_check_one_of,    \
        .validator_argument = converter_types                                                                          \
    }

/* The options of a converter that has none of its own. */
extern const struct mr_config_def converter_no_options;

/* For a converter of one type: 1 the value is of that kind, 0 it is null, -1 MR_ERR_DATA for another kind, or a schema (if there
 * is one) of another type. `name` stands in the words. */
int converter_check(const char *name, enum mr_type type, enum mr_kind kind, const struct mr_schema *schema,
                    const struct mr_value *value, struct mr_error **error);

#define CONVERTER_PLUGIN(plugin_kind, class_text, text, options, table)                                                \
    {                                                                                                                  \
        .size = sizeof(struct mr_plugin), .kind = (plugin_kind), .class_name = (class_text), .version = KAFKA_VERSION, \
        .doc = (text), .config_def = (options), .ops = (table)                                                         \
    }

/* Defines NAME_converter and NAME_header_converter. */
#define CONVERTER_PAIR(name, class_text, text, options, table)                                                         \
    static const struct mr_plugin name##_converter =                                                                   \
        CONVERTER_PLUGIN(MR_PLUGIN_CONVERTER, class_text, text, options, table);                                       \
    static const struct mr_plugin name##_header_converter =                                                            \
        CONVERTER_PLUGIN(MR_PLUGIN_HEADER_CONVERTER, class_text, text, options, table)

/* The whole tail of a file with one converter class. */
#define CONVERTER_MODULE(name, class_text, text, options, table)                                                       \
    CONVERTER_PAIR(name, class_text, text, options, table);                                                            \
    static const struct mr_plugin *const converter_plugins[] = {&name##_converter, &name##_header_converter};          \
    PLUGIN_MODULE(#name "_converter", converter_plugins)

#endif
