/*
 * variables_internal: providers and what they are asked. For variables.c (resolving) and variables_watch.c.
 */
#ifndef CONFIG_VARIABLES_INTERNAL_H
#define CONFIG_VARIABLES_INTERNAL_H

#include "base/plugin_call.h"
#include "base/ptr_array.h"
#include "config/reference_internal.h"
#include "config/variables.h"

#include <millrace/config_provider.h>

struct provider {
    char *name;
    const struct mr_config_provider_ops *ops;
    const struct plugin_name *plugin; /* names its calls in a crash */
    void *self;
    struct mr_config *config; /* the provider may keep it */
};

struct variables {
    struct pointer_map *providers; /* by name */
    bool are_secret;
};

/* Everything asked of one path of one provider. */
struct question {
    struct provider *provider;
    char *path;
    struct ptr_array keys; /* char *, each once */
    struct mr_config_data *data;
};

/* One question for each provider and path that `map` refers to. false: no memory. Release the array in either case. */
bool questions_gather(struct ptr_array *questions, const struct variables *variables, const struct string_map *map);

#endif
