#include <string.h>

#include "base/str_buffer.h"
#include "loader/loader_internal.h"

#include "base/bans.h"

#define NOT_FOUND_CLASS "org.apache.kafka.connect.errors.ConnectException"
#define NO_VERSION_CLASS "org.apache.kafka.connect.runtime.isolation.VersionedPluginLoadingException"
#define LIST_MAX_BYTES (256 * 1024)   /* of the plugins an error names; the rest is left out */

/* Which kinds a lookup is for, and how its errors call them. */
struct scope {
    unsigned kinds;         /* bits 1 << kind */
    const char *interface;
    const char *singular, *plural;
};

#define KIND(kind) (1u << (kind))

static struct scope scope_of(enum mr_plugin_kind kind)
{
    static const char *const words[][3] = {
        [MR_PLUGIN_SINK] = { "SinkConnector", "connector", "connectors" },
        [MR_PLUGIN_SOURCE] = { "SourceConnector", "connector", "connectors" },
        [MR_PLUGIN_TRANSFORM] = { "Transformation", "transformation", "transformations" },
        [MR_PLUGIN_PREDICATE] = { "Predicate", "predicate", "predicates" },
        [MR_PLUGIN_CONVERTER] = { "Converter", "converter", "converters" },
        [MR_PLUGIN_HEADER_CONVERTER] = { "HeaderConverter", "header converter", "header converters" },
        [MR_PLUGIN_CONFIG_PROVIDER] = { "ConfigProvider", "ConfigProvider", "ConfigProviders" },
        [MR_PLUGIN_OVERRIDE_POLICY] = { "ConnectorClientConfigOverridePolicy", "override policy", "override policies" },
        [MR_PLUGIN_REST_EXTENSION] = { "RestExtension", "REST extension", "REST extensions" },
    };
    return (struct scope){ KIND(kind), words[kind][0], words[kind][1], words[kind][2] };
}

static bool in_scope(const struct scope *scope, const struct loader_plugin *plugin)
{
    return (scope->kinds & KIND(plugin->kind)) != 0;
}

/* Short names come from any kind a class has: whoever makes a name short need not know which table it is for. */
static bool class_matches(const struct loader *loader, const char *class_name, const char *name, enum name_match how)
{
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (strcmp(plugin->class_name, class_name) == 0 && name_match(plugin, name) == how)
            return true;
    }
    return false;
}

/* The first plugin of the class that is meant; *several: more than one class is. */
static const struct loader_plugin *find_class(const struct loader *loader, const struct scope *scope, const char *name,
                                              enum name_match how, bool *several)
{
    const struct loader_plugin *found = NULL;
    *several = false;
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (!in_scope(scope, plugin) || (found != NULL && strcmp(found->class_name, plugin->class_name) == 0) ||
            !class_matches(loader, plugin->class_name, name, how))
            continue;
        if (found != NULL)
            *several = true;
        else
            found = plugin;
    }
    return found;
}

/* As PluginDesc prints itself: operators search their logs for it. */
static void describe(struct str_buffer *text, const struct loader_plugin *plugin)
{
    const char *version = plugin->version != NULL ? plugin->version : "undefined";
    str_buffer_printf(text,
                      "%sPluginDesc{klass=class %s, name='%s', version='%s', encodedVersion=%s, type=%s, typeName='%s', "
                      "location='%s'}",
                      text->length > 0 ? ", " : "", plugin->class_name, plugin->class_name, version, version,
                      loader_kind_name(plugin->kind), loader_kind_name(plugin->kind), plugin->path);
}

static int fail(struct mr_error **error, struct mr_error *refusal, const char *class_name)
{
    mr_error_set_class_name(refusal, class_name);
    if (error != NULL && *error == NULL)
        *error = refusal;
    else
        mr_error_drop(refusal);
    return -1;
}

static int refuse_unknown(const struct loader *loader, const struct scope *scope, const char *name,
                          struct mr_error **error)
{
    struct str_buffer list;
    struct mr_error *refusal = NULL;
    str_buffer_init(&list, LIST_MAX_BYTES);
    for (size_t i = 0; i < loader_count(loader); i++) {
        if (in_scope(scope, loader_at(loader, i)))
            describe(&list, loader_at(loader, i));
    }
    mr_error_set(&refusal, MR_ERR_NOT_FOUND,
                 "Failed to find any class that implements %s and which name matches %s, available %s are: %s",
                 scope->interface, name, scope->plural, str_buffer_text(&list));
    str_buffer_release(&list);
    return fail(error, refusal, NOT_FOUND_CLASS);
}

static int refuse_ambiguous(const struct loader *loader, const struct scope *scope, const char *name,
                            enum name_match how, struct mr_error **error)
{
    struct str_buffer list;
    struct mr_error *refusal = NULL;
    str_buffer_init(&list, LIST_MAX_BYTES);
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (in_scope(scope, plugin) && class_matches(loader, plugin->class_name, name, how))
            describe(&list, plugin);
    }
    mr_error_set(&refusal, MR_ERR_NOT_FOUND,
                 "More than one %s matches alias %s. Please use full package and class name instead. Classes found: %s",
                 scope->singular, name, str_buffer_text(&list));
    str_buffer_release(&list);
    return fail(error, refusal, NOT_FOUND_CLASS);
}

static int refuse_version(const struct loader *loader, const struct loader_plugin *class,
                          const struct version_range *range, struct mr_error **error)
{
    struct str_buffer list;
    struct mr_error *refusal = NULL;
    str_buffer_init(&list, LIST_MAX_BYTES);
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (plugin->kind == class->kind && strcmp(plugin->class_name, class->class_name) == 0)
            str_buffer_printf(&list, "%s%s", list.length > 0 ? ", " : "",
                              plugin->version != NULL ? plugin->version : "undefined");
    }
    mr_error_set(&refusal, MR_ERR_CONFIG, "Plugin %s not found that matches the version range %s, available versions: [%s]",
                 class->class_name, version_range_text(range), str_buffer_text(&list));
    str_buffer_release(&list);
    return fail(error, refusal, NO_VERSION_CLASS);
}

/* Plugins of one class and kind stand together, oldest first: the last that fits is the newest. */
static int find_version(const struct loader *loader, const struct loader_plugin *class, const char *version_range,
                        const struct loader_plugin **plugin, struct mr_error **error)
{
    struct version_range *range;
    if (version_range_parse(version_range, &range, error) != 0)
        return -1;
    *plugin = NULL;
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *other = loader_at(loader, i);
        if (other->kind == class->kind && strcmp(other->class_name, class->class_name) == 0 &&
            version_range_contains(range, other->version))
            *plugin = other;
    }
    int status = *plugin != NULL ? 0 : refuse_version(loader, class, range, error);
    version_range_destroy(range);
    return status;
}

static int find(const struct loader *loader, const struct scope *scope, const char *name, const char *version_range,
                const struct loader_plugin **plugin, struct mr_error **error)
{
    *plugin = NULL;
    for (int how = NAME_CLASS; how >= NAME_SHORT; how--) {
        bool several;
        const struct loader_plugin *class = find_class(loader, scope, name, (enum name_match)how, &several);
        if (several)
            return refuse_ambiguous(loader, scope, name, (enum name_match)how, error);
        if (class != NULL)
            return find_version(loader, class, version_range, plugin, error);
    }
    return refuse_unknown(loader, scope, name, error);
}

int loader_find(const struct loader *loader, enum mr_plugin_kind kind, const char *name, const char *version_range,
                const struct loader_plugin **plugin, struct mr_error **error)
{
    struct scope scope = scope_of(kind);
    return find(loader, &scope, name, version_range, plugin, error);
}

int loader_find_connector(const struct loader *loader, const char *name, const char *version_range,
                          const struct loader_plugin **plugin, struct mr_error **error)
{
    struct scope scope = { KIND(MR_PLUGIN_SINK) | KIND(MR_PLUGIN_SOURCE), "Connector", "connector", "connectors" };
    return find(loader, &scope, name, version_range, plugin, error);
}

int loader_find_any(const struct loader *loader, const char *name, const char *version_range,
                    const struct loader_plugin **plugin, struct mr_error **error)
{
    struct scope scope = { ~0u, "Plugin", "plugin", "plugins" };
    return find(loader, &scope, name, version_range, plugin, error);
}

int loader_version_range_check(const char *version_range, struct mr_error **error)
{
    struct version_range *range;
    int status = version_range_parse(version_range, &range, error);
    version_range_destroy(range);
    return status;
}
