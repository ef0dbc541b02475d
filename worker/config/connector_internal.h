/*
 * connector_internal: the parts of validating a connector's configuration. For connector_*.c of this room.
 *
 *   connector_options.c   the framework's options
 *   connector_config.c    what the runtime needs of them
 *   connector_validate.c  the order of a validation
 *   connector_rules.c     what goes together: topics, dead letters, groups, exactly-once
 *   connector_parts.c     converters, transformations, predicates
 *   connector_overrides.c client settings against the policy
 *   connector_findings.c  the list of what was found
 */
#ifndef CONFIG_CONNECTOR_INTERNAL_H
#define CONFIG_CONNECTOR_INTERNAL_H

#include "config/connector_config.h"
#include "loader/loader.h"
#include "sdk/config_host.h"

#define CONNECTOR_FINDINGS_MAX 10000 /* further ones are not listed */
#define CONNECTOR_MESSAGE_MAX (1024 * 1024)

/* A validation under way. `map` has its references resolved. */
struct validating {
    const struct connector_validation *asked;
    const struct loader *loader;
    const struct worker_config *worker;
    const struct string_map *map;
    const struct loader_plugin *plugin; /* NULL: its version does not exist */
    enum connector_kind kind;
    struct connector_findings *findings;
    struct mr_error **error;
};

/* All return 0, or -1 with *error: memory is short, or a plugin failed. */

/* Findings of one option stand together, in the order found. */
int finding_add(struct validating *validating, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool finding_exists(const struct validating *validating, const char *option);

struct validating_part {
    const struct mr_config_def *defs[CONNECTOR_DEFS];
    size_t def_count;
    const struct string_map *map;
    const char *prefix; /* NULL: none */
    config_class_find_fn *class_find;
};
/* Reads the part's options; the config is yours, NULL with -1. */
struct mr_config *validate_part(struct validating *validating, const struct validating_part *part);

int validate_rules(struct validating *validating);
/* `own` NULL: the connector's options could not be read, it is not asked. */
int validate_exactly_once(struct validating *validating, const struct mr_config *own);
int validate_aliases(struct validating *validating, enum mr_plugin_kind kind);
int validate_converters(struct validating *validating);
int validate_overrides(struct validating *validating);

#endif
