#include "loader_test.h"

#include <millrace/override_policy.h>

#define ALLOWLIST "connector.client.config.override.allowlist"

/* A policy as the worker has it: found by a name, made from a worker configuration. */
struct policy {
    const struct mr_override_policy_ops *ops;
    struct mr_config *config;
    void *self;
};

static int set_up(void **state)
{
    *state = load(MR_PLUGINS "/override_policies.so");
    return 0;
}

static int tear_down(void **state)
{
    loader_destroy(*state);
    return 0;
}

static struct policy policy_open(const struct loader *loader, const char *name, const char *allowlist)
{
    struct mr_error *error = NULL;
    const struct loader_plugin *plugin = NULL;
    assert_int_equal(0, loader_find(loader, MR_PLUGIN_OVERRIDE_POLICY, name, NULL, &plugin, &error));
    const char *names[] = { ALLOWLIST };
    struct policy policy = { .ops = plugin->override_policy };
    policy.config = mr_config_parse(plugin->config_def, names, &allowlist, allowlist != NULL ? 1 : 0, &error);
    assert_non_null(policy.config);
    policy.self = policy.ops->create(policy.config, &error);
    assert_non_null(policy.self);
    assert_null(error);
    return policy;
}

static void policy_close(struct policy *policy)
{
    policy->ops->destroy(policy->self);
    mr_config_destroy(policy->config);
}

static bool allows(const struct policy *policy, enum mr_client_kind client, const char *name)
{
    struct mr_error *error = NULL;
    struct mr_override_request request = { .size = sizeof(request), .connector_name = "c", .connector_class = "C",
                                           .client = client, .name = name, .value = "secret" };
    int status = policy->ops->check(policy->self, &request, &error);
    if (status != 0) {
        assert_int_equal(MR_ERR_CONFIG, mr_error_code(error));
        assert_null(strstr(mr_error_message(error), "secret"));
    }
    assert_true((status != 0) == (error != NULL));
    mr_error_drop(error);
    return status == 0;
}

static void the_four_policies_have_their_java_names(void **state)
{
    static const char *const names[] = { "All", "None", "Principal", "Allowlist" };
    for (size_t i = 0; i < 4; i++) {
        char class_name[256];
        const struct loader_plugin *by_class = NULL, *by_alias = NULL;
        snprintf(class_name, sizeof(class_name),
                 "org.apache.kafka.connect.connector.policy.%sConnectorClientConfigOverridePolicy", names[i]);
        assert_int_equal(0, loader_find(*state, MR_PLUGIN_OVERRIDE_POLICY, class_name, NULL, &by_class, NULL));
        assert_int_equal(0, loader_find(*state, MR_PLUGIN_OVERRIDE_POLICY, names[i], NULL, &by_alias, NULL));
        assert_ptr_equal(by_class, by_alias);
    }
}

static void all_allows_everything(void **state)
{
    struct policy policy = policy_open(*state, "All", NULL);
    assert_true(allows(&policy, MR_CLIENT_PRODUCER, "linger.ms"));
    assert_true(allows(&policy, MR_CLIENT_ADMIN, "sasl.jaas.config"));
    policy_close(&policy);
}

static void none_allows_nothing(void **state)
{
    struct policy policy = policy_open(*state, "None", NULL);
    assert_false(allows(&policy, MR_CLIENT_PRODUCER, "linger.ms"));
    assert_false(allows(&policy, MR_CLIENT_CONSUMER, "sasl.jaas.config"));
    policy_close(&policy);
}

static void principal_allows_three_names(void **state)
{
    struct policy policy = policy_open(*state, "Principal", NULL);
    assert_true(allows(&policy, MR_CLIENT_PRODUCER, "sasl.jaas.config"));
    assert_true(allows(&policy, MR_CLIENT_CONSUMER, "sasl.mechanism"));
    assert_true(allows(&policy, MR_CLIENT_ADMIN, "security.protocol"));
    assert_false(allows(&policy, MR_CLIENT_PRODUCER, "sasl.login.class"));
    policy_close(&policy);
}

static void an_allowlist_allows_its_names_for_all_clients(void **state)
{
    struct policy policy = policy_open(*state, "Allowlist", " linger.ms , max.poll.records");
    assert_true(allows(&policy, MR_CLIENT_PRODUCER, "linger.ms"));
    assert_true(allows(&policy, MR_CLIENT_ADMIN, "linger.ms"));
    assert_true(allows(&policy, MR_CLIENT_CONSUMER, "max.poll.records"));
    assert_false(allows(&policy, MR_CLIENT_PRODUCER, "acks"));
    policy_close(&policy);
}

static void an_empty_allowlist_allows_nothing(void **state)
{
    struct policy policy = policy_open(*state, "Allowlist", NULL);
    assert_false(allows(&policy, MR_CLIENT_PRODUCER, "linger.ms"));
    policy_close(&policy);
}

static void a_refusal_has_the_words_of_kafka_connect(void **state)
{
    struct mr_error *error = NULL;
    struct policy policy = policy_open(*state, "Allowlist", NULL);
    struct mr_override_request request = { .size = sizeof(request), .client = MR_CLIENT_PRODUCER, .name = "linger.ms",
                                           .value = "5" };
    assert_int_equal(-1, policy.ops->check(policy.self, &request, &error));
    assert_string_equal("The 'Allowlist' policy does not allow 'linger.ms' to be overridden in the connector "
                        "configuration.",
                        mr_error_message(error));
    mr_error_drop(error);
    policy_close(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_policies_have_their_java_names),
        cmocka_unit_test(all_allows_everything),
        cmocka_unit_test(none_allows_nothing),
        cmocka_unit_test(principal_allows_three_names),
        cmocka_unit_test(an_allowlist_allows_its_names_for_all_clients),
        cmocka_unit_test(an_empty_allowlist_allows_nothing),
        cmocka_unit_test(a_refusal_has_the_words_of_kafka_connect),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
