#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "loader/loader_internal.h"

#include "base/bans.h"

static char *path_join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = mem_alloc(size);
    if (path != NULL)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length > end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The paths of what a folder holds, sorted. Hidden entries are passed over: mounts keep their machinery there. */
static bool list_folder(struct loader *loader, const char *folder, struct ptr_array *paths)
{
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        loader_note_gap(loader, folder, strerror(errno));
        return false;
    }
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = path_join(folder, entry->d_name);
        if (path == NULL || !ptr_array_push(paths, path)) {
            mem_free(path);
            loader->out_of_memory = true;
        }
    }
    closedir(stream);
    ptr_array_sort(paths, ptr_array_compare_text);
    return true;
}

/* Returns how many Java archives it passed over. */
static size_t scan_folder(struct loader *loader, const char *folder, bool with_subfolders)
{
    struct ptr_array paths;
    size_t jars = 0;
    ptr_array_init(&paths, mem_free);
    if (list_folder(loader, folder, &paths)) {
        for (size_t i = 0; i < paths.count && !loader->out_of_memory; i++) {
            const char *path = ptr_array_at(&paths, i);
            bool goes_down = is_folder(path);
            if (goes_down && with_subfolders)
                jars += scan_folder(loader, path, false);
            else if (!goes_down && ends_with(path, ".so"))
                loader_open_file(loader, path);
            else if (!goes_down && ends_with(path, ".jar"))
                jars++;
        }
    }
    ptr_array_release(&paths);
    return jars;
}

static void scan_one(struct loader *loader, const char *path)
{
    char *absolute = realpath(path, NULL);
    if (absolute == NULL) {
        loader_note_gap(loader, path, strerror(errno));
        return;
    }
    if (is_folder(absolute)) {
        size_t jars = scan_folder(loader, absolute, true);
        if (jars > 0)
            log_warn("loader", "%s: %zu .jar files are passed over; this worker runs native plugins (.so), not Java ones",
                     absolute, jars);
    } else {
        loader_open_file(loader, absolute);
    }
    free(absolute);
}

static bool is_blank(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

void scan_plugin_path(struct loader *loader, const char *plugin_path)
{
    while (*plugin_path != '\0' && !loader->out_of_memory) {
        size_t length = strcspn(plugin_path, ",");
        const char *start = plugin_path, *end = plugin_path + length;
        plugin_path = *end == ',' ? end + 1 : end;
        while (start < end && is_blank(*start))
            start++;
        while (end > start && is_blank(end[-1]))
            end--;
        if (start == end)
            continue;
        char *path = mem_strndup(start, (size_t)(end - start));
        if (path == NULL)
            loader->out_of_memory = true;
        else
            scan_one(loader, path);
        mem_free(path);
    }
}

void scan_shipped(struct loader *loader)
{
    static const char *const places[] = { "/../plugins", "/../lib/millrace/plugins" };
    char program[PATH_MAX], folder[PATH_MAX + 32];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (length <= 0)
        return;
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL)
        return;
    *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(folder, sizeof(folder), "%s%s", program, places[i]);
        if (is_folder(folder))
            scan_one(loader, folder);
    }
}
