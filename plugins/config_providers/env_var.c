/* ${env:NAME}: variables of the worker's environment whose whole name matches allowlist.pattern (KIP-887). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers.h"
#include "regex/java_regex.h"

#define ALLOWLIST "allowlist.pattern"

static const struct mr_config_row rows[] = {
    {
        .name = ALLOWLIST,
        .type = MR_CONFIG_STRING,
        .default_text = NULL,
        .importance = MR_MEDIUM,
        .doc = "A regular expression that the whole name of an environment variable has to match to be given out. Without one "
               "all variables are.",
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* As in Kafka, names are compared when the provider is made. */
struct env {
    bool has_pattern; /* else everything is allowed */
    size_t count;
    char *names[]; /* allowed */
};

static void destroy(void *self)
{
    struct env *env = self;
    for (size_t i = 0; i < env->count; i++)
        free(env->names[i]);
    free(env);
}

static size_t count_of_all(void)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL)
        count++;
    return count;
}

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a config provider");
}

static int add_matching(struct env *env, struct java_regex *regex, size_t most, struct mr_error **error)
{
    for (size_t i = 0; i < most && environ[i] != NULL; i++) {
        size_t length = strcspn(environ[i], "=");
        if (!java_regex_matches(regex, environ[i], length))
            continue;
        env->names[env->count] = strndup(environ[i], length);
        if (env->names[env->count] == NULL)
            return no_memory(error);
        env->count++;
    }
    return 0;
}

static int add_allowed(struct env *env, const char *pattern, size_t most, struct mr_error **error)
{
    char why[256];
    struct java_regex *regex = java_regex_create(pattern, why, sizeof(why));
    if (regex == NULL && strncmp(why, "no memory", 9) == 0)
        return no_memory(error);
    if (regex == NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            ALLOWLIST ": '%s' is no regular expression that can be used here: %s. Correct it, or remove it to "
                                      "allow all environment variables",
                            pattern, why);
    int status = add_matching(env, regex, most, error);
    java_regex_destroy(regex);
    return status;
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    const char *pattern = mr_config_string(config, ALLOWLIST);
    size_t most = pattern == NULL ? 0 : count_of_all();
    struct env *env = calloc(1, sizeof(*env) + most * sizeof(env->names[0]));
    if (env == NULL) {
        no_memory(error);
        return NULL;
    }
    env->has_pattern = pattern != NULL;
    if (pattern == NULL)
        mr_log(provider_host, MR_LOG_INFO, env_var_provider.class_name,
               "No pattern for environment variables provided. Using default pattern '(.*)'.");
    else if (add_allowed(env, pattern, most, error) != 0) {
        destroy(env);
        return NULL;
    }
    return env;
}

static int put(const char *name, struct mr_config_data *data, struct mr_error **error)
{
    const char *value = strchr(name, '=') == NULL ? getenv(name) : NULL;
    return value == NULL ? 0 : provider_put_bytes(data, name, (struct mr_bytes){value, strlen(value)}, error);
}

static bool is_allowed(const struct env *env, const char *name)
{
    for (size_t i = 0; i < env->count; i++) {
        if (strcmp(env->names[i], name) == 0)
            return true;
    }
    return !env->has_pattern;
}

static int put_environment(struct mr_config_data *data, struct mr_error **error)
{
    int status = 0;
    for (char **at = environ; status == 0 && at != NULL && *at != NULL; at++) {
        char *name = strndup(*at, strcspn(*at, "="));
        status = name == NULL ? no_memory(error) : put(name, data, error);
        free(name);
    }
    return status;
}

static int put_all(const struct env *env, struct mr_config_data *data, struct mr_error **error)
{
    int status = 0;
    if (!env->has_pattern)
        return put_environment(data, error);
    for (size_t i = 0; status == 0 && i < env->count; i++)
        status = put(env->names[i], data, error);
    return status;
}

static int get(void *self, const char *path, const char *const *keys, size_t key_count, struct mr_config_data *data,
               struct mr_error **error)
{
    const struct env *env = self;
    int status = 0;
    if (path != NULL && *path != '\0')
        return mr_error_set(error, MR_ERR_CONFIG, "Path is not supported for EnvVarConfigProvider, invalid value '%s'", path);
    if (keys == NULL)
        return put_all(env, data, error);
    for (size_t i = 0; status == 0 && i < key_count; i++)
        status = is_allowed(env, keys[i]) ? put(keys[i], data, error) : 0;
    return status;
}

static const struct mr_config_provider_ops ops = {
    .size = sizeof(ops),
    .create = create,
    .get = get,
    .destroy = destroy,
};

const struct mr_plugin env_var_provider = {
    .size = sizeof(env_var_provider),
    .kind = MR_PLUGIN_CONFIG_PROVIDER,
    .class_name = PROVIDER_CLASS("EnvVarConfigProvider"),
    .version = KAFKA_VERSION,
    .doc = "${NAME:VARIABLE} is the value of an environment variable of the worker.",
    .config_def = &options,
    .ops = &ops,
};
