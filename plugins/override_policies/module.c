#include "policy.h"

const struct mr_host *policy_host;

int policy_refuse(const char *policy, const struct mr_override_request *request, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONFIG,
                        "The '%s' policy does not allow '%s' to be overridden in the connector configuration.", policy,
                        request->name);
}

void *policy_create_plain(const struct mr_config *worker_config, struct mr_error **error)
{
    static char self;
    (void)worker_config;
    (void)error;
    return &self;
}

void policy_destroy_plain(void *self)
{
    (void)self;
}

static const struct mr_plugin *const plugins[] = { &all_policy, &none_policy, &principal_policy, &allowlist_policy };
static const struct mr_module module = MR_MODULE("override_policies", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    policy_host = host;
    return &module;
}
