/* loader_test.h: a plugin folder of its own for each test, filled with links to built plugins. */
#ifndef LOADER_TEST_H
#define LOADER_TEST_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/host.h"
#include "loader/loader.h"

struct folder {
    char path[PATH_MAX];
};

static inline int folder_set_up(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    if (folder == NULL)
        return -1;
    snprintf(folder->path, sizeof(folder->path), "%s/loader-test.XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    *state = folder;
    return mkdtemp(folder->path) != NULL ? 0 : -1;
}

static inline int folder_tear_down(void **state)
{
    char command[PATH_MAX + 16];
    struct folder *folder = *state;
    snprintf(command, sizeof(command), "rm -rf '%s'", folder->path);
    int status = system(command);
    free(folder);
    return status;
}

/* The path of `name` in the folder; overwritten by the next call. */
static inline const char *in_folder(const struct folder *folder, const char *name)
{
    static char path[2 * PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    return path;
}

static inline void put_folder(const struct folder *folder, const char *name)
{
    assert_int_equal(0, mkdir(in_folder(folder, name), 0755));
}

static inline void put_file(const struct folder *folder, const char *name, const void *content, size_t size)
{
    FILE *file = fopen(in_folder(folder, name), "w");
    assert_non_null(file);
    assert_int_equal(size, fwrite(content, 1, size, file));
    fclose(file);
}

/* Links a test plugin under a name of its own. */
static inline void put_plugin_as(const struct folder *folder, const char *plugin, const char *name)
{
    char target[PATH_MAX];
    snprintf(target, sizeof(target), "%s/%s.so", MR_TEST_PLUGINS, plugin);
    assert_int_equal(0, symlink(target, in_folder(folder, name)));
}

static inline void put_plugin(const struct folder *folder, const char *plugin)
{
    char name[256];
    snprintf(name, sizeof(name), "%s.so", plugin);
    put_plugin_as(folder, plugin, name);
}

static inline struct loader *load(const char *plugin_path)
{
    struct mr_error *error = NULL;
    struct loader *loader =
        loader_create(&(struct loader_setup){ .plugin_path = plugin_path, .host = loader_host() }, &error);
    assert_non_null(loader);
    assert_null(error);
    return loader;
}

static inline bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* Why the file of that name was refused; NULL: it was not. */
static inline const char *refusal_of(const struct loader *loader, const char *file)
{
    for (size_t i = 0; i < loader_refusal_count(loader); i++) {
        if (ends_with(loader_refusal_path(loader, i), file))
            return loader_refusal_reason(loader, i);
    }
    return NULL;
}

#define test_in_folder(function) cmocka_unit_test_setup_teardown(function, folder_set_up, folder_tear_down)

#endif
