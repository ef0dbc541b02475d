#include "policy.h"

static int check(void *self, const struct mr_override_request *request, struct mr_error **error)
{
    (void)self;
    return policy_refuse("None", request, error);
}

static const struct mr_override_policy_ops ops = {
    .size = sizeof(ops),
    .create = policy_create_plain,
    .check = check,
    .destroy = policy_destroy_plain,
};

const struct mr_plugin none_policy = {
    .size = sizeof(none_policy),
    .kind = MR_PLUGIN_OVERRIDE_POLICY,
    .class_name = POLICY_CLASS("None"),
    .version = KAFKA_VERSION,
    .doc = "Connectors may override no client setting.",
    .ops = &ops,
};
