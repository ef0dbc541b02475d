#include "config/connector_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "config/topic_groups.h"

#include "base/bans.h"

struct connector_config_box {
    struct connector_config config; /* first: the door casts */
    struct mr_config *parsed;
    struct string_map *raw;
    const char **topics;
};

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n\f")] == '\0';
}

/* Own class: own settings only. No own class: the worker's, with the worker's settings only. */
static bool choose_converter(struct converter_choice *choice, struct connector_config_box *box, const char *side,
                             const struct converter_choice *workers)
{
    char name[32], prefix[33];
    snprintf(name, sizeof(name), "%s.converter", side);
    snprintf(prefix, sizeof(prefix), "%s.", name);
    const char *own = mr_config_string(box->parsed, name);
    choice->class_name = own != NULL ? own : workers->class_name;
    choice->options = own != NULL ? string_map_with_prefix(box->raw, prefix) : string_map_copy(workers->options);
    return choice->options != NULL;
}

static bool store_topics(struct connector_config_box *box)
{
    size_t count = mr_config_list_count(box->parsed, "topics");
    box->topics = mem_calloc(count + 1, sizeof(*box->topics));
    for (size_t i = 0; box->topics != NULL && i < count; i++)
        box->topics[i] = mr_config_list_at(box->parsed, "topics", i);
    box->config.topics = box->topics;
    box->config.topic_count = box->topics == NULL ? 0 : count;
    return box->topics != NULL;
}

static bool store_sink(struct connector_config_box *box)
{
    struct connector_config *config = &box->config;
    const char *regex = mr_config_string(box->parsed, "topics.regex");
    const char *letters = mr_config_string(box->parsed, "errors.deadletterqueue.topic.name");
    config->topics_regex = is_blank(regex) ? NULL : regex;
    config->errors.dead_letter_topic = is_blank(letters) ? NULL : letters;
    config->errors.dead_letter_replication_factor =
        (int32_t)mr_config_integer(box->parsed, "errors.deadletterqueue.topic.replication.factor");
    config->errors.dead_letter_context_headers =
        mr_config_boolean(box->parsed, "errors.deadletterqueue.context.headers.enable");
    return store_topics(box);
}

static void store_errors(struct connector_config_box *box)
{
    struct connector_errors *errors = &box->config.errors;
    int64_t delay_max_ms = mr_config_integer(box->parsed, "errors.retry.delay.max.ms");
    errors->retry_timeout_ms = mr_config_integer(box->parsed, "errors.retry.timeout");
    errors->retry_delay_max_ms = delay_max_ms < 0 ? 0 : delay_max_ms > INT32_MAX ? INT32_MAX : (uint32_t)delay_max_ms;
    errors->tolerate_all = strcmp(mr_config_string(box->parsed, "errors.tolerance"), "all") == 0;
    errors->log_enable = mr_config_boolean(box->parsed, "errors.log.enable");
    errors->log_messages = mr_config_boolean(box->parsed, "errors.log.include.messages");
}

static bool store(struct connector_config_box *box, const struct worker_config *worker)
{
    struct connector_config *config = &box->config;
    config->raw = box->raw;
    config->name = mr_config_string(box->parsed, "name");
    config->class_name = mr_config_string(box->parsed, "connector.class");
    config->plugin_version = mr_config_string(box->parsed, "connector.plugin.version");
    config->tasks_max = (uint32_t)mr_config_integer(box->parsed, "tasks.max");
    config->tasks_max_enforce = mr_config_boolean(box->parsed, "tasks.max.enforce");
    store_errors(box);
    return choose_converter(&config->key_converter, box, "key", &worker->key_converter) &&
           choose_converter(&config->value_converter, box, "value", &worker->value_converter) &&
           choose_converter(&config->header_converter, box, "header", &worker->header_converter) &&
           (config->kind == CONNECTOR_SOURCE || store_sink(box));
}

/* As in Kafka Connect a mistake in the groups is found when the connector starts. */
static int store_groups(struct connector_config_box *box, const struct worker_config *worker, struct mr_error **error)
{
    if (box->config.kind != CONNECTOR_SOURCE || !worker->topic_creation_enable || !topic_groups_are_wished(box->raw))
        return 0;
    box->config.topic_groups = topic_groups_create(box->raw, error);
    return box->config.topic_groups == NULL ? -1 : 0;
}

struct connector_config *connector_config_create(enum connector_kind kind, const struct string_map *raw,
                                                 const struct worker_config *worker, struct mr_error **error)
{
    struct connector_config_box *box = mem_calloc(1, sizeof(*box));
    if (box != NULL)
        box->raw = string_map_copy(raw);
    if (box == NULL || box->raw == NULL) {
        mem_free(box);
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for a connector's configuration");
        return NULL;
    }
    if (connector_names_own_file(raw, worker)) {
        mr_error_set(error, MR_ERR_CONFIG, OWN_FILE_WORDS);
        connector_config_destroy(&box->config);
        return NULL;
    }
    box->config.kind = kind;
    const struct mr_config_def *defs[CONNECTOR_DEFS];
    connector_config_defs(kind, defs);
    struct config_source source = {.mood = CONFIG_PARSE, .defs = defs, .def_count = CONNECTOR_DEFS, .map = box->raw};
    if (config_parse(&source, &box->parsed, NULL, error) == 0) {
        if (!store(box, worker))
            mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for a connector's configuration");
        else if (store_groups(box, worker, error) == 0)
            return &box->config;
    }
    connector_config_destroy(&box->config);
    return NULL;
}

void connector_config_destroy(struct connector_config *config)
{
    if (config == NULL)
        return;
    struct connector_config_box *box = (struct connector_config_box *)(void *)config;
    topic_groups_destroy(config->topic_groups);
    string_map_destroy(config->key_converter.options);
    string_map_destroy(config->value_converter.options);
    string_map_destroy(config->header_converter.options);
    mem_free(box->topics);
    mr_config_destroy(box->parsed);
    string_map_destroy(box->raw);
    mem_free(box);
}

int connector_config_plugin(const struct loader *loader, const struct string_map *raw,
                            const struct loader_plugin **plugin, struct mr_error **error)
{
    const char *class_name = string_map_get(raw, "connector.class"), *name = string_map_get(raw, "name");
    if (class_name == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Connector config {name=%s} contains no connector type",
                            name == NULL ? "null" : name);
    return loader_find_connector(loader, class_name, string_map_get(raw, "connector.plugin.version"), plugin, error);
}
