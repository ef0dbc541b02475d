#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define ALLOWLIST "connector.client.config.override.allowlist"

static const struct mr_config_row rows[] = {
    {
        .name = ALLOWLIST,
        .type = MR_CONFIG_LIST,
        .default_text = "",
        .importance = MR_MEDIUM,
        .doc = "Client settings that connectors may override, without the prefix producer.override. and the like; they hold "
               "for all clients. When empty, connectors override nothing.",
        .validator = mr_check_valid_list,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* Its own copy: the worker's configuration need not outlive create. */
struct allowlist {
    size_t count;
    char *names[];
};

static void destroy(void *self)
{
    struct allowlist *list = self;
    for (size_t i = 0; list != NULL && i < list->count; i++)
        free(list->names[i]);
    free(list);
}

static void *create(const struct mr_config *worker_config, struct mr_error **error)
{
    size_t count = mr_config_list_count(worker_config, ALLOWLIST);
    struct allowlist *list = calloc(1, sizeof(*list) + count * sizeof(list->names[0]));
    if (list == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for " ALLOWLIST);
        return NULL;
    }
    list->count = count;
    for (size_t i = 0; i < count; i++) {
        list->names[i] = strdup(mr_config_list_at(worker_config, ALLOWLIST, i));
        if (list->names[i] == NULL) {
            mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for " ALLOWLIST);
            destroy(list);
            return NULL;
        }
    }
    return list;
}

static int check(void *self, const struct mr_override_request *request, struct mr_error **error)
{
    const struct allowlist *list = self;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->names[i], request->name) == 0)
            return 0;
    }
    return policy_refuse("Allowlist", request, error);
}

static const struct mr_override_policy_ops ops = {
    .size = sizeof(ops),
    .create = create,
    .check = check,
    .destroy = destroy,
};

const struct mr_plugin allowlist_policy = {
    .size = sizeof(allowlist_policy),
    .kind = MR_PLUGIN_OVERRIDE_POLICY,
    .class_name = POLICY_CLASS("Allowlist"),
    .version = KAFKA_VERSION,
    .doc = "Connectors may override the client settings named in " ALLOWLIST ", and no others.",
    .config_def = &options,
    .ops = &ops,
};
