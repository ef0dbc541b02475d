#include "policy.h"

static int check(void *self, const struct mr_override_request *request, struct mr_error **error)
{
    (void)self;
    (void)request;
    (void)error;
    return 0;
}

static const struct mr_override_policy_ops ops = {
    .size = sizeof(ops),
    .create = policy_create_plain,
    .check = check,
    .destroy = policy_destroy_plain,
};

const struct mr_plugin all_policy = {
    .size = sizeof(all_policy),
    .kind = MR_PLUGIN_OVERRIDE_POLICY,
    .class_name = POLICY_CLASS("All"),
    .version = KAFKA_VERSION,
    .doc = "Connectors may override every client setting.",
    .ops = &ops,
};
