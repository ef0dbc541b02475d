/* override_policy.h: which client settings a connector may override (KIP-458).
 *
 * Life: create → check* → destroy; check may run on several threads at once. create gets the policy's own options, as they
 * stand in the worker's properties.
 */
#ifndef MILLRACE_OVERRIDE_POLICY_H
#define MILLRACE_OVERRIDE_POLICY_H

#include <millrace/config_def.h>

MR_BEGIN_DECLS

enum mr_client_kind { MR_CLIENT_PRODUCER = 1, MR_CLIENT_CONSUMER, MR_CLIENT_ADMIN };

struct mr_override_request {
    uint32_t size;
    const char *connector_name;
    const char *connector_class;
    enum mr_client_kind client;
    const char *name; /* without producer.override. and the like */
    const char *value;
};

struct mr_override_policy_ops {
    uint32_t size;
    void *(*create)(const struct mr_config *worker_config, struct mr_error **error);
    /* 0 allowed, -1 refused (MR_ERR_CONFIG with the reason). */
    int (*check)(void *self, const struct mr_override_request *request, struct mr_error **error);
    void (*destroy)(void *self);
};

MR_END_DECLS
#endif
