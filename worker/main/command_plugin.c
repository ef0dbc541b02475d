/*
 * millrace plugin: looks at plugins without a worker. Results go to standard output, what was refused to standard error.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "commands.h"
#include "loader/host.h"
#include "loader/loader.h"
#include "plugin_doc.h"

#include "base/bans.h"

enum { SUGGESTIONS_MAX = 5 };

static const char USAGE[] =
    "Usage: millrace plugin list [--plugin-path PATHS]\n"
    "       millrace plugin check FILE.so\n"
    "       millrace plugin doc NAME [--markdown] [--plugin-path PATHS]\n"
    "\n"
    "Looks at plugins without a worker.\n"
    "\n"
    "  list                what is found: kind, class, version and file\n"
    "  check               whether a worker would load that file, and if not, why\n"
    "  doc                 the manual of a plugin: what it does, and its options\n"
    "  --plugin-path PATHS as plugin.path: folders and files, separated by commas. Shipped plugins are always there\n"
    "\n"
    "Exit status: 0 done; 1 not: the arguments are wrong, a file would be refused, or no plugin goes by that name.\n";

static int usage(void)
{
    fputs(USAGE, stderr);
    return 1;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

/* NULL: said why. The loader's own lines are left out: this command prints the same in its own way. Lines of plugins, which
 * say why one does not want to load, stay. */
static struct loader *open_loader(const char *plugin_path, bool with_shipped)
{
    struct mr_error *error = NULL;
    log_level_set("loader", LOG_LEVEL_OFF, -1, NULL);
    struct loader *loader = loader_create(&(struct loader_setup){ .plugin_path = plugin_path,
                                                                  .with_shipped = with_shipped,
                                                                  .host = loader_host() },
                                          &error);
    if (loader == NULL) {
        fprintf(stderr, "millrace plugin: %s\n", mr_error_message(error));
        mr_error_drop(error);
    }
    return loader;
}

/* Places that are not there first: what is missing may have stood in them. */
static void print_refusals(const struct loader *loader)
{
    for (size_t i = 0; i < loader_gap_count(loader); i++)
        fprintf(stderr, "%s: not searched: %s\n", loader_gap_path(loader, i), loader_gap_reason(loader, i));
    for (size_t i = 0; i < loader_refusal_count(loader); i++)
        fprintf(stderr, "%s: refused: %s\n", loader_refusal_path(loader, i), loader_refusal_reason(loader, i));
}

/* Shorter than PluginType's "connectorclientconfigoverridepolicy". */
static const char *shown_kind(const struct loader_plugin *plugin)
{
    if (plugin->kind == MR_PLUGIN_OVERRIDE_POLICY)
        return "override_policy";
    return plugin->kind == MR_PLUGIN_CONFIG_PROVIDER ? "config_provider" : loader_kind_name(plugin->kind);
}

static const char *shown_version(const struct loader_plugin *plugin)
{
    return plugin->version != NULL ? plugin->version : "-";
}

static int list(const char *plugin_path)
{
    struct loader *loader = open_loader(plugin_path, true);
    if (loader == NULL)
        return 1;
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        printf("%-16s %-76s %-8s %s\n", shown_kind(plugin), plugin->class_name, shown_version(plugin), plugin->path);
    }
    print_refusals(loader);
    loader_destroy(loader);
    return 0;
}

/* What stood in the way of one file or folder; 1 when something did. */
static int check_failures(const struct loader *loader, const char *path)
{
    if (loader_gap_count(loader) > 0)
        fprintf(stderr, "%s: cannot be opened: %s\n", path, loader_gap_reason(loader, 0));
    else if (loader_refusal_count(loader) > 0)
        print_refusals(loader);
    else if (loader_count(loader) == 0)
        fprintf(stderr, "%s: refused: there is no plugin file in it\n", path);
    else
        return 0;
    return 1;
}

static int check(const char *path)
{
    if (strchr(path, ',') != NULL) {
        fprintf(stderr, "%s: refused: a path with a comma cannot stand in plugin.path; rename it\n", path);
        return 1;
    }
    struct loader *loader = open_loader(path, false);
    if (loader == NULL)
        return 1;
    const char *path_before = NULL;
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (path_before == NULL || strcmp(path_before, plugin->path) != 0)
            printf("%s: OK\n", plugin->path);
        path_before = plugin->path;
        printf("  %-16s %s %s, %zu options\n", shown_kind(plugin), plugin->class_name, shown_version(plugin),
               plugin->config_def->count);
    }
    int status = check_failures(loader, path);
    loader_destroy(loader);
    return status;
}

/* What is not there may have been refused. */
static void print_unknown(const struct loader *loader, const char *name)
{
    const char *class_names[SUGGESTIONS_MAX];
    size_t count = loader_suggest(loader, name, class_names, SUGGESTIONS_MAX);
    print_refusals(loader);
    fprintf(stderr, "millrace plugin doc: no plugin goes by the name %s, or more than one does", name);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s%s", i == 0 ? "; did you mean " : i + 1 < count ? ", " : " or ", class_names[i]);
    fprintf(stderr, "%s `millrace plugin list` has the full names\n", count > 0 ? "?" : ";");
}

static int doc(const char *name, const char *plugin_path, bool is_page)
{
    struct plugin_family family;
    struct loader *loader = open_loader(plugin_path, true);
    if (loader == NULL)
        return 1;
    bool is_found = plugin_family_find(loader, name, &family);
    if (!is_found)
        print_unknown(loader, name);
    else if (is_page)
        plugin_page_print(&family, stdout);
    else
        plugin_doc_print(&family, stdout);
    loader_destroy(loader);
    return is_found ? 0 : 1;
}

/* Takes "--plugin-path P" out of the arguments, wherever it stands. false: P is missing. */
static bool take_plugin_path(int *argc, char **argv, const char **plugin_path)
{
    int kept = 0;
    *plugin_path = NULL;
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], "--plugin-path") != 0) {
            argv[kept++] = argv[i];
        } else if (i + 1 < *argc) {
            *plugin_path = argv[++i];
        } else {
            return false;
        }
    }
    *argc = kept;
    return true;
}

static int run(int argc, char **argv)
{
    const char *plugin_path;
    if (asks_for_help(argc, argv))
        return fputs(USAGE, stdout) < 0 ? 1 : 0;
    if (!take_plugin_path(&argc, argv, &plugin_path) || argc < 2)
        return usage();
    if (strcmp(argv[1], "list") == 0 && argc == 2)
        return list(plugin_path);
    if (strcmp(argv[1], "check") == 0 && argc == 3 && plugin_path == NULL)
        return check(argv[2]);
    if (strcmp(argv[1], "doc") == 0 && argc == 3)
        return doc(argv[2], plugin_path, false);
    if (strcmp(argv[1], "doc") == 0 && argc == 4 && strcmp(argv[3], "--markdown") == 0)
        return doc(argv[2], plugin_path, true);
    return usage();
}

const struct command command_plugin = {
    .name = "plugin",
    .arguments = "list | check FILE.so | doc NAME",
    .summary = "Look at plugins without a worker",
    .has_help = true,
    .run = run,
};
