#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "loader/loader_internal.h"

#include "base/bans.h"

#define ENTRY_NAME "mr_module_v1"

/* dlerror starts with the path, which a refusal names already. */
static const char *dl_reason(const char *path)
{
    const char *text = dlerror();
    size_t length = strlen(path);
    if (text == NULL)
        return "the dynamic linker gives no reason";
    if (strncmp(text, path, length) == 0 && strncmp(text + length, ": ", 2) == 0)
        return text + length + 2;
    return text;
}

static bool loaded_before(const struct loader *loader, const struct stat *status)
{
    for (size_t i = 0; i < loader->files.count; i++) {
        const struct loader_file *file = ptr_array_at(&loader->files, i);
        if (file->device == status->st_dev && file->inode == status->st_ino)
            return true;
    }
    return false;
}

static bool is_provided(const struct loader *loader, const struct mr_plugin *plugin, const char **path)
{
    for (size_t i = 0; i < loader->plugins.count; i++) {
        const struct loader_plugin *other = ptr_array_at(&loader->plugins, i);
        *path = other->path;
        if (other->kind == plugin->kind && strcmp(other->class_name, plugin->class_name) == 0 &&
            loader_version_compare(other->version, plugin->version) == 0)
            return true;
    }
    return false;
}

static void adopt_plugin(struct loader *loader, const struct loader_file *file, const struct mr_module *module,
                         const struct mr_plugin *plugin)
{
    static const char *const no_aliases[] = { NULL };
    struct loader_plugin *adopted = mem_alloc(sizeof(*adopted));
    if (adopted == NULL) {
        loader->out_of_memory = true;
        return;
    }
    *adopted = (struct loader_plugin){
        .kind = plugin->kind,
        .class_name = plugin->class_name,
        .version = plugin->version,
        .doc = plugin->doc != NULL ? plugin->doc : "",
        .config_def = options_copy(loader, plugin->config_def),
        .path = file->path,
        .name = {.class_name = plugin->class_name, .file = file->path},
        .module_name = module->name,
        .aliases = no_aliases,
        .sink = ops_copy(loader, plugin->kind, plugin->ops),   /* the union: all members are one pointer */
    };
    if (TABLE_HOLDS(struct mr_plugin, aliases, plugin->size) && plugin->aliases != NULL)
        adopted->aliases = plugin->aliases;
    if (!ptr_array_push(&loader->plugins, adopted)) {
        mem_free(adopted);
        loader->out_of_memory = true;
    }
}

/* The first file wins: a plugin that the user puts into the plugin path replaces the shipped one of the same version, and
 * its neighbours in the shipped file stay. */
static void adopt(struct loader *loader, const struct loader_file *file, const struct mr_module *module)
{
    for (size_t i = 0; i < module->plugin_count; i++) {
        const struct mr_plugin *plugin = module->plugins[i];
        const char *path;
        if (is_provided(loader, plugin, &path)) {
            struct why why;
            refuse(&why, "%s %s %s is provided by %s already; this one is not used", loader_kind_name(plugin->kind),
                   plugin->class_name, plugin->version != NULL ? plugin->version : "without a version", path);
            loader_refuse(loader, file->path, why.text);
            continue;
        }
        adopt_plugin(loader, file, module, plugin);
    }
    log_info("loader", "Loaded %s: %s, %zu plugins", file->path, module->name, module->plugin_count);
}

/* From here on code of the plugin has run and may have started threads: the file stays open, whatever comes. */
static void introduce(struct loader *loader, const struct loader_file *file, mr_module_entry *entry)
{
    struct why why;
    const struct mr_module *module = entry(loader->host);
    if (module == NULL)
        loader_refuse(loader, file->path, "it does not want to load (" ENTRY_NAME " returned NULL); its log lines say why");
    else if (!module_check(module, &why))
        loader_refuse(loader, file->path, why.text);
    else
        adopt(loader, file, module);
}

static struct loader_file *keep_file(struct loader *loader, const char *path, const struct stat *status)
{
    struct loader_file *file = mem_calloc(1, sizeof(*file));
    if (file != NULL) {
        file->path = mem_strdup(path);
        file->device = status->st_dev;
        file->inode = status->st_ino;
    }
    if (file == NULL || file->path == NULL || !ptr_array_push(&loader->files, file)) {
        if (file != NULL)
            loader_file_destroy(file);
        loader->out_of_memory = true;
        return NULL;
    }
    return file;
}

static void open_checked(struct loader *loader, const char *path, const struct stat *status)
{
    struct loader_file *file = keep_file(loader, path, status);
    if (file == NULL)
        return;
    file->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (file->handle == NULL) {
        loader_refuse(loader, path, dl_reason(path));
        return;
    }
    mr_module_entry *entry;
    *(void **)&entry = dlsym(file->handle, ENTRY_NAME);
    if (entry == NULL)
        loader_refuse(loader, path,
                      "no plugin: it exports no function " ENTRY_NAME "; a library that plugins need belongs elsewhere");
    else
        introduce(loader, file, entry);
}

void loader_open_file(struct loader *loader, const char *path)
{
    struct why why;
    struct stat status;
    if (++loader->candidates > LOADER_FILES_MAX) {
        if (loader->candidates == LOADER_FILES_MAX + 1)
            loader_refuse(loader, path, "too many files in the plugin path; this one and those after it are not loaded");
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        loader_refuse(loader, path, strerror(errno));
    } else if (!loaded_before(loader, &status)) {
        if (elf_check(fd, &why))
            open_checked(loader, path, &status);
        else
            loader_refuse(loader, path, why.text);
    }
    if (fd >= 0)
        close(fd);
}

void loader_file_destroy(void *item)
{
    struct loader_file *file = item;
    if (file->handle != NULL)
        dlclose(file->handle);
    mem_free(file->path);
    mem_free(file);
}
