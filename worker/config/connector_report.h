/*
 * connector_report: what a validation of a connector's configuration found, option by option, as PUT …/config/validate shows
 * it; and the definitions alone, as GET …/config shows them (KIP-769).
 *
 * Order: unknown keys first; the framework's options, those of transformations and predicates by alias, the connector's own;
 * client overrides (producer, consumer, admin); options of the converters (header, key, value). Where Kafka Connect lists in
 * the order of Java's hash maps (unknown keys, overrides, converters), so does this.
 *
 * A report holds no text that a config provider answered: the reference stands in its place. Passwords are "[hidden]". All
 * texts are wiped when it is destroyed.
 *
 * Life: connector_config_validate or connector_definitions → reads → _destroy. Borrows from the loader, which outlives it.
 * Immutable then; any thread may read.
 */
#ifndef CONFIG_CONNECTOR_REPORT_H
#define CONFIG_CONNECTOR_REPORT_H

#include <millrace/config_def.h>

#include "base/ptr_array.h"

/* Options of one report, and messages; a configuration with more options is refused, further messages are not listed. */
#define CONNECTOR_REPORT_OPTIONS_MAX 10000
#define CONNECTOR_REPORT_ERRORS_MAX 10000

struct str_buffer;

struct option_texts {
    const char *const *items;
    size_t count;
};

struct option_definition {
    enum mr_config_type type;
    bool is_required;
    const char *default_text; /* canonical; NULL: none */
    enum mr_importance importance;
    const char *doc, *display_name;
    const char *group; /* NULL: none */
    int32_t order_in_group;
    enum mr_width width;
    struct option_texts dependents;
};

struct connector_option {
    const char *name;
    bool is_defined; /* false: a key that nobody defines; `definition` is zero */
    bool is_own;     /* the connector defines it */
    struct option_definition definition;
    const char *value; /* canonical; NULL: none, or not to be read */
    struct option_texts recommended;
    struct ptr_array errors; /* const char * */
    bool is_visible;
};

struct connector_report {
    const char *class_name; /* connector.class as sent */
    struct connector_option *const *options;
    size_t option_count;
    struct option_texts groups;
    size_t error_count; /* messages in all */
};

void connector_report_destroy(struct connector_report *report); /* NULL is fine */

/* "Connector configuration is invalid and contains the following N error(s):\n…" as the JVM worker words it; a message that does not
 * name its option has it before it. mem_free. NULL: no memory. */
char *connector_report_message(const struct connector_report *report);
/* All messages behind line breaks, with the option's name where they lack it, or always; one that stands at a class and at its version
 * once. Returns how many; those that `out` has no room for are not listed. */
size_t connector_report_list(const struct connector_report *report, bool names_all, struct str_buffer *out);

#endif
