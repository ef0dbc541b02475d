/*
 * The framework's options of connectors, in the order and with the looks of GET …/config and PUT …/validate
 * (Kafka's SourceConnectorConfig and SinkConnectorConfig).
 */
#include "config/connector_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/pointer_map.h"
#include "base/str_buffer.h"
#include "base/utf8.h"

#include "base/bans.h"

/* Checks ------------------------------------------------------------------------------------------------------- */

static bool is_control(uint32_t character)
{
    return character <= 0x1f || (character >= 0x7f && character <= 0x9f);
}

/* NonEmptyStringWithoutControlChars. Control characters have one byte, or two: C2 80 to C2 9F. */
static int check_name(const char *name, const char *text, const struct mr_config *config, const void *argument,
                      struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    if (text == NULL)
        return 0;
    if (*text == '\0')
        return mr_error_set(error, MR_ERR_CONFIG, "String may not be empty");
    struct str_buffer found;
    str_buffer_init(&found, 512);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        uint32_t character = *at == 0xc2 ? *++at : *at < 0x80 ? *at : 0x20;
        if (is_control(character))
            str_buffer_printf(&found, "%s%u", found.length > 0 ? ", " : "", character);
        if (*at == '\0')
            break;
    }
    int status = 0;
    if (found.length > 0)
        status = mr_error_set(error, MR_ERR_CONFIG,
                              "String may not contain control sequences but had the following ASCII chars: %s",
                              str_buffer_text(&found));
    str_buffer_release(&found);
    return status;
}

struct regex_fault {
    const char *words; /* NULL: none */
    size_t at;
};

/* What is wrong in any dialect: users write Java's, the consumer says later what it cannot translate. */
static struct regex_fault regex_fault(const char *text)
{
    size_t groups = 0, classes = 0;
    bool may_repeat = false;
    for (const char *at = text; *at != '\0'; at++) {
        bool is_first = !may_repeat;
        may_repeat = true;
        if (*at == '\\') {
            if (*++at == '\0')
                return (struct regex_fault){"Unescaped trailing backslash", (size_t)(at - text)};
        } else if (*at == '[') {
            classes++;
            at += at[1] == '^';
            at += at[1] == ']';
        } else if (classes > 0) {
            classes -= *at == ']';
        } else if (*at == '(') {
            groups++;
            at += at[1] == '?';
            may_repeat = false;
        } else if (*at == ')') {
            if (groups-- == 0)
                return (struct regex_fault){"Unmatched closing ')'", (size_t)(at - text)};
        } else if (*at == '|') {
            may_repeat = false;
        } else if (strchr("*+?", *at) != NULL && is_first) {
            return (struct regex_fault){"Dangling meta character", (size_t)(at - text)};
        }
    }
    if (classes > 0)
        return (struct regex_fault){"Unclosed character class", strlen(text) - 1};
    return (struct regex_fault){groups > 0 ? "Unclosed group" : NULL, strlen(text)};
}

/* As java.util.regex shows it: the place, the expression, and a mark under that place. */
static int check_regex(const char *name, const char *text, const struct mr_config *config, const void *argument,
                       struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    struct regex_fault fault = text == NULL ? (struct regex_fault){NULL, 0} : regex_fault(text);
    if (fault.words == NULL)
        return 0;
    char at = text[fault.at], character[8] = "";
    if (at == '*' || at == '+' || at == '?')
        snprintf(character, sizeof(character), " '%c'", at);
    if (at == '\0')
        return mr_error_set(error, MR_ERR_CONFIG, "Invalid regex: %s near index %zu\n%s", fault.words, fault.at, text);
    return mr_error_set(error, MR_ERR_CONFIG, "Invalid regex: %s%s near index %zu\n%s\n%*s^", fault.words, character,
                        fault.at, text, (int)fault.at, "");
}

/* Aliases: empty ones are legal, equal ones are not. */
static int check_aliases(const char *name, const char *text, const struct mr_config *config, const void *argument,
                         struct mr_error **error)
{
    (void)argument;
    if (text == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "entry must be non null");
    size_t count = mr_config_list_count(config, name);
    struct pointer_map *seen = pointer_map_create(NULL);
    bool is_kept = seen != NULL;
    for (size_t i = 0; is_kept && i < count; i++)
        is_kept = pointer_map_put(seen, mr_config_list_at(config, name, i), NULL);
    bool has_equal = is_kept && pointer_map_count(seen) < count;
    pointer_map_destroy(seen);
    if (!is_kept)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to check %s", name);
    return has_equal ? mr_error_set(error, MR_ERR_CONFIG, "Duplicate alias provided.") : 0;
}

/* No value, or at least 0. */
static int check_interval(const char *name, const char *text, const struct mr_config *config, const void *argument,
                          struct mr_error **error)
{
    return text == NULL ? 0 : mr_check_range(name, text, config, argument, error);
}

static const struct mr_range at_least_one = {1, INT64_MAX}, at_least_zero = {0, INT64_MAX};
static const char *const reload_actions[] = {"none", "restart", NULL};
static const char *const tolerances[] = {"none", "all", NULL};
/* In the order in which Kafka Connect names them. */
static const char *const support_levels[] = {"required", "requested", NULL};
static const char *const boundaries[] = {"interval", "poll", "connector", NULL};

/* Tables ------------------------------------------------------------------------------------------------------- */

#define COMMON "Common"
#define ERRORS "Error Handling"
#define EXACTLY_ONCE "Exactly Once Support"

#define LOOKS(importance_, group_, order_, width_, display_)                                                           \
    .importance = MR_##importance_, .group = (group_), .order_in_group = (order_), .width = MR_WIDTH_##width_,         \
    .display_name = (display_)
#define CHECK(check_, argument_) .validator = (check_), .validator_argument = (argument_)
#define CONVERTER_ROWS(side, title, order)                                                                             \
    {.name = side ".converter",                                                                                        \
     .type = MR_CONFIG_CLASS,                                                                                          \
     .doc = "Converts between Kafka's bytes and values. Without one, the worker's with the worker's settings.",        \
     LOOKS(LOW, COMMON, order, SHORT, title " converter class")},                                                      \
    {                                                                                                                  \
        .name = side ".converter.plugin.version", .type = MR_CONFIG_STRING,                                            \
        .doc = "Version, or range of versions, of the converter. Without one the newest.",                             \
        LOOKS(LOW, COMMON, (order) + 1, SHORT, title " converter version")                                             \
    }

static const struct mr_config_row common_rows[] = {
    {.name = "name",
     .type = MR_CONFIG_STRING,
     .default_text = MR_REQUIRED,
     .doc = "Name of the connector, unique in the cluster.",
     CHECK(check_name, NULL),
     LOOKS(HIGH, COMMON, 1, MEDIUM, "Connector name")},
    {.name = "connector.class",
     .type = MR_CONFIG_STRING,
     .default_text = MR_REQUIRED,
     .doc = "Class of the connector: its full name, its simple name, or that without \"Connector\".",
     LOOKS(HIGH, COMMON, 2, LONG, "Connector class")},
    {.name = "connector.plugin.version",
     .type = MR_CONFIG_STRING,
     .doc = "Version, or range of versions, of the connector. Without one the newest.",
     LOOKS(MEDIUM, COMMON, 3, MEDIUM, "Connector version")},
    {.name = "tasks.max",
     .type = MR_CONFIG_INT,
     .default_text = "1",
     .doc = "How many tasks the connector may have at most.",
     CHECK(mr_check_range, &at_least_one),
     LOOKS(HIGH, COMMON, 4, SHORT, "Tasks max")},
    {.name = "tasks.max.enforce",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "true",
     .doc = "Deprecated. false: a connector that makes more tasks than tasks.max is only warned about.",
     LOOKS(LOW, COMMON, 5, SHORT, "Enforce tasks max")},
    CONVERTER_ROWS("key", "Key", 6),
    CONVERTER_ROWS("value", "Value", 8),
    CONVERTER_ROWS("header", "Header", 10),
    {.name = "transforms",
     .type = MR_CONFIG_LIST,
     .default_text = "",
     .doc = "Aliases of the transformations, in the order they are applied.",
     CHECK(check_aliases, NULL),
     LOOKS(LOW, "Transforms", 12, LONG, "Transforms")},
    {.name = "predicates",
     .type = MR_CONFIG_LIST,
     .default_text = "",
     .doc = "Aliases of the predicates that transformations use.",
     CHECK(check_aliases, NULL),
     LOOKS(LOW, "Predicates", 13, LONG, "Predicates")},
    {.name = "config.action.reload",
     .type = MR_CONFIG_STRING,
     .default_text = "restart",
     .doc = "What to do when a config provider says that a value has changed: none or restart.",
     CHECK(mr_check_one_of, reload_actions),
     LOOKS(LOW, COMMON, 14, MEDIUM, "Reload Action")},
    {.name = "errors.retry.timeout",
     .type = MR_CONFIG_LONG,
     .default_text = "0",
     .doc = "How many ms a failed operation is tried again; 0: not at all, -1: for ever.",
     LOOKS(MEDIUM, ERRORS, 1, MEDIUM, "Retry Timeout for Errors")},
    {.name = "errors.retry.delay.max.ms",
     .type = MR_CONFIG_LONG,
     .default_text = "60000",
     .doc = "The longest pause between two attempts, in ms.",
     LOOKS(MEDIUM, ERRORS, 2, MEDIUM, "Maximum Delay Between Retries for Errors")},
    {.name = "errors.tolerance",
     .type = MR_CONFIG_STRING,
     .default_text = "none",
     .doc = "none: a record that fails ends the task; all: it is skipped.",
     CHECK(mr_check_one_of, tolerances),
     LOOKS(MEDIUM, ERRORS, 3, SHORT, "Error Tolerance")},
    {.name = "errors.log.enable",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "false",
     .doc = "Log each failed operation, also when it is tolerated.",
     LOOKS(MEDIUM, ERRORS, 4, SHORT, "Log Errors")},
    {.name = "errors.log.include.messages",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "false",
     .doc = "Describe the record in that log line; of source records with key and value.",
     LOOKS(MEDIUM, ERRORS, 5, SHORT, "Log Error Details")},
};

static const struct mr_config_row source_rows[] = {
    {.name = "topic.creation.groups",
     .type = MR_CONFIG_LIST,
     .default_text = "",
     .doc = "Groups of topics that are created with settings of their own, in the order they are matched.",
     CHECK(mr_check_valid_list, NULL),
     LOOKS(LOW, "Topic Creation", 1, LONG, "Topic Creation Groups")},
    {.name = "exactly.once.support",
     .type = MR_CONFIG_STRING,
     .default_text = "requested",
     .doc = "required: refuse the connector unless it can deliver exactly once.",
     CHECK(mr_check_one_of_any_case, support_levels),
     LOOKS(MEDIUM, EXACTLY_ONCE, 2, SHORT, "Exactly once support")},
    {.name = "transaction.boundary",
     .type = MR_CONFIG_STRING,
     .default_text = "poll",
     .doc = "When a transaction ends: with each poll, after an interval, or where the connector says.",
     CHECK(mr_check_one_of_any_case, boundaries),
     LOOKS(MEDIUM, EXACTLY_ONCE, 3, SHORT, "Transaction Boundary")},
    {.name = "transaction.boundary.interval.ms",
     .type = MR_CONFIG_LONG,
     .doc = "With transaction.boundary=interval: the ms between two commits. Without a value offset.flush.interval.ms.",
     CHECK(check_interval, &at_least_zero),
     LOOKS(LOW, EXACTLY_ONCE, 4, SHORT, "Transaction boundary interval")},
    {.name = "offsets.storage.topic",
     .type = MR_CONFIG_STRING,
     .doc = "The topic that keeps this connector's offsets; made where it is missing, compacted. What it does not know is looked for in the "
            "worker's, which gets copies. Without one the worker's. Standalone workers keep all offsets in their file.",
     CHECK(mr_check_not_empty, NULL),
     LOOKS(LOW, "offsets.topic", 1, LONG, "Offsets topic")},
};

static const struct mr_config_row sink_rows[] = {
    {.name = "topics",
     .type = MR_CONFIG_LIST,
     .default_text = "",
     .doc = "Topics to read.",
     CHECK(mr_check_valid_list, NULL),
     LOOKS(HIGH, COMMON, 4, LONG, "Topics")},
    {.name = "topics.regex",
     .type = MR_CONFIG_STRING,
     .default_text = "",
     .doc = "Pattern of the topics to read, instead of topics.",
     CHECK(check_regex, NULL),
     LOOKS(HIGH, COMMON, 4, LONG, "Topics regex")},
    {.name = "errors.deadletterqueue.topic.name",
     .type = MR_CONFIG_STRING,
     .default_text = "",
     .doc = "Topic that records which fail are written to. Blank: none.",
     LOOKS(MEDIUM, ERRORS, 6, MEDIUM, "Dead Letter Queue Topic Name")},
    {.name = "errors.deadletterqueue.topic.replication.factor",
     .type = MR_CONFIG_SHORT,
     .default_text = "3",
     .doc = "Replication factor of that topic when it has to be created.",
     LOOKS(MEDIUM, ERRORS, 7, MEDIUM, "Dead Letter Queue Topic Replication Factor")},
    {.name = "errors.deadletterqueue.context.headers.enable",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "false",
     .doc = "Say in headers (__connect.errors.*) of those records what failed, where and why.",
     LOOKS(MEDIUM, ERRORS, 8, MEDIUM, "Enable Error Context Headers")},
};

static const struct mr_config_def common_def = MR_CONFIG_DEF(common_rows), source_def = MR_CONFIG_DEF(source_rows),
                                  sink_def = MR_CONFIG_DEF(sink_rows);

void connector_config_defs(enum connector_kind kind, const struct mr_config_def *defs[CONNECTOR_DEFS])
{
    defs[0] = &common_def;
    defs[1] = kind == CONNECTOR_SOURCE ? &source_def : &sink_def;
}
