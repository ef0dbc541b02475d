#include "config/worker_file.h"

#include <millrace/error.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "base/properties.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "config/worker_config_internal.h"

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
static bool is_secret(const char *name)
{
    static const char *const ends[] = {"password", ".secret", "keystore.key", "hash.key"};
    for (size_t end = 0; end < sizeof(ends) / sizeof(ends[0]); end++) {
        if (ends_with(name, ends[end]))
            return true;
    }
    return false;
}

static void note_secrets(const struct string_map *properties)
{
    for (size_t i = 0; i < string_map_count(properties); i++) {
        if (is_secret(string_map_key(properties, i)))
            secrets_note(string_map_value(properties, i));
    }
}

static bool has_providers(const struct string_map *written)
{
    const char *names = string_map_get(written, "config.providers");
    return names != NULL && *names != '\0';
}

static void refuse_unresolved(const struct string_map *written, const char *name, struct str_buffer *mistakes)
{
    worker_mistake(mistakes, "%s: %s its reference, and the reference itself would be the secret. %s", name,
                   has_providers(written) ? "no config provider of this file answers" : "there is no config.providers to answer",
                   has_providers(written) ? "See to provider, path and key"
                                          : "Set config.providers=file and config.providers.file.class=FileConfigProvider, or the like");
}

/* By name alone: beside the reference the text may hold a secret. A secret that everybody can guess must not pass for one; what else
 * stays as text does so in Kafka Connect. */
static void look_for_unresolved(const struct string_map *written, const struct string_map *resolved, struct str_buffer *mistakes)
{
    for (size_t i = 0; i < string_map_count(written); i++) {
        const char *name = string_map_key(written, i), *value = string_map_get(resolved, name);
        if (value == NULL || variables_missing(string_map_value(written, i), value) == 0)
            continue;
        if (is_secret(name))
            refuse_unresolved(written, name, mistakes);
        else if (has_providers(written))
            log_warn(LOG_NAME, "%s: no config provider of this file answers its reference; it stays as text", name);
    }
}

static int check_resolved(const struct string_map *written, const struct string_map *resolved, struct mr_error **error)
{
    struct str_buffer mistakes;
    int status = 0;
    str_buffer_init(&mistakes, WORKER_MISTAKES_MAX);
    look_for_unresolved(written, resolved, &mistakes);
    if (mistakes.length > 0 || mistakes.failed)
        status = mr_error_set(error, mistakes.length > 0 ? MR_ERR_CONFIG : MR_ERR_NO_MEMORY, "%s",
                              mistakes.length > 0 ? str_buffer_text(&mistakes) : "No memory for the worker's configuration");
    str_buffer_release(&mistakes);
    return status;
}

static struct string_map *resolve(const struct string_map *written, const struct loader *loader, struct mr_error **error)
{
    if (!has_providers(written))
        return variables_resolve(NULL, written, NULL, error);
    struct variables *variables = variables_create(loader, written, error);
    struct string_map *resolved = variables == NULL ? NULL : variables_resolve(variables, written, NULL, error);
    variables_destroy(variables);
    return resolved;
}

struct string_map *worker_file_resolve(const struct string_map *written, const struct loader *loader, struct mr_error **error)
{
    struct mr_error *reason = NULL;
    struct string_map *resolved = resolve(written, loader, &reason);
    if (resolved != NULL)
        note_secrets(resolved);
    if (resolved != NULL && check_resolved(written, resolved, &reason) == 0)
        return resolved;
    variables_hide_error(written, resolved, &reason);
    mr_error_set(error, mr_error_code(reason), "%s", mr_error_message(reason));
    mr_error_drop(reason);
    string_map_destroy(resolved);
    return NULL;
}

struct worker_config *worker_file_config(const char *path, enum worker_mode mode, const struct string_map *written,
                                         const struct loader *loader, struct mr_error **error)
{
    struct mr_error *reason = NULL;
    struct string_map *resolved = resolve(written, loader, &reason);
    if (resolved != NULL)
        note_secrets(resolved);
    struct worker_config *config = NULL;
    if (resolved != NULL && check_resolved(written, resolved, &reason) == 0)
        config = worker_config_create(mode, resolved, &reason);
    if (config != NULL && !worker_config_set_path(config, path)) {
        worker_config_destroy(config);
        config = NULL;
        mr_error_set(&reason, MR_ERR_NO_MEMORY, "No memory for the worker's configuration");
    }
    variables_hide_error(written, resolved, &reason);
    if (config == NULL)
        mr_error_set(error, mr_error_code(reason), "%s cannot be used:\n%s", path, mr_error_message(reason));
    mr_error_drop(reason);
    string_map_destroy(resolved);
    return config;
}
