/* What goes together in a connector's configuration. */
#include "config/connector_internal.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str_buffer.h"
#include "base/string_map.h"
#include "sdk/collect.h"

#include "base/bans.h"

#define TOPICS "topics"
#define TOPICS_REGEX "topics.regex"
#define LETTERS "errors.deadletterqueue.topic.name"
#define GROUP_OVERRIDE "consumer.override.group.id"

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n\f\v")] == '\0';
}

/* Topics ------------------------------------------------------------------------------------------------------- */

static void refuse_both(struct validating *validating, const char *message)
{
    validating_add_error(validating, TOPICS, "%s", message);
    validating_add_error(validating, TOPICS_REGEX, "%s", message);
}

static void check_letter_list(struct validating *validating, const char *letters)
{
    static const struct mr_config_row row = {.name = TOPICS, .type = MR_CONFIG_LIST, .importance = MR_HIGH, .doc = ""};
    static const struct mr_config_def def = {.size = sizeof(def), .row_size = sizeof(row), .rows = &row, .count = 1};
    struct mr_config *config = config_create(&def, validating->map, NULL);
    struct str_buffer listed;
    bool is_read = false;
    if (config == NULL) {
        validating->report->failed = true;
        return;
    }
    str_buffer_init(&listed, CONFIG_MESSAGE_MAX / 2);
    for (size_t i = 0; i < mr_config_list_count(config, TOPICS); i++) {
        const char *topic = mr_config_list_at(config, TOPICS, i);
        is_read = is_read || strcmp(topic, letters) == 0;
        str_buffer_printf(&listed, "%s%s", i == 0 ? "" : ", ", topic);
    }
    if (is_read)
        validating_add_error(validating, TOPICS,
                             "The DLQ topic '%s' may not be included in the list of topics ('topics=[%s]') consumed by "
                             "the connector",
                             letters, str_buffer_text(&listed));
    str_buffer_release(&listed);
    mr_config_destroy(config);
}

/* The expression matches the whole name, as a consumer subscribes. */
static bool matches_whole(const char *expression, const char *name)
{
    regex_t compiled;
    struct str_buffer anchored;
    str_buffer_init(&anchored, CONNECTOR_MESSAGE_MAX);
    str_buffer_printf(&anchored, "^(%s)$", expression);
    bool matches =
        !str_buffer_failed(&anchored) && regcomp(&compiled, str_buffer_text(&anchored), REG_EXTENDED | REG_NOSUB) == 0;
    str_buffer_release(&anchored);
    if (!matches)
        return false;
    matches = regexec(&compiled, name, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

static void check_letters(struct validating *validating, const char *topics, const char *expression)
{
    const char *text = string_map_get(validating->map, LETTERS);
    char letters[512];
    if (is_blank(text))
        return;
    text += strspn(text, " \t\r\n\f\v");
    snprintf(letters, sizeof(letters), "%.*s", (int)strcspn(text, " \t\r\n\f\v"), text);
    if (!is_blank(topics))
        check_letter_list(validating, letters);
    if (!is_blank(expression) && matches_whole(expression, letters))
        validating_add_error(
            validating, TOPICS_REGEX,
            "The DLQ topic '%s' may not be matched by the regex for the topics ('topics.regex=%s') consumed by "
            "the connector",
            letters, expression);
}

static void check_topics(struct validating *validating)
{
    const char *topics = string_map_get(validating->map, TOPICS);
    const char *expression = string_map_get(validating->map, TOPICS_REGEX);
    if (!is_blank(topics) && !is_blank(expression))
        refuse_both(validating, "topics and topics.regex are mutually exclusive options, but both are set.");
    if (is_blank(topics) && is_blank(expression))
        refuse_both(validating, "Must configure one of topics or topics.regex");
    check_letters(validating, topics, expression);
}

/* Groups ------------------------------------------------------------------------------------------------------- */

/* A key of its own in the report, beside the consumer's override. */
static void check_own_group(struct validating *validating, const char *workers)
{
    const char *group = string_map_get(validating->map, GROUP_OVERRIDE);
    struct connector_option *option = report_add(validating->report, REPORT_UNKNOWN, GROUP_OVERRIDE);
    if (option == NULL)
        return;
    option->value = report_keep(validating->report, group);
    if (group != NULL && strcmp(group, workers) == 0)
        report_add_error(validating->report, option,
                         report_keep_printf(validating->report,
                                            "Consumer group %s conflicts with Connect worker group %s", group,
                                            workers));
}

static void check_group(struct validating *validating)
{
    const char *workers = validating->worker->group_id, *name = string_map_get(validating->map, "name");
    if (name == NULL)
        name = validating->asked->name;
    if (workers == NULL || *workers == '\0')
        return;
    if (string_map_has(validating->map, GROUP_OVERRIDE))
        check_own_group(validating, workers);
    else if (name != NULL && strncmp(workers, "connect-", 8) == 0 && strcmp(workers + 8, name) == 0)
        validating_add_error(validating, "name",
                             "Consumer group for sink connector named %s conflicts with Connect worker group %s", name,
                             workers);
}

/* Files ---------------------------------------------------------------------------------------------------------- */

/* Blanks around a text do not count, as options are read. */
bool connector_names_own_file(const struct string_map *map, const struct worker_config *worker)
{
    char path[OWN_FILE_PATH_MAX];
    const char *text = string_map_get(map, OWN_FILE_OPTION);
    while (text != NULL && *text != '\0' && (unsigned char)*text <= ' ')
        text++;
    size_t length = text == NULL ? 0 : strlen(text);
    while (length > 0 && (unsigned char)text[length - 1] <= ' ')
        length--;
    if (length == 0 || length >= sizeof(path))
        return false;
    memcpy(path, text, length);
    path[length] = '\0';
    return worker_config_owns_file(worker, path);
}

static void check_file(struct validating *validating)
{
    if (connector_names_own_file(validating->map, validating->worker))
        validating_add_error(validating, OWN_FILE_OPTION, OWN_FILE_WORDS);
}

/* Options of ours ------------------------------------------------------------------------------------------------- */

static bool is_wished(const struct validating *validating, const char *option, const char *value)
{
    const char *text = string_map_get(validating->map, option);
    if (text == NULL || validating_has_error(validating, option))
        return false;
    text += strspn(text, " \t");
    size_t length = strlen(value);
    return strncasecmp(text, value, length) == 0 && is_blank(text + length);
}

/* Every topic that the source is said to write to: a letter among its records would be taken for one. */
static void check_source_letters(struct validating *validating)
{
    static const char *const names[] = {"topic", "kafka.topic", "offsets.storage.topic"};
    const char *letters = string_map_get(validating->map, CONNECTOR_SOURCE_LETTERS);
    if (is_blank(letters))
        return;
    letters += strspn(letters, " \t\r\n\f\v");
    size_t length = strcspn(letters, " \t\r\n\f\v");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *topic = string_map_get(validating->map, names[i]);
        if (topic != NULL && strlen(topic) == length && strncmp(topic, letters, length) == 0)
            validating_add_error(validating, CONNECTOR_SOURCE_LETTERS,
                                 "The dead letter topic '%s' may not be the connector's %s", topic, names[i]);
    }
}

static void check_isolate(struct validating *validating)
{
    if (!is_wished(validating, CONNECTOR_ISOLATE, "true"))
        return;
    if (!is_wished(validating, "errors.tolerance", "all"))
        validating_add_error(validating, CONNECTOR_ISOLATE,
                             "gives up the records at fault and goes on: it needs errors.tolerance=all");
    if (is_blank(string_map_get(validating->map, LETTERS)) && !is_wished(validating, "errors.log.enable", "true"))
        validating_add_error(validating, CONNECTOR_ISOLATE,
                             "needs a place where the records at fault are told: " LETTERS " or errors.log.enable=true");
}

/* Each for one kind of connector. */
static void check_own(struct validating *validating)
{
    static const char *const of_sources[] = {CONNECTOR_SOURCE_LETTERS, CONNECTOR_SOURCE_LETTERS_FACTOR,
                                             CONNECTOR_SOURCE_LETTERS_CONTEXT};
    if (validating->kind == CONNECTOR_SOURCE && string_map_has(validating->map, CONNECTOR_ISOLATE))
        validating_add_error(validating, CONNECTOR_ISOLATE, "is for sink connectors");
    for (size_t i = 0; validating->kind == CONNECTOR_SINK && i < sizeof(of_sources) / sizeof(of_sources[0]); i++)
        if (string_map_has(validating->map, of_sources[i]))
            validating_add_error(validating, of_sources[i], "is for source connectors; a sink has %s",
                                 of_sources[i] + strlen("millrace."));
    if (validating->kind == CONNECTOR_SOURCE)
        check_source_letters(validating);
    else
        check_isolate(validating);
}

void validate_rules(struct validating *validating)
{
    check_file(validating);
    check_own(validating);
    if (validating->kind != CONNECTOR_SINK)
        return;
    check_topics(validating);
    check_group(validating);
}

/* Exactly once ------------------------------------------------------------------------------------------------- */

static void check_support(struct validating *validating, const struct mr_config *own)
{
    static const char option[] = "exactly.once.support";
    const struct mr_source_connector_ops *ops = validating->plugin->source;
    if (!is_wished(validating, option, "required"))
        return;
    if (!connector_wants_exactly_once(validating->map, validating->worker))
        validating_add_error(validating, option, "This worker does not have exactly-once source support enabled.");
    enum mr_support support = own == NULL ? MR_SUPPORTED : MR_SUPPORT_UNKNOWN;
    if (own != NULL && ops->exactly_once_support != NULL)
        support = ops->exactly_once_support(own);
    if (support == MR_UNSUPPORTED)
        validating_add_error(validating, option,
                             "The connector does not support exactly-once semantics with the provided configuration.");
    else if (support != MR_SUPPORTED)
        validating_add_error(validating, option,
                             "The connector does not say whether it supports exactly-once semantics. See its "
                             "documentation, and use the value \"requested\" to create it without this check.");
}

static void check_boundary(struct validating *validating, const struct mr_config *own)
{
    static const char option[] = "transaction.boundary";
    const struct mr_source_connector_ops *ops = validating->plugin->source;
    if (own == NULL || !is_wished(validating, option, "connector"))
        return;
    if (ops->can_define_transaction_boundaries != NULL && ops->can_define_transaction_boundaries(own) == MR_SUPPORTED)
        return;
    validating_add_error(validating, option,
                         "The connector does not support connector-defined transaction boundaries with the given "
                         "configuration. Please reconfigure it to use a different transaction boundary definition.");
}

/* The worker would have to take transactions for its own writes as well. */
static void check_own_wish(struct validating *validating)
{
    if (is_wished(validating, CONNECTOR_EXACTLY_ONCE, "enabled") &&
        validating->worker->exactly_once_source == EXACTLY_ONCE_DISABLED)
        validating_add_error(validating, CONNECTOR_EXACTLY_ONCE,
                             "The workers of this cluster write no transactions: set exactly.once.source.support=preparing on all of "
                             "them, one after another, then this option works.");
}

/* What the producer of such a task is not to be told otherwise. */
static void check_producer(struct validating *validating)
{
    static const char idempotence[] = "producer.override.enable.idempotence", id[] = "producer.override.transactional.id";
    if (!connector_wants_exactly_once(validating->map, validating->worker))
        return;
    if (is_wished(validating, idempotence, "false"))
        validating_add_error(validating, idempotence,
                             "Exactly-once delivery needs idempotent producers: take the option away, or set it to true.");
    if (string_map_get(validating->map, id) != NULL)
        validating_add_error(validating, id,
                             "With exactly-once delivery the worker gives its tasks their transactional ids: take the option away.");
}

void validate_exactly_once(struct validating *validating, const struct mr_config *own)
{
    if (validating->kind != CONNECTOR_SOURCE)
        return;
    check_own_wish(validating);
    check_producer(validating);
    check_support(validating, own);
    check_boundary(validating, own);
}
