#include <string.h>

#include "policy.h"

static void *create(const struct mr_config *worker_config, struct mr_error **error)
{
    mr_log(policy_host, MR_LOG_WARN, principal_policy.class_name,
           "The Principal policy is deprecated and will be removed with Kafka 5.0; use Allowlist with "
           "connector.client.config.override.allowlist=sasl.jaas.config,sasl.mechanism,security.protocol");
    return policy_create_plain(worker_config, error);
}

static int check(void *self, const struct mr_override_request *request, struct mr_error **error)
{
    static const char *const allowed[] = { "sasl.jaas.config", "sasl.mechanism", "security.protocol" };
    (void)self;
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (strcmp(request->name, allowed[i]) == 0)
            return 0;
    }
    return policy_refuse("Principal", request, error);
}

static const struct mr_override_policy_ops ops = {
    .size = sizeof(ops),
    .create = create,
    .check = check,
    .destroy = policy_destroy_plain,
};

const struct mr_plugin principal_policy = {
    .size = sizeof(principal_policy),
    .kind = MR_PLUGIN_OVERRIDE_POLICY,
    .class_name = POLICY_CLASS("Principal"),
    .version = KAFKA_VERSION,
    .doc = "Connectors may override sasl.jaas.config, sasl.mechanism and security.protocol. Deprecated: use Allowlist.",
    .ops = &ops,
};
