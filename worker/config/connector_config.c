#include "config/connector_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "config/topic_groups.h"

#include "base/bans.h"

struct connector_config_box {
    struct connector_config config; /* first: the door casts */
    struct mr_config *parsed, *own; /* own: options that Kafka Connect does not have */
    struct string_map *raw;
    const char **topics;
};

bool connector_wants_exactly_once(const struct string_map *raw, const struct worker_config *worker)
{
    const char *own = string_map_get(raw, CONNECTOR_EXACTLY_ONCE);
    return worker->exactly_once_source == EXACTLY_ONCE_ENABLED ||
           (worker->exactly_once_source == EXACTLY_ONCE_PREPARING && own != NULL && strcasecmp(own, "enabled") == 0);
}

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

struct letter_options {
    const char *topic, *factor, *context;
};

static void store_letters(struct connector_errors *errors, const struct mr_config *config,
                          const struct letter_options *options)
{
    const char *topic = mr_config_string(config, options->topic);
    errors->dead_letter_topic = is_blank(topic) ? NULL : topic;
    errors->dead_letter_replication_factor = (int32_t)mr_config_integer(config, options->factor);
    errors->dead_letter_context_headers = mr_config_boolean(config, options->context);
}

static enum connector_boundary boundary_of(const char *text)
{
    if (strcasecmp(text, "interval") == 0)
        return CONNECTOR_BOUNDARY_INTERVAL;
    return strcasecmp(text, "connector") == 0 ? CONNECTOR_BOUNDARY_CONNECTOR : CONNECTOR_BOUNDARY_POLL;
}

static void store_exactly_once(struct connector_config_box *box, const struct worker_config *worker)
{
    struct connector_exactly_once *config = &box->config.exactly_once;
    int64_t interval_ms = worker->offset_flush_interval_ms;
    if (mr_config_has_value(box->parsed, "transaction.boundary.interval.ms"))
        interval_ms = mr_config_integer(box->parsed, "transaction.boundary.interval.ms");
    config->is_on = connector_wants_exactly_once(box->raw, worker);
    config->boundary = boundary_of(mr_config_string(box->parsed, "transaction.boundary"));
    config->interval_ms = interval_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)interval_ms;
    config->offsets_topic = mr_config_string(box->parsed, "offsets.storage.topic");
}

static bool store_source(struct connector_config_box *box, const struct worker_config *worker)
{
    static const struct letter_options options = {CONNECTOR_SOURCE_LETTERS, CONNECTOR_SOURCE_LETTERS_FACTOR,
                                                  CONNECTOR_SOURCE_LETTERS_CONTEXT};
    store_letters(&box->config.errors, box->own, &options);
    store_exactly_once(box, worker);
    return true;
}

static bool store_sink(struct connector_config_box *box)
{
    static const struct letter_options options = {"errors.deadletterqueue.topic.name",
                                                  "errors.deadletterqueue.topic.replication.factor",
                                                  "errors.deadletterqueue.context.headers.enable"};
    struct connector_config *config = &box->config;
    const char *regex = mr_config_string(box->parsed, "topics.regex");
    config->topics_regex = is_blank(regex) ? NULL : regex;
    store_letters(&config->errors, box->parsed, &options);
    config->errors.isolate = mr_config_boolean(box->own, CONNECTOR_ISOLATE);
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
    config->records_per_second = (uint64_t)mr_config_integer(box->own, CONNECTOR_RATE_RECORDS);
    config->bytes_per_second = (uint64_t)mr_config_integer(box->own, CONNECTOR_RATE_BYTES);
    return choose_converter(&config->key_converter, box, "key", &worker->key_converter) &&
           choose_converter(&config->value_converter, box, "value", &worker->value_converter) &&
           choose_converter(&config->header_converter, box, "header", &worker->header_converter) &&
           (config->kind == CONNECTOR_SOURCE ? store_source(box, worker) : store_sink(box));
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
    if (config_parse(&source, &box->parsed, NULL, error) == 0 &&
        (box->own = config_create(connector_config_own_defs(), box->raw, error)) != NULL) {
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
    mr_config_destroy(box->own);
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
