/* policy.h: the four policies of this module and what they share. */
#ifndef OVERRIDE_POLICIES_POLICY_H
#define OVERRIDE_POLICIES_POLICY_H

#include <millrace/millrace.h>

#define POLICY_CLASS(name) "org.apache.kafka.connect.connector.policy." name "ConnectorClientConfigOverridePolicy"

extern const struct mr_plugin all_policy, none_policy, principal_policy, allowlist_policy;

/* The worker's table, from the moment the module is loaded. */
extern const struct mr_host *policy_host;

/* Fills the error for a setting that `policy` does not allow; returns -1. */
int policy_refuse(const char *policy, const struct mr_override_request *request, struct mr_error **error);

/* For policies without state: create and destroy. */
void *policy_create_plain(const struct mr_config *worker_config, struct mr_error **error);
void policy_destroy_plain(void *self);

#endif
