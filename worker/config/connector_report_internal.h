/*
 * connector_report_internal: filling a connector_report. For connector_*.c of this room.
 *
 * Nothing here tells of missing memory at once: the builder remembers it, adders then give NULL or do nothing, and
 * report_finish answers. Options are put into parts, in any order of calls; the parts follow each other in the report.
 */
#ifndef CONFIG_CONNECTOR_REPORT_INTERNAL_H
#define CONFIG_CONNECTOR_REPORT_INTERNAL_H

#include "config/connector_report.h"
#include "sdk/config_host.h"

struct pointer_map;

enum report_part {
    REPORT_UNKNOWN,    /* keys without a definition, in hash order */
    REPORT_UNDECLARED, /* what the connector itself complained of without declaring it */
    REPORT_MAIN,       /* each name once */
    REPORT_CLIENTS,
    REPORT_CONVERTERS,
    REPORT_PARTS
};

struct report_builder {
    struct connector_report report; /* first: the door casts */
    struct ptr_array texts;         /* owned, wiped */
    struct ptr_array blocks;        /* owned lists of texts */
    struct ptr_array parts[REPORT_PARTS];
    struct ptr_array all;    /* of the finished report */
    struct ptr_array groups; /* const char *, each once */
    struct pointer_map *main_by_name;
    size_t hashed_count; /* options of the framework, transformations and predicates: they share a hash map with the unknown */
    size_t option_count;
    bool failed, is_too_long;
};

struct report_builder *report_create(void); /* NULL: no memory */

/* A new option, visible, without definition. NULL: failed. The name must live as long as the report. */
struct connector_option *report_add(struct report_builder *builder, enum report_part part, const char *name);
/* Of REPORT_MAIN; NULL: none. */
struct connector_option *report_find(const struct report_builder *builder, const char *name);
/* Kept by the report. NULL: failed (or `text` NULL). */
const char *report_keep(struct report_builder *builder, const char *text);
const char *report_keep_printf(struct report_builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A list of `count` texts to be filled by the caller, kept by the report; NULL: failed. */
const char **report_keep_list(struct report_builder *builder, size_t count);
void report_add_group(struct report_builder *builder, const char *group); /* NULL: nothing */
/* Messages are copied. */
void report_add_error(struct report_builder *builder, struct connector_option *option, const char *message);
/* Of the last option of that name in the part; of an undeclared one when there is none. */
void report_file_error(struct report_builder *builder, enum report_part part, const char *name, const char *message);
/* 0: the report is whole, builder->report may be handed out. -1: MR_ERR_NO_MEMORY, or MR_ERR_CONFIG for too many options. */
int report_finish(struct report_builder *builder, struct mr_error **error);

/* connector_report_options.c --------------------------------------------------------------------------------------------- */

/* How the options of a configuration become options of the report. */
struct report_look {
    enum report_part part;
    /* Not NULL, "Transforms: a" and "transforms.a.": as ConfigDef.embed, all in that group, sorted, from `first_order` on,
     * dependents by their full names. */
    const char *alias_group, *alias_prefix;
    int32_t first_order;
    bool is_hash_ordered;
    bool is_own;
    bool has_no_values; /* definitions alone */
};

/* Adds all options of `config`, asks their recommenders and files `found` with them. An option that is there already (MAIN) is
 * replaced, its errors stay. Internal options are listed when they are submitted or wrong. -1: a recommender failed. */
int report_add_config(struct report_builder *builder, const struct report_look *look, const struct mr_config *config,
                      struct mr_config_report *found, struct mr_error **error);

/* Files findings with their options; those about the whole with connector.class. */
void report_file_all(struct report_builder *builder, enum report_part part, const struct mr_config_report *found);

/* connector_order.c ------------------------------------------------------------------------------------------------ */

/* The order in which a java.util.HashMap of `total` keys lists these `count`: order[i] is the index of the i-th. false: no
 * memory. */
bool java_order(const char *const *names, size_t count, size_t total, size_t *order);

#endif
