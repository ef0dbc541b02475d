/* An option whose default does not fit its type. */
#include "idle.h"

static const struct mr_config_row rows[] = {
    { .name = "batch.size", .type = MR_CONFIG_INT, .default_text = "many", .importance = MR_LOW, .doc = "A number." },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);
static const struct mr_transform_ops ops = IDLE_TRANSFORM_OPS;
static const struct mr_plugin plugin = { .size = sizeof(plugin), .kind = MR_PLUGIN_TRANSFORM,
                                         .class_name = "org.acme.Idle", .config_def = &options, .ops = &ops };
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("bad_option", plugins);

IDLE_ENTRY(module)
