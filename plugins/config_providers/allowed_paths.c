#include "allowed_paths.h"

#include <millrace/error.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct allowed_paths {
    size_t count;
    char **paths; /* normalized */
};

/* Is the last name in [start, end) ".."? */
static bool ends_in_parent(const char *start, const char *end)
{
    return end - start >= 2 && end[-1] == '.' && end[-2] == '.' && (end - start == 2 || end[-3] == '/');
}

/* The end of the text without its last name; `start` is where names begin. */
static char *drop_name(char *start, char *end)
{
    while (end > start && end[-1] != '/')
        end--;
    return end > start ? end - 1 : end;
}

static char *append_name(char *start, char *end, const char *name, size_t length)
{
    if (end > start)
        *end++ = '/';
    memcpy(end, name, length);
    return end + length;
}

char *allowed_paths_normalize(const char *path)
{
    char *text = malloc(strlen(path) + 2), *start, *end;
    if (text == NULL)
        return NULL;
    bool is_absolute = *path == '/';
    text[0] = '/';
    start = end = text + (is_absolute ? 1 : 0);
    for (const char *at = path; *at != '\0';) {
        size_t length = strcspn(at, "/");
        bool is_parent = length == 2 && memcmp(at, "..", 2) == 0, is_self = length == 1 && *at == '.';
        if (is_parent && end > start && !ends_in_parent(start, end))
            end = drop_name(start, end);
        else if (length > 0 && !is_self && !(is_parent && is_absolute))
            end = append_name(start, end, at, length);
        at += length;
        at += *at == '/' ? 1 : 0;
    }
    *end = '\0';
    return text;
}

static int add(struct allowed_paths *allowed, const char *item, size_t length, struct mr_error **error)
{
    struct stat info;
    char *text = strndup(item, length);
    char *path = text == NULL ? NULL : allowed_paths_normalize(text);
    free(text);
    if (path == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for allowed.paths");
    allowed->paths[allowed->count++] = path;
    if (*path != '/')
        return mr_error_set(error, MR_ERR_CONFIG,
                            "allowed.paths: Path %s is not absolute. Write paths from / on, separated by commas alone", path);
    if (stat(path, &info) != 0)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "allowed.paths: Path %s does not exist. Create it, or remove it from the list", path);
    return 0;
}

/* Java's split: empty items count, but not at the end. */
static int add_all(struct allowed_paths *allowed, const char *list, size_t length, struct mr_error **error)
{
    for (const char *at = list, *end = list + length; at <= end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;
        if (add(allowed, at, (size_t)(stop - at), error) != 0)
            return -1;
        at = stop + 1;
    }
    return 0;
}

struct allowed_paths *allowed_paths_create(const char *list, struct mr_error **error)
{
    size_t length = list == NULL ? 0 : strlen(list), commas = 0;
    struct allowed_paths *allowed = calloc(1, sizeof(*allowed));
    while (length > 0 && list[length - 1] == ',')
        length--;
    for (size_t i = 0; i < length; i++)
        commas += list[i] == ',';
    if (allowed != NULL && list != NULL && *list != '\0')
        allowed->paths = calloc(commas + 1, sizeof(*allowed->paths));
    if (allowed == NULL || (list != NULL && *list != '\0' && allowed->paths == NULL))
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for allowed.paths");
    else if (length == 0 || add_all(allowed, list, length, error) == 0)
        return allowed;
    allowed_paths_destroy(allowed);
    return NULL;
}

void allowed_paths_destroy(struct allowed_paths *allowed)
{
    if (allowed == NULL)
        return;
    for (size_t i = 0; i < allowed->count; i++)
        free(allowed->paths[i]);
    free(allowed->paths);
    free(allowed);
}

static bool is_at_or_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (strcmp(folder, "/") == 0)
        return *path == '/';
    return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

enum allowed_verdict allowed_paths_check(const struct allowed_paths *allowed, const char *path, char **usable)
{
    *usable = allowed->paths == NULL ? strdup(path) : allowed_paths_normalize(path);
    if (*usable == NULL)
        return ALLOWED_NO_MEMORY;
    bool is_fine = allowed->paths == NULL;
    for (size_t i = 0; !is_fine && i < allowed->count; i++)
        is_fine = is_at_or_below(*usable, allowed->paths[i]);
    if (is_fine)
        return ALLOWED_YES;
    free(*usable);
    *usable = NULL;
    return ALLOWED_NO;
}
