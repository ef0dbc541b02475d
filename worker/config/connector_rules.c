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

static int refuse_both(struct validating *validating, const char *message)
{
    return finding_add(validating, TOPICS, "%s", message) == 0 &&
                   finding_add(validating, TOPICS_REGEX, "%s", message) == 0
               ? 0
               : -1;
}

static int check_letter_list(struct validating *validating, const char *letters)
{
    static const struct mr_config_row row = {.name = TOPICS, .type = MR_CONFIG_LIST, .importance = MR_HIGH, .doc = ""};
    static const struct mr_config_def def = {.size = sizeof(def), .row_size = sizeof(row), .rows = &row, .count = 1};
    struct mr_config *config = config_create(&def, validating->map, validating->error);
    if (config == NULL)
        return -1;
    struct str_buffer listed;
    bool is_read = false;
    int status = 0;
    str_buffer_init(&listed, CONFIG_MESSAGE_MAX / 2);
    for (size_t i = 0; i < mr_config_list_count(config, TOPICS); i++) {
        const char *topic = mr_config_list_at(config, TOPICS, i);
        is_read = is_read || strcmp(topic, letters) == 0;
        str_buffer_printf(&listed, "%s%s", i == 0 ? "" : ", ", topic);
    }
    if (is_read)
        status = finding_add(validating, TOPICS,
                             "The DLQ topic '%s' may not be included in the list of topics ('topics=[%s]') consumed by "
                             "the connector",
                             letters, str_buffer_text(&listed));
    str_buffer_release(&listed);
    mr_config_destroy(config);
    return status;
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

static int check_letters(struct validating *validating, const char *topics, const char *expression)
{
    const char *text = string_map_get(validating->map, LETTERS);
    char letters[512];
    if (is_blank(text))
        return 0;
    text += strspn(text, " \t\r\n\f\v");
    snprintf(letters, sizeof(letters), "%.*s", (int)strcspn(text, " \t\r\n\f\v"), text);
    if (!is_blank(topics) && check_letter_list(validating, letters) != 0)
        return -1;
    if (is_blank(expression) || !matches_whole(expression, letters))
        return 0;
    return finding_add(
        validating, TOPICS_REGEX,
        "The DLQ topic '%s' may not be matched by the regex for the topics ('topics.regex=%s') consumed by "
        "the connector",
        letters, expression);
}

static int check_topics(struct validating *validating)
{
    const char *topics = string_map_get(validating->map, TOPICS);
    const char *expression = string_map_get(validating->map, TOPICS_REGEX);
    int status = 0;
    if (!is_blank(topics) && !is_blank(expression))
        status = refuse_both(validating, "topics and topics.regex are mutually exclusive options, but both are set.");
    if (is_blank(topics) && is_blank(expression))
        status = refuse_both(validating, "Must configure one of topics or topics.regex");
    return status == 0 ? check_letters(validating, topics, expression) : -1;
}

/* Groups ------------------------------------------------------------------------------------------------------- */

static int check_group(struct validating *validating)
{
    const char *workers = validating->worker->group_id, *name = string_map_get(validating->map, "name");
    const char *group = string_map_get(validating->map, GROUP_OVERRIDE);
    if (name == NULL)
        name = validating->asked->name;
    if (workers == NULL || *workers == '\0')
        return 0;
    if (string_map_has(validating->map, GROUP_OVERRIDE)) {
        if (group == NULL || strcmp(group, workers) != 0)
            return 0;
        return finding_add(validating, GROUP_OVERRIDE, "Consumer group %s conflicts with Connect worker group %s",
                           group, workers);
    }
    if (name == NULL || strncmp(workers, "connect-", 8) != 0 || strcmp(workers + 8, name) != 0)
        return 0;
    return finding_add(validating, "name",
                       "Consumer group for sink connector named %s conflicts with Connect worker group %s", name,
                       workers);
}

int validate_rules(struct validating *validating)
{
    if (validating->kind != CONNECTOR_SINK)
        return 0;
    return check_topics(validating) == 0 ? check_group(validating) : -1;
}

/* Exactly once ------------------------------------------------------------------------------------------------- */

static bool is_wished(const struct validating *validating, const char *option, const char *value)
{
    const char *text = string_map_get(validating->map, option);
    if (text == NULL || finding_exists(validating, option))
        return false;
    text += strspn(text, " \t");
    size_t length = strlen(value);
    return strncasecmp(text, value, length) == 0 && is_blank(text + length);
}

static int check_support(struct validating *validating, const struct mr_config *own)
{
    static const char option[] = "exactly.once.support";
    const struct mr_source_connector_ops *ops = validating->plugin->source;
    if (!is_wished(validating, option, "required"))
        return 0;
    if (validating->worker->exactly_once_source != EXACTLY_ONCE_ENABLED &&
        finding_add(validating, option, "This worker does not have exactly-once source support enabled.") != 0)
        return -1;
    enum mr_support support = own == NULL ? MR_SUPPORTED : MR_SUPPORT_UNKNOWN;
    if (own != NULL && ops->exactly_once_support != NULL)
        support = ops->exactly_once_support(own);
    if (support == MR_SUPPORTED)
        return 0;
    return finding_add(validating, option, "%s",
                       support == MR_UNSUPPORTED
                           ? "The connector does not support exactly-once delivery guarantees with the provided "
                             "configuration."
                           : "The connector does not say whether it supports exactly-once delivery. See its "
                             "documentation, and use the value \"requested\" to create it without this check.");
}

static int check_boundary(struct validating *validating, const struct mr_config *own)
{
    static const char option[] = "transaction.boundary";
    const struct mr_source_connector_ops *ops = validating->plugin->source;
    if (own == NULL || !is_wished(validating, option, "connector"))
        return 0;
    if (ops->can_define_transaction_boundaries != NULL && ops->can_define_transaction_boundaries(own) == MR_SUPPORTED)
        return 0;
    return finding_add(validating, option,
                       "The connector does not support connector-defined transaction boundaries with the given "
                       "configuration. Please reconfigure it to use a different transaction boundary definition.");
}

int validate_exactly_once(struct validating *validating, const struct mr_config *own)
{
    if (validating->kind != CONNECTOR_SOURCE)
        return 0;
    return check_support(validating, own) == 0 ? check_boundary(validating, own) : -1;
}
