/* Which files are the worker's own: no connector reads or writes them. */
#include "config/worker_config_internal.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/jaas.h"
#include "base/mem.h"
#include "base/string_map.h"

#include "base/bans.h"

#define LOGIN_CONTEXT "KafkaConnect"

/* By another name or a link it is the same file; one that is not there yet is known by its path alone. A device, as /dev/null,
 * holds nothing. */
static bool is_same_file(const char *one, const char *other)
{
    struct stat of_one, of_other;
    if (one == NULL || *one == '\0')
        return false;
    if (stat(one, &of_one) != 0 || stat(other, &of_other) != 0)
        return strcmp(one, other) == 0;
    return of_one.st_dev == of_other.st_dev && of_one.st_ino == of_other.st_ino && !S_ISCHR(of_one.st_mode);
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
    return (config->properties != NULL && is_store(config->properties, path)) || is_named_by_jaas(auth->jaas_file, path);
}
