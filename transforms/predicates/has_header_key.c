#include <stdlib.h>
#include <string.h>

#include "transform.h"

static const struct mr_config_row rows[] = {
    {
        .name = "name",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_MEDIUM,
        .doc = "The header's name.",
        .validator = mr_check_not_empty,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

static void *create(const struct mr_config *config, struct mr_error **error)
{
    char *name = strdup(mr_config_string(config, "name"));
    if (name == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for HasHeaderKey");
    return name;
}

static int test(void *self, const struct mr_record *record, bool *holds, struct mr_error **error)
{
    (void)error;
    *holds = false;
    size_t count = mr_record_header_count(record);
    for (size_t i = 0; i < count && !*holds; i++)
        *holds = strcmp(mr_record_header_key(record, i), self) == 0;
    return 0;
}

static const struct mr_predicate_ops ops = { .size = sizeof(ops), .create = create, .test = test, .destroy = free };

const struct mr_plugin has_header_key = {
    .size = sizeof(has_header_key),
    .kind = MR_PLUGIN_PREDICATE,
    .class_name = PREDICATE_CLASS("HasHeaderKey"),
    .version = KAFKA_VERSION,
    .doc = "Holds for records with at least one header of the configured name.",
    .config_def = &options,
    .ops = &ops,
};
