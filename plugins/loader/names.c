#include <stddef.h>
#include <string.h>

#include "loader/loader_internal.h"

#include "base/bans.h"

static const struct {
    const char *name;     /* as org.apache.kafka.connect.runtime.isolation.PluginType prints it */
    const char *suffix;   /* what a short name may leave out */
} kinds[] = {
    [MR_PLUGIN_SINK] = { "sink", "Connector" },
    [MR_PLUGIN_SOURCE] = { "source", "Connector" },
    [MR_PLUGIN_TRANSFORM] = { "transformation", "Transformation" },
    [MR_PLUGIN_PREDICATE] = { "predicate", "Predicate" },
    [MR_PLUGIN_CONVERTER] = { "converter", "Converter" },
    [MR_PLUGIN_HEADER_CONVERTER] = { "header_converter", "HeaderConverter" },
    [MR_PLUGIN_CONFIG_PROVIDER] = { "configprovider", "ConfigProvider" },
    [MR_PLUGIN_OVERRIDE_POLICY] = { "connectorclientconfigoverridepolicy", "ConnectorClientConfigOverridePolicy" },
    [MR_PLUGIN_REST_EXTENSION] = { "rest_extension", "RestExtension" },
};

const char *loader_kind_name(enum mr_plugin_kind kind)
{
    return kinds[kind].name;
}

const char *kind_suffix(enum mr_plugin_kind kind)
{
    return kinds[kind].suffix;
}

/* Where the last occurrence of the suffix begins, as Kafka Connect prunes; the whole length when that leaves nothing. */
static size_t pruned_length(const char *simple, const char *suffix)
{
    size_t pruned = strlen(simple);
    for (const char *at = simple; (at = strstr(at, suffix)) != NULL; at++) {
        if (at > simple)
            pruned = (size_t)(at - simple);
    }
    return pruned;
}

static bool short_match(const char *full, const char *suffix, const char *name)
{
    if (strchr(full, '$') != NULL)
        return false;
    const char *dot = strrchr(full, '.');
    const char *simple = dot != NULL ? dot + 1 : full;
    if (strcmp(simple, name) == 0)
        return true;
    size_t length = pruned_length(simple, suffix);
    return strlen(name) == length && strncmp(simple, name, length) == 0;
}

enum name_match name_match(const struct loader_plugin *plugin, const char *name)
{
    const char *suffix = kind_suffix(plugin->kind);
    if (strcmp(plugin->class_name, name) == 0)
        return NAME_CLASS;
    enum name_match best = short_match(plugin->class_name, suffix, name) ? NAME_SHORT : NAME_NO;
    for (size_t i = 0; plugin->aliases[i] != NULL; i++) {
        if (strcmp(plugin->aliases[i], name) == 0)
            return NAME_ALIAS;
        if (short_match(plugin->aliases[i], suffix, name))
            best = NAME_SHORT;
    }
    return best;
}
