#include "config/worker_file.h"

#include <millrace/error.h>
#include <string.h>

#include "base/log.h"
#include "base/properties.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "config/variables.h"

#include "base/bans.h"

#define LOG_NAME "millrace.config"
#define PATH_WORDS_MAX 1024

struct string_map *worker_file_read(const char *path, struct mr_error **error)
{
    char why[PATH_WORDS_MAX];
    struct string_map *written = properties_load(path, PROPERTIES_LATIN1, why, sizeof(why));
    if (written == NULL)
        mr_error_set(error, MR_ERR_CONFIG, "%s", why);
    return written;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), of_end = strlen(end);
    return length >= of_end && strcmp(name + length - of_end, end) == 0;
}

/* By their names, whatever prefix they have: worker, clients, listeners. What stands in JAAS texts the clients note. */
static void note_secrets(const struct string_map *properties)
{
    static const char *const ends[] = {"password", ".secret", "keystore.key", "hash.key"};
    for (size_t i = 0; i < string_map_count(properties); i++) {
        for (size_t end = 0; end < sizeof(ends) / sizeof(ends[0]); end++) {
            if (ends_with(string_map_key(properties, i), ends[end]))
                secrets_note(string_map_value(properties, i));
        }
    }
}

/* By name alone: beside the reference the text may hold a secret. */
static void warn_of_unresolved(const struct string_map *written, const struct string_map *resolved)
{
    for (size_t i = 0; i < string_map_count(written); i++) {
        const char *name = string_map_key(written, i), *text = string_map_value(written, i);
        const char *value = string_map_get(resolved, name);
        if (variables_has_reference(text) && value != NULL && strcmp(text, value) == 0)
            log_warn(LOG_NAME, "%s: no config provider of this file answers its reference; it stays as text", name);
    }
}

static struct string_map *resolve(const struct string_map *written, const struct loader *loader, struct mr_error **error)
{
    const char *names = string_map_get(written, "config.providers");
    if (names == NULL || *names == '\0')
        return variables_resolve(NULL, written, NULL, error);
    struct variables *variables = variables_create(loader, written, error);
    struct string_map *resolved = variables == NULL ? NULL : variables_resolve(variables, written, NULL, error);
    if (resolved != NULL)
        warn_of_unresolved(written, resolved);
    variables_destroy(variables);
    return resolved;
}

struct worker_config *worker_file_config(const char *path, enum worker_mode mode, const struct string_map *written,
                                         const struct loader *loader, struct mr_error **error)
{
    struct mr_error *reason = NULL;
    struct string_map *resolved = resolve(written, loader, &reason);
    if (resolved != NULL)
        note_secrets(resolved);
    struct worker_config *config = resolved == NULL ? NULL : worker_config_create(mode, resolved, &reason);
    variables_hide_error(written, resolved, &reason);
    if (config == NULL)
        mr_error_set(error, mr_error_code(reason), "%s cannot be used:\n%s", path, mr_error_message(reason));
    mr_error_drop(reason);
    string_map_destroy(resolved);
    return config;
}
