/* Which files are the worker's own: no connector reads or writes them. */
#include "config/worker_config_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jaas.h"
#include "base/mem.h"
#include "base/string_map.h"

#include "base/bans.h"

#define LOGIN_CONTEXT "KafkaConnect"

#define LINKS_MAX 16 /* in a row */

/* ---- a place: folder and name, of a file that need not be there ---- */

/* The folder as the system knows it, and the name in it. false: there is no such folder, or the path is too long. */
static bool join_real(const char *path, char place[PATH_MAX])
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (length >= sizeof(folder))
        return false;
    memcpy(folder, path, length);
    folder[length] = '\0';
    if (realpath(length == 0 ? "." : folder, real) == NULL)
        return false;
    return snprintf(place, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) < PATH_MAX;
}

/* Where the link there points to, from its own folder. false: it is none. */
static bool follow(const char *place, char target[PATH_MAX])
{
    char text[PATH_MAX];
    ssize_t length = readlink(place, text, sizeof(text) - 1);
    if (length < 0)
        return false;
    text[length] = '\0';
    int folder = text[0] == '/' ? 0 : (int)(strrchr(place, '/') - place) + 1;
    return snprintf(target, PATH_MAX, "%.*s%s", folder, place, text) < PATH_MAX;
}

/* Where whoever opens the path comes to, links followed, also those that lead to what is not there yet. */
static bool place_of(const char *path, char place[PATH_MAX])
{
    char next[PATH_MAX];
    if (!join_real(path, place))
        return false;
    for (int i = 0; i < LINKS_MAX && follow(place, next); i++)
        if (!join_real(next, place))
            return false;
    return true;
}

/* ---- the same file ---- */

static bool is_same_place(const char *one, const char *other)
{
    char place[PATH_MAX], other_place[PATH_MAX];
    return strcmp(one, other) == 0 ||
           (place_of(one, place) && place_of(other, other_place) && strcmp(place, other_place) == 0);
}

/* By another name or a link it is the same file; one that is not there yet is known by its place. A device, as /dev/null,
 * holds nothing. */
static bool is_same_file(const char *one, const char *other)
{
    struct stat of_one, of_other;
    if (one == NULL || *one == '\0')
        return false;
    if (stat(one, &of_one) != 0 || stat(other, &of_other) != 0)
        return is_same_place(one, other);
    return of_one.st_dev == of_other.st_dev && of_one.st_ino == of_other.st_ino && !S_ISCHR(of_one.st_mode);
}

/* A former audit file as logrotate and others name them: "audit.jsonl.1.gz", "audit.jsonl-20261122", "audit-20261122.jsonl". */
static bool is_rotated(const char *file, const char *path)
{
    char place[PATH_MAX], other[PATH_MAX];
    struct stat of_file;
    if (file == NULL || *file == '\0' || (stat(file, &of_file) == 0 && S_ISCHR(of_file.st_mode)) || !place_of(file, place) ||
        !place_of(path, other))
        return false;
    const char *name = strrchr(place, '/') + 1, *dot = strrchr(name, '.');
    size_t whole = strlen(place), stem = dot == NULL || dot == name ? whole : (size_t)(dot - place), length = strlen(other);
    if (strncmp(other, place, stem) != 0 || strchr(other + stem, '/') != NULL)
        return false;
    bool goes_on = strncmp(other, place, whole) == 0 && strchr(".-_", other[whole]) != NULL;
    bool is_between = length > whole && strchr(".-_", other[stem]) != NULL && strcmp(other + length - (whole - stem), place + stem) == 0;
    return goes_on || is_between;
}

/* The passwords that a JAAS file names. */
static bool is_named_by_jaas(const char *jaas_path, const char *path)
{
    char why[200];
    struct jaas_entry entry;
    size_t length = 0;
    bool is_named = false;
    char *text = jaas_path == NULL || *jaas_path == '\0' ? NULL : file_read(jaas_path, JAAS_TEXT_MAX, &length, why, sizeof(why));
    if (text != NULL && jaas_parse_file(&entry, text, LOGIN_CONTEXT, why, sizeof(why))) {
        is_named = is_same_file(string_map_get(entry.options, "file"), path);
        jaas_entry_release(&entry);
    }
    if (text != NULL)
        explicit_bzero(text, length);
    mem_free(text);
    return is_named;
}

/* Key stores and trust stores, of listeners and of clients. */
static bool is_store(const struct string_map *properties, const char *path)
{
    static const char END[] = "store.location";
    for (size_t i = 0; i < string_map_count(properties); i++) {
        const char *name = string_map_key(properties, i);
        size_t length = strlen(name);
        if (length >= sizeof(END) - 1 && strcmp(name + length - (sizeof(END) - 1), END) == 0 &&
            is_same_file(string_map_value(properties, i), path))
            return true;
    }
    return false;
}

bool worker_config_owns_file(const struct worker_config *config, const char *path)
{
    const struct rest_auth_config *auth = &config->rest_auth;
    const char *const files[] = {config->path,         auth->passwords_file, auth->jaas_file,     auth->bindings_file,
                                 auth->keys_ca_file,   config->audit.file,   config->offset_file, config->crash_file};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (is_same_file(files[i], path))
            return true;
    if (is_rotated(config->audit.file, path))
        return true;
    return (config->properties != NULL && is_store(config->properties, path)) || is_named_by_jaas(auth->jaas_file, path);
}
