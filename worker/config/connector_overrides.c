/* Client settings that a connector overrides, against the worker's policy (worker-config, section 3). */
#include "config/connector_internal.h"

#include <millrace/override_policy.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"

#include "base/bans.h"

struct client {
    enum mr_client_kind kind;
    const char *prefix;
};
static const struct client clients[] = {
    {MR_CLIENT_PRODUCER, "producer.override."},
    {MR_CLIENT_CONSUMER, "consumer.override."},
    {MR_CLIENT_ADMIN, "admin.override."},
};
#define CLIENT_COUNT (sizeof(clients) / sizeof(clients[0]))

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool has_prefix(const struct string_map *map, const char *prefix)
{
    for (size_t i = 0; i < string_map_count(map); i++) {
        if (begins_with(string_map_key(map, i), prefix))
            return true;
    }
    return false;
}

/* Overrides of clients that the connector does not have are not looked at. */
static bool uses(const struct validating *validating, enum mr_client_kind kind)
{
    const struct string_map *map = validating->map;
    const char *letters = string_map_get(map, "errors.deadletterqueue.topic.name");
    bool is_sink = validating->kind == CONNECTOR_SINK;
    bool has_letters = letters != NULL && letters[strspn(letters, " \t\r\n")] != '\0';
    switch (kind) {
    case MR_CLIENT_PRODUCER:
        return !is_sink || has_letters;
    case MR_CLIENT_CONSUMER:
        return is_sink || validating->worker->exactly_once_source == EXACTLY_ONCE_ENABLED ||
               string_map_get(map, "offsets.storage.topic") != NULL;
    case MR_CLIENT_ADMIN:
        return is_sink ? has_letters : validating->worker->topic_creation_enable && has_prefix(map, "topic.creation.");
    }
    return false;
}

struct policy {
    const struct mr_override_policy_ops *ops;
    struct mr_config *config;
    void *self;
};

static int policy_open(struct policy *policy, struct validating *validating)
{
    const struct loader_plugin *plugin;
    if (loader_find(validating->loader, MR_PLUGIN_OVERRIDE_POLICY, validating->worker->override_policy, NULL, &plugin,
                    validating->error) != 0)
        return -1;
    policy->config = config_create(plugin->config_def, validating->worker->properties, validating->error);
    if (policy->config == NULL)
        return -1;
    policy->ops = plugin->override_policy;
    policy->self = policy->ops->create(policy->config, validating->error);
    if (policy->self != NULL)
        return 0;
    mr_error_set(validating->error, MR_ERR_CONFIG, "Override policy %s did not start and gave no reason",
                 plugin->class_name);
    return -1;
}

static void policy_close(struct policy *policy)
{
    if (policy->self != NULL)
        policy->ops->destroy(policy->self);
    mr_config_destroy(policy->config);
}

static int check_option(struct validating *validating, const struct policy *policy, const struct client *client,
                        size_t index)
{
    const char *option = string_map_key(validating->map, index);
    const struct mr_override_request request = {
        .size = sizeof(request),
        .connector_name = validating->asked->name,
        .connector_class = validating->plugin->class_name,
        .client = client->kind,
        .name = option + strlen(client->prefix),
        .value = string_map_value(validating->map, index),
    };
    struct mr_error *reason = NULL;
    int status = 0;
    if (policy->ops->check(policy->self, &request, &reason) != 0)
        status = finding_add(validating, option, "%s",
                             reason == NULL ? "The override policy does not allow it" : mr_error_message(reason));
    mr_error_drop(reason);
    return status;
}

static int check_client(struct validating *validating, const struct policy *policy, const struct client *client)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < string_map_count(validating->map); i++) {
        const char *option = string_map_key(validating->map, i);
        if (begins_with(option, client->prefix) && string_map_value(validating->map, i) != NULL)
            status = check_option(validating, policy, client, i);
    }
    return status;
}

int validate_overrides(struct validating *validating)
{
    struct policy policy = {0};
    bool is_needed = false;
    for (size_t i = 0; i < CLIENT_COUNT; i++)
        is_needed = is_needed || (uses(validating, clients[i].kind) && has_prefix(validating->map, clients[i].prefix));
    if (!is_needed)
        return 0;
    int status = policy_open(&policy, validating);
    for (size_t i = 0; status == 0 && i < CLIENT_COUNT; i++) {
        if (uses(validating, clients[i].kind))
            status = check_client(validating, &policy, &clients[i]);
    }
    policy_close(&policy);
    return status;
}

int connector_config_check_overrides(const struct connector_validation *validation, const struct loader_plugin *plugin,
                                     const struct string_map *resolved, struct mr_error **error)
{
    struct connector_findings findings = {0};
    struct validating validating = {
        .asked = validation,
        .loader = validation->loader,
        .worker = validation->worker,
        .map = resolved,
        .plugin = plugin,
        .kind = plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK,
        .findings = &findings,
        .error = error,
    };
    struct str_buffer text;
    str_buffer_init(&text, CONNECTOR_MESSAGE_MAX);
    int status = validate_overrides(&validating);
    for (size_t i = 0; status == 0 && i < findings.count; i++)
        str_buffer_printf(&text, "%s%s", i == 0 ? "" : "\n", findings.items[i].message);
    if (status == 0 && findings.count > 0)
        status = mr_error_set(error, MR_ERR_CONFIG, "%s", str_buffer_text(&text));
    str_buffer_release(&text);
    connector_findings_release(&findings);
    return status;
}
