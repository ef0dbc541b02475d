/* Client settings that a connector overrides, against the worker's policy (KIP-458). */
#include "config/connector_internal.h"

#include <millrace/override_policy.h>
#include <string.h>

#include "base/mem.h"
#include "base/plugin_call.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/plugin_options.h"
#include "sdk/collect.h"

#include "base/bans.h"

struct client {
    enum mr_client_kind kind;
    const char *prefix;
};
/* In the order REST lists them. */
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

static bool is_set(const struct string_map *map, const char *name)
{
    const char *value = string_map_get(map, name);
    return value != NULL && value[strspn(value, " \t\r\n")] != '\0';
}

/* A source that has its offsets by clients of its own: Kafka's DistributedHerder.connectorUsesSeparateOffsetsTopicClients. */
static bool has_own_offsets(const struct validating *validating)
{
    return validating->kind == CONNECTOR_SOURCE && validating->worker->mode == WORKER_DISTRIBUTED &&
           (connector_wants_exactly_once(validating->map, validating->worker) || is_set(validating->map, "offsets.storage.topic"));
}

/* Overrides of clients that the connector does not have are not looked at. */
static bool uses(const struct validating *validating, enum mr_client_kind kind)
{
    const struct string_map *map = validating->map;
    bool is_sink = validating->kind == CONNECTOR_SINK;
    bool has_letters = is_set(map, is_sink ? "errors.deadletterqueue.topic.name" : CONNECTOR_SOURCE_LETTERS);
    switch (kind) {
    case MR_CLIENT_PRODUCER:
        return !is_sink || has_letters;
    case MR_CLIENT_CONSUMER:
        return is_sink || has_own_offsets(validating);
    case MR_CLIENT_ADMIN:
        if (validating->has_offsets_admin)
            return true;
        return has_letters || has_own_offsets(validating) ||
               (!is_sink && validating->worker->topic_creation_enable && has_prefix(map, "topic.creation."));
    }
    return false;
}

struct policy {
    const struct mr_override_policy_ops *ops;
    const struct plugin_name *plugin; /* names its calls in a crash */
    struct mr_config *config;
    void *self;
};

static int policy_open(struct policy *policy, struct validating *validating)
{
    const struct loader_plugin *plugin;
    if (loader_find(validating->loader, MR_PLUGIN_OVERRIDE_POLICY, validating->worker->override_policy, NULL, &plugin,
                    validating->error) != 0)
        return -1;
    policy->config = plugin_options_read(plugin, validating->worker->properties, NULL, NULL, validating->error);
    if (policy->config == NULL)
        return -1;
    policy->ops = plugin->override_policy;
    policy->plugin = &plugin->name;
    const struct plugin_call before = plugin_call_enter(policy->plugin, "create");
    policy->self = policy->ops->create(policy->config, validating->error);
    plugin_call_leave(before);
    if (policy->self != NULL)
        return 0;
    mr_error_set(validating->error, MR_ERR_CONFIG, "Override policy %s did not start and gave no reason",
                 plugin->class_name);
    return -1;
}

static void policy_close(struct policy *policy)
{
    if (policy->self != NULL) {
        const struct plugin_call before = plugin_call_enter(policy->plugin, "destroy");
        policy->ops->destroy(policy->self);
        plugin_call_leave(before);
    }
    mr_config_destroy(policy->config);
}

/* NULL: allowed; else why not, to be dropped. */
static struct mr_error *policy_refusal(const struct policy *policy, const struct validating *validating,
                                       const struct client *client, const char *option, const char *value)
{
    const struct mr_override_request request = {
        .size = sizeof(request),
        .connector_name = validating->asked->name,
        .connector_class = validating->plugin->class_name,
        .client = client->kind,
        .name = option + strlen(client->prefix),
        .value = value != NULL ? value : "", /* null is a mistake of its own, and no way around the policy's words */
    };
    struct mr_error *reason = NULL;
    const struct plugin_call before = plugin_call_enter(policy->plugin, "check");
    int status = policy->ops->check(policy->self, &request, &reason);
    plugin_call_leave(before);
    if (status == 0) {
        mr_error_drop(reason);
        return NULL;
    }
    if (reason == NULL)
        mr_error_set(&reason, MR_ERR_CONFIG, "The override policy does not allow it");
    return reason;
}

/* In a report ------------------------------------------------------------------------------------------------------ */

/* As the client would read them. A value that it cannot read ends the validation, as in Kafka Connect. */
static struct mr_config *read_overrides(struct validating *validating, const struct client *client,
                                        const struct string_map *overrides)
{
    const struct mr_config_def *defs[CLIENT_DEFS];
    client_defs((int)client->kind, defs);
    struct config_source source = {.mood = CONFIG_VALIDATE, .defs = defs, .def_count = CLIENT_DEFS, .map = overrides};
    struct mr_config_report *found = config_report_create();
    struct mr_config *config = NULL;
    int status = found == NULL ? validating_no_memory(validating->error)
                               : config_parse(&source, &config, found, validating->error);
    for (size_t i = 0; status == 0 && i < config_report_count(found); i++) {
        if (string_map_has(overrides, config_report_option(found, i)))
            status = mr_error_set(validating->error, MR_ERR_CONNECT, "%s", config_report_message(found, i));
    }
    config_report_destroy(found);
    if (status == 0)
        return config;
    mr_config_destroy(config);
    return NULL;
}

static void define(struct report_builder *report, struct connector_option *option, const struct mr_config *config,
                   const char *name)
{
    for (size_t i = 0; i < config_option_count(config); i++) {
        const struct config_option *from = config_option_at(config, i);
        if (strcmp(from->row.name, name) != 0)
            continue;
        option->is_defined = true;
        option->definition = (struct option_definition){
            .type = from->row.type,
            .is_required = from->is_required,
            .default_text = report_keep(report, config_option_default(config, i)),
            .importance = from->row.importance,
            .doc = from->row.doc,
            .display_name = from->row.name,
            .order_in_group = -1,
        };
        option->value = report_keep(report, config_option_shown(config, i));
    }
}

static void add_override(struct validating *validating, const struct policy *policy, const struct client *client,
                         const struct mr_config *config, const char *name)
{
    struct report_builder *report = validating->report;
    const char *value = mr_config_text(config, name);
    struct connector_option *option =
        report_add(report, REPORT_CLIENTS, report_keep_printf(report, "%s%s", client->prefix, name));
    if (option == NULL)
        return;
    option->value = report_keep(report, value);
    define(report, option, config, name);
    struct mr_error *refusal = policy_refusal(policy, validating, client, option->name, value);
    if (refusal != NULL)
        report_add_error(report, option, mr_error_message(refusal));
    mr_error_drop(refusal);
}

/* Without the prefix, in the order in which Kafka Connect comes by them: out of one hash map into the next. */
static const char **names_in_order(struct validating *validating, const struct client *client, size_t count)
{
    struct report_builder *report = validating->report;
    const char **full = report_keep_list(report, count), **names = report_keep_list(report, count);
    size_t *order = mem_calloc(count + 1, sizeof(*order)), at = 0;
    for (size_t i = 0; full != NULL && at < count && i < string_map_count(validating->map); i++) {
        const char *key = string_map_key(validating->map, i);
        if (begins_with(key, client->prefix) && key[strlen(client->prefix)] != '\0')
            full[at++] = key;
    }
    bool is_ordered = full != NULL && names != NULL && order != NULL &&
                      java_order(full, at, string_map_count(validating->map), order);
    for (size_t i = 0; is_ordered && i < at; i++)
        names[i] = full[order[i]] + strlen(client->prefix);
    is_ordered = is_ordered && java_order(names, at, at, order);
    for (size_t i = 0; is_ordered && i < at; i++)
        full[i] = names[order[i]];
    mem_free(order);
    report->failed = report->failed || !is_ordered;
    return is_ordered ? full : NULL;
}

static int add_client(struct validating *validating, const struct policy *policy, const struct client *client)
{
    struct string_map *overrides = string_map_with_prefix(validating->map, client->prefix);
    struct mr_config *config = overrides == NULL ? NULL : read_overrides(validating, client, overrides);
    size_t count = config == NULL ? 0 : mr_config_count(config);
    const char **names = names_in_order(validating, client, count);
    for (size_t i = 0; names != NULL && i < count; i++)
        add_override(validating, policy, client, config, names[i]);
    bool is_read = config != NULL;
    mr_config_destroy(config);
    if (overrides == NULL)
        validating_no_memory(validating->error);
    string_map_destroy(overrides);
    return is_read ? 0 : -1;
}

static bool is_client_concerned(const struct validating *validating, const struct client *client)
{
    return has_prefix(validating->map, client->prefix) && uses(validating, client->kind);
}

static bool is_any_concerned(const struct validating *validating)
{
    for (size_t i = 0; i < CLIENT_COUNT; i++) {
        if (is_client_concerned(validating, &clients[i]))
            return true;
    }
    return false;
}

int validate_overrides(struct validating *validating)
{
    struct policy policy = {0};
    if (!is_any_concerned(validating))
        return 0;
    int status = policy_open(&policy, validating);
    for (size_t i = 0; status == 0 && i < CLIENT_COUNT; i++) {
        if (is_client_concerned(validating, &clients[i]))
            status = add_client(validating, &policy, &clients[i]);
    }
    policy_close(&policy);
    return status;
}

/* Before clients are made ------------------------------------------------------------------------------------------- */

static void list_refusals(const struct validating *validating, const struct policy *policy, const struct client *client,
                          struct str_buffer *text)
{
    for (size_t i = 0; i < string_map_count(validating->map); i++) {
        const char *option = string_map_key(validating->map, i), *value = string_map_value(validating->map, i);
        if (!begins_with(option, client->prefix))
            continue;
        struct mr_error *refusal = policy_refusal(policy, validating, client, option, value);
        if (refusal != NULL)
            str_buffer_printf(text, "%s%s", text->length == 0 ? "" : "\n", mr_error_message(refusal));
        mr_error_drop(refusal);
    }
}

static int check_all(struct validating *validating)
{
    struct policy policy = {0};
    struct str_buffer text;
    str_buffer_init(&text, CONNECTOR_MESSAGE_MAX);
    int status = policy_open(&policy, validating);
    for (size_t i = 0; status == 0 && i < CLIENT_COUNT; i++) {
        if (uses(validating, clients[i].kind))
            list_refusals(validating, &policy, &clients[i], &text);
    }
    policy_close(&policy);
    if (status == 0 && str_buffer_failed(&text) && !text.over_max)
        status = validating_no_memory(validating->error);
    else if (status == 0 && text.length > 0)
        status = mr_error_set(validating->error, MR_ERR_CONFIG, "%s", str_buffer_text(&text));
    str_buffer_release(&text);
    return status;
}

static int check_overrides(const struct connector_validation *validation, const struct loader_plugin *plugin,
                           const struct string_map *resolved, bool has_offsets_admin, struct mr_error **error)
{
    struct validating validating = {
        .asked = validation,
        .loader = validation->loader,
        .worker = validation->worker,
        .map = resolved,
        .plugin = plugin,
        .kind = plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK,
        .has_offsets_admin = has_offsets_admin,
        .error = error,
    };
    return is_any_concerned(&validating) ? check_all(&validating) : 0;
}

int connector_config_check_overrides(const struct connector_validation *validation, const struct loader_plugin *plugin,
                                     const struct string_map *resolved, struct mr_error **error)
{
    return check_overrides(validation, plugin, resolved, false, error);
}

int connector_config_check_offset_overrides(const struct connector_validation *validation,
                                            const struct loader_plugin *plugin, const struct string_map *resolved,
                                            struct mr_error **error)
{
    return check_overrides(validation, plugin, resolved, true, error);
}
