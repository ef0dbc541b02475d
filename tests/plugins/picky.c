/*
 * Options of every look: groups, dependents, recommenders that hide, passwords, internal ones. PickySource validates, too:
 * its `trouble` says how that ends. PickyTransform has the names that transformations get implicitly, and its options in
 * no order. PickyConverter has groups.
 */
#include <string.h>
#include <unistd.h>

#include "idle.h"

/* --- the source ---- */

static int recommend_mode(const char *name, const struct mr_config *config, struct mr_text_list *values, bool *visible,
                          struct mr_error **error)
{
    (void)name, (void)config, (void)visible;
    if (mr_text_list_append(values, "fast") != 0 || mr_text_list_append(values, "deep") != 0)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for modes");
    return 0;
}

/* Shown in the mode that has a depth. */
static int recommend_depth(const char *name, const struct mr_config *config, struct mr_text_list *values, bool *visible,
                           struct mr_error **error)
{
    const char *mode = mr_config_string(config, "mode");
    (void)name, (void)values;
    *visible = mode != NULL && strcmp(mode, "deep") == 0;
    if (mode != NULL && strcmp(mode, "odd") == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "No depth is good for mode odd");
    if (mode != NULL && strcmp(mode, "broken") == 0)
        return mr_error_set(error, MR_ERR_CONNECT, "the recommender broke");
    return 0;
}

static const char *const depends_on_mode[] = {"depth", NULL};
static const struct mr_config_row source_rows[] = {
    {.name = "mode", .type = MR_CONFIG_STRING, .default_text = "fast", .importance = MR_HIGH, .doc = "How.",
     .recommender = recommend_mode, .group = "Picky", .order_in_group = 1, .width = MR_WIDTH_SHORT,
     .display_name = "Mode", .dependents = depends_on_mode},
    {.name = "depth", .type = MR_CONFIG_INT, .default_text = " 7 ", .importance = MR_LOW, .doc = "How deep.",
     .recommender = recommend_depth, .group = "Picky", .order_in_group = 2},
    {.name = "token", .type = MR_CONFIG_PASSWORD, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "Secret."},
    {.name = "ratio", .type = MR_CONFIG_DOUBLE, .importance = MR_LOW, .doc = "A share.", .group = "Rest"},
    {.name = "hints", .type = MR_CONFIG_LIST, .importance = MR_LOW, .doc = "Hints."},
    {.name = "trouble", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "What goes wrong."},
    {.name = "inner", .type = MR_CONFIG_INT, .default_text = "3", .importance = MR_LOW, .doc = "", .is_internal = true},
};
static const struct mr_config_def source_def = MR_CONFIG_DEF(source_rows);

static int validate(const struct mr_config *config, struct mr_config_report *report, struct mr_error **error)
{
    const char *trouble = mr_config_string(config, "trouble");

    while (strcmp(trouble, "hang") == 0)
        pause();
    if (strcmp(trouble, "error") == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "cannot look");
    if (strcmp(trouble, "mute") == 0)
        return -1;
    if (strcmp(trouble, "declared") == 0)
        return mr_config_report_error(report, "mode", "mode and trouble do not go together");
    if (strcmp(trouble, "undeclared") == 0)
        return mr_config_report_error(report, "somewhere", "nobody knows it");
    if (strcmp(trouble, "all") == 0)
        return mr_config_report_error(report, NULL, "nothing fits");
    return 0;
}

static const struct mr_source_task_ops source_task = IDLE_SOURCE_TASK_OPS;
static const struct mr_source_connector_ops source_ops = {
    .size = sizeof(source_ops), .task_class_name = "org.acme.PickySourceTask", .create = idle_connector_create,
    .start = idle_start, .task_configs = idle_task_configs, .stop = idle_void, .destroy = idle_void,
    .validate = validate, .task = &source_task,
};

/* --- the others ---- */

static int check_short_name(const char *name, const char *text, const struct mr_config *config, const void *argument,
                            struct mr_error **error)
{
    (void)config, (void)argument;
    return text != NULL && strcmp(text, "bad") == 0 ? mr_error_set(error, MR_ERR_CONFIG, "%s is bad", name) : 0;
}

static const char *const depends_on_last[] = {"alpha", NULL};
static const struct mr_config_row transform_rows[] = {
    {.name = "zulu", .type = MR_CONFIG_STRING, .importance = MR_LOW, .doc = "Low."},
    {.name = "negate", .type = MR_CONFIG_STRING, .default_text = "masked", .importance = MR_HIGH, .doc = "Never seen."},
    {.name = "alpha", .type = MR_CONFIG_STRING, .importance = MR_LOW, .doc = "Low as well.",
     .validator = check_short_name},
    {.name = "grouped", .type = MR_CONFIG_STRING, .default_text = "g", .importance = MR_HIGH, .doc = "In a group.",
     .group = "Group", .order_in_group = 1, .display_name = "Grouped"},
    {.name = "last", .type = MR_CONFIG_SHORT, .default_text = MR_REQUIRED, .importance = MR_LOW, .doc = "Needed.",
     .dependents = depends_on_last},
    {.name = "high", .type = MR_CONFIG_BOOLEAN, .default_text = "TRUE", .importance = MR_HIGH, .doc = "High."},
};
static const struct mr_config_def transform_def = MR_CONFIG_DEF(transform_rows);
static const struct mr_transform_ops transform_ops = IDLE_TRANSFORM_OPS;

static const struct mr_config_row converter_rows[] = {
    {.name = "converter.type", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_LOW, .doc = "Side."},
    {.name = "schemas.enable", .type = MR_CONFIG_BOOLEAN, .default_text = "true", .importance = MR_HIGH, .doc = "S.",
     .group = "Schemas"},
    {.name = "schemas.cache.size", .type = MR_CONFIG_INT, .default_text = "1000", .importance = MR_HIGH, .doc = "C.",
     .group = "Schemas", .order_in_group = 1},
    {.name = "schema.content", .type = MR_CONFIG_STRING, .importance = MR_HIGH, .doc = "T.", .group = "Schemas",
     .order_in_group = 2},
    {.name = "decimal.format", .type = MR_CONFIG_STRING, .default_text = "BASE64", .importance = MR_LOW, .doc = "D.",
     .group = "Serialization"},
    {.name = "replace.null.with.default", .type = MR_CONFIG_BOOLEAN, .default_text = "true", .importance = MR_LOW,
     .doc = "N.", .group = "Serialization", .order_in_group = 1},
};
static const struct mr_config_def converter_def = MR_CONFIG_DEF(converter_rows);
static const struct mr_converter_ops converter_ops = IDLE_CONVERTER_OPS;

#define PICKY(kind_, class_, version_, def_, ops_)                                                                     \
    {.size = sizeof(struct mr_plugin), .kind = (kind_), .class_name = "org.acme." class_, .version = (version_),       \
     .config_def = (def_), .ops = (ops_)}
static const struct mr_plugin source = PICKY(MR_PLUGIN_SOURCE, "PickySourceConnector", "2.0", &source_def, &source_ops);
static const struct mr_plugin older_source =
    PICKY(MR_PLUGIN_SOURCE, "PickySourceConnector", "1.5", &source_def, &source_ops);
static const struct mr_plugin transform = PICKY(MR_PLUGIN_TRANSFORM, "PickyTransform", "1.0", &transform_def,
                                                &transform_ops);
static const struct mr_plugin converter = PICKY(MR_PLUGIN_CONVERTER, "PickyConverter", NULL, &converter_def,
                                                &converter_ops);

static const struct mr_plugin *const plugins[] = {&source, &older_source, &transform, &converter};
static const struct mr_module module = MR_MODULE("picky", plugins);

IDLE_ENTRY(module)
