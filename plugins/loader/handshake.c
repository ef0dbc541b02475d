#include <stdio.h>
#include <string.h>

#include "loader/loader_internal.h"

#include "base/bans.h"

enum {
    NAME_MAX_BYTES = 512,
    DOC_MAX_BYTES = 65536,
    ALIASES_MAX = 256,
    CONTEXT_MAX = 640
};

bool table_check(const void *table, size_t size_max, const char *what, struct why *why)
{
    uint32_t size;
    if (!probe_table(table, sizeof(size), what, why))
        return false;
    memcpy(&size, table, sizeof(size));
    /* Each table holds pointers; a size that cuts one in two was never the size of any. */
    if (size < sizeof(void *) || size > size_max || size % _Alignof(void *) != 0)
        return refuse(why, "%s says it has %u bytes, this worker's has %zu; begin it with .size = sizeof", what, size,
                      size_max);
    return probe_table(table, size, what, why);
}

static bool is_name(const char *text)
{
    if (!probe_text(text, NAME_MAX_BYTES) || text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

/* A second sentence's subject, in front of whatever reason is there. */
static bool refuse_within(struct why *why, const char *subject)
{
    struct why reason = *why;
    return refuse(why, "%s: %s", subject, reason.text);
}

static bool aliases_check(const struct mr_plugin *plugin, struct why *why)
{
    if (!TABLE_HOLDS(struct mr_plugin, aliases, plugin->size) || plugin->aliases == NULL)
        return true;
    for (size_t i = 0; i < ALIASES_MAX; i++) {
        if (!probe_pointer(&plugin->aliases[i]))
            break;
        if (plugin->aliases[i] == NULL)
            return true;
        if (!is_name(plugin->aliases[i]))
            return refuse(why, "alias %zu is empty or no name", i);
    }
    return refuse(why, "the list of aliases has no end");
}

static bool plugin_body_check(const struct mr_plugin *plugin, struct why *why)
{
    if (plugin->kind < MR_PLUGIN_SINK || plugin->kind > MR_PLUGIN_REST_EXTENSION)
        return refuse(why, "there is no plugin kind %d", (int)plugin->kind);
    if (plugin->version != NULL && !is_name(plugin->version))
        return refuse(why, "its version is empty, holds blanks or is no text; NULL means none");
    if (plugin->doc != NULL && !probe_text(plugin->doc, DOC_MAX_BYTES))
        return refuse(why, "its doc is no text");
    return options_check(plugin->config_def, why) && aliases_check(plugin, why) &&
           ops_check(plugin->kind, plugin->ops, why);
}

static bool plugin_check(const struct mr_plugin *plugin, size_t index, struct why *why)
{
    char subject[CONTEXT_MAX];
    snprintf(subject, sizeof(subject), "plugin %zu", index);
    if (!table_check(plugin, sizeof(*plugin), "struct mr_plugin", why))
        return refuse_within(why, subject);
    if (!TABLE_HOLDS(struct mr_plugin, ops, plugin->size))
        return refuse(why, "%s: struct mr_plugin has only %u bytes; begin it with .size = sizeof", subject, plugin->size);
    if (!is_name(plugin->class_name))
        return refuse(why, "%s: class_name is NULL, empty, holds blanks or is no text", subject);
    snprintf(subject, sizeof(subject), "plugin %s", plugin->class_name);
    return plugin_body_check(plugin, why) || refuse_within(why, subject);
}

static bool is_same(const struct mr_plugin *one, const struct mr_plugin *other)
{
    return one->kind == other->kind && strcmp(one->class_name, other->class_name) == 0 &&
           loader_version_compare(one->version, other->version) == 0;
}

static bool plugins_check(const struct mr_module *module, struct why *why)
{
    if (module->plugin_count > LOADER_MODULE_PLUGINS_MAX)
        return refuse(why, "%zu plugins in one file, of at most %d", module->plugin_count, LOADER_MODULE_PLUGINS_MAX);
    if (module->plugin_count == 0)
        return refuse(why, "it brings no plugins");
    if (!probe_table(module->plugins, module->plugin_count * sizeof(module->plugins[0]), "the list of plugins", why))
        return false;
    for (size_t i = 0; i < module->plugin_count; i++) {
        if (!plugin_check(module->plugins[i], i, why))
            return false;
        for (size_t other = 0; other < i; other++) {
            if (is_same(module->plugins[other], module->plugins[i]))
                return refuse(why, "plugin %s is in the list twice as %s", module->plugins[i]->class_name,
                              loader_kind_name(module->plugins[i]->kind));
        }
    }
    return true;
}

/* The numbers come before the rest: another major version may have laid out everything behind them differently. */
static bool abi_check(const struct mr_module *module, struct why *why)
{
    if (module->abi_major != MR_ABI_MAJOR)
        return refuse(why, "built for plugin ABI %u.%u, this worker speaks %u.%u; build it for this worker",
                      module->abi_major, module->abi_minor, MR_ABI_MAJOR, MR_ABI_MINOR);
    if (module->abi_minor > MR_ABI_MINOR)
        return refuse(why, "needs plugin ABI %u.%u, this worker speaks %u.%u; use a newer worker", module->abi_major,
                      module->abi_minor, MR_ABI_MAJOR, MR_ABI_MINOR);
    return true;
}

bool module_check(const struct mr_module *module, struct why *why)
{
    if (!probe_table(module, offsetof(struct mr_module, name), "struct mr_module", why) || !abi_check(module, why) ||
        !table_check(module, sizeof(*module), "struct mr_module", why))
        return false;
    if (!TABLE_HOLDS(struct mr_module, plugin_count, module->size))
        return refuse(why, "struct mr_module has only %u bytes; start it with MR_MODULE", module->size);
    if (!is_name(module->name))
        return refuse(why, "the module has no name, or one with blanks");
    return plugins_check(module, why);
}
