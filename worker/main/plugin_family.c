#include "plugin_doc.h"

#include <string.h>

#include "loader/loader.h"

#include "base/bans.h"

/* Of "org.acme.Thing$Key" before the $; of other names all. */
static size_t outer_size(const char *class_name)
{
    return strcspn(class_name, "$");
}

static const char *simple_name(const char *class_name)
{
    const char *dot = strrchr(class_name, '.');
    return dot == NULL ? class_name : dot + 1;
}

/* Whether `name`, full or simple, is what stands before the $. */
static bool is_outer(const char *class_name, const char *name)
{
    size_t size = strlen(name), outer = outer_size(class_name);
    const char *simple = simple_name(class_name);
    if (class_name[outer] == '\0')
        return false;
    if (size == outer && strncmp(class_name, name, size) == 0)
        return true;
    return size == outer_size(simple) && strncmp(simple, name, size) == 0;
}

static bool has_options_of(const struct loader_plugin *one, const struct loader_plugin *other)
{
    const struct mr_config_def *options = one->config_def, *others = other->config_def;
    if (options->count != others->count)
        return false;
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->rows[i].name, others->rows[i].name) != 0)
            return false;
    return true;
}

/* The loader has the versions of a class in order, the oldest first. */
static void add(struct plugin_family *family, const struct loader_plugin *plugin)
{
    const struct loader_plugin **last = family->count == 0 ? NULL : &family->members[family->count - 1];
    if (last != NULL && (*last)->kind == plugin->kind && strcmp((*last)->class_name, plugin->class_name) == 0)
        *last = plugin;
    else if (family->count < PLUGIN_FAMILY_MAX && (last == NULL || has_options_of(family->members[0], plugin)))
        family->members[family->count++] = plugin;
}

bool plugin_family_find(const struct loader *loader, const char *name, struct plugin_family *family)
{
    const struct loader_plugin *found = NULL;
    struct mr_error *error = NULL;
    *family = (struct plugin_family){.count = 0};
    if (loader_find_any(loader, name, NULL, &found, &error) != 0)
        mr_error_drop(error);
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (found == NULL ? is_outer(plugin->class_name, name) : strcmp(plugin->class_name, found->class_name) == 0)
            add(family, plugin);
    }
    return family->count > 0;
}

int plugin_family_doc(const struct plugin_family *family, const char **text)
{
    const char *first = family->members[0]->doc;
    size_t same = strlen(first), end = 0;
    *text = first;
    for (size_t i = 1; i < family->count; i++)
        for (size_t at = 0; at < same; at++)
            if (first[at] != family->members[i]->doc[at])
                same = at;
    if (first[same] == '\0')
        return (int)same;
    for (size_t at = 0; at < same; at++)
        if (first[at] == '.' && (first[at + 1] == ' ' || first[at + 1] == '\0'))
            end = at + 1;
    return (int)end;
}
