/* One good plugin of every kind, some with options and aliases. */
#include "idle.h"

static const char *const modes[] = { "fast", "safe", NULL };
static const struct mr_config_row rows[] = {
    { .name = "path", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_HIGH,
      .doc = "Where the things are." },
    { .name = "mode", .type = MR_CONFIG_STRING, .default_text = "safe", .importance = MR_MEDIUM,
      .doc = "How they are fetched.", .validator = mr_check_one_of, .validator_argument = modes },
    { .name = "secret", .type = MR_CONFIG_PASSWORD, .default_text = "s3cret", .importance = MR_LOW, .doc = NULL },
    { .name = "hidden", .type = MR_CONFIG_BOOLEAN, .default_text = "false", .importance = MR_LOW, .doc = "",
      .is_internal = true },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

static const struct mr_source_task_ops source_task = IDLE_SOURCE_TASK_OPS;
static const struct mr_sink_task_ops sink_task = IDLE_SINK_TASK_OPS;
static const struct mr_source_connector_ops source_ops =
    IDLE_CONNECTOR_OPS(mr_source_connector_ops, "org.acme.ThingSourceTask", &source_task);
static const struct mr_sink_connector_ops sink_ops =
    IDLE_CONNECTOR_OPS(mr_sink_connector_ops, "org.acme.ThingSinkTask", &sink_task);
static const struct mr_transform_ops transform_ops = IDLE_TRANSFORM_OPS;
static const struct mr_predicate_ops predicate_ops = IDLE_PREDICATE_OPS;
static const struct mr_converter_ops converter_ops = IDLE_CONVERTER_OPS;
static const struct mr_config_provider_ops provider_ops = IDLE_CONFIG_PROVIDER_OPS;
static const struct mr_override_policy_ops policy_ops = IDLE_OVERRIDE_POLICY_OPS;

static const struct mr_rest_extension_ops extension_ops = IDLE_REST_EXTENSION_OPS;

static const char *const source_aliases[] = { "com.older.StuffSourceConnector", NULL };
static const struct mr_plugin source = { .size = sizeof(source), .kind = MR_PLUGIN_SOURCE,
                                         .class_name = "org.acme.ThingSourceConnector", .version = "1.2.3",
                                         .doc = "Fetches things.", .config_def = &options, .ops = &source_ops,
                                         .aliases = source_aliases };
static const struct mr_plugin sink = IDLE_PLUGIN(MR_PLUGIN_SINK, "org.acme.ThingSinkConnector", &sink_ops);
static const struct mr_plugin nested_value = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Turn$Value", &transform_ops);
static const struct mr_plugin nested_key = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Turn$Key", &transform_ops);
static const struct mr_plugin router = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.ThingRouter", &transform_ops);
static const struct mr_plugin predicate = { .size = sizeof(predicate), .kind = MR_PLUGIN_PREDICATE,
                                            .class_name = "org.acme.IsThing", .ops = &predicate_ops };
static const struct mr_plugin converter = IDLE_PLUGIN(MR_PLUGIN_CONVERTER, "org.acme.ThingConverter", &converter_ops);
static const struct mr_plugin header_converter =
    IDLE_PLUGIN(MR_PLUGIN_HEADER_CONVERTER, "org.acme.ThingConverter", &converter_ops);
static const struct mr_plugin provider =
    IDLE_PLUGIN(MR_PLUGIN_CONFIG_PROVIDER, "org.acme.SafeConfigProvider", &provider_ops);
static const struct mr_plugin policy = IDLE_PLUGIN(
    MR_PLUGIN_OVERRIDE_POLICY, "org.acme.SomeConnectorClientConfigOverridePolicy", &policy_ops);
static const struct mr_plugin extension =
    IDLE_PLUGIN(MR_PLUGIN_REST_EXTENSION, "org.acme.PeekRestExtension", &extension_ops);

static const struct mr_plugin *const plugins[] = { &extension, &policy, &provider, &header_converter, &converter, &predicate,
                                                   &router, &nested_value, &nested_key, &source, &sink };
static const struct mr_module module = MR_MODULE("gallery", plugins);

IDLE_ENTRY(module)
