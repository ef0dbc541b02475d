#include "support/regex_option.h"
#include "transform.h"

static const struct mr_config_row rows[] = {
    {
        .name = "pattern",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_MEDIUM,
        .doc = "A regular expression in Java's dialect that the whole name of the topic has to match.",
        .validator = check_regex_not_empty,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

static void *create(const struct mr_config *config, struct mr_error **error)
{
    return regex_option_create(config, "pattern", error);
}

static int test(void *self, const struct mr_record *record, bool *holds, struct mr_error **error)
{
    const char *topic = mr_record_topic(record);
    *holds = false;
    return topic == NULL ? 0 : regex_option_matches(self, "pattern", topic, holds, error);
}

static void destroy(void *self)
{
    java_regex_destroy(self);
}

static const struct mr_predicate_ops ops = { .size = sizeof(ops), .create = create, .test = test, .destroy = destroy };

const struct mr_plugin topic_name_matches = {
    .size = sizeof(topic_name_matches),
    .kind = MR_PLUGIN_PREDICATE,
    .class_name = PREDICATE_CLASS("TopicNameMatches"),
    .version = KAFKA_VERSION,
    .doc = "Holds for records whose topic's name matches a regular expression as a whole.",
    .config_def = &options,
    .ops = &ops,
};
