/* ${env:NAME}: variables of the worker's environment whose whole name matches allowlist.pattern (KIP-887). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers.h"

#define ALLOWLIST "allowlist.pattern"
#define NAME_MAX_BYTES 4096  /* a longer name matches no pattern */
#define MATCH_STEPS_MAX 100000 /* of a pattern that goes astray: the name counts as not allowed */

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

struct env {
    pcre2_code *pattern; /* NULL: everything is allowed */
    pcre2_match_context *limits;
};

static void destroy(void *self)
{
    struct env *env = self;
    pcre2_match_context_free(env->limits);
    pcre2_code_free(env->pattern);
    free(env);
}

static int compile(struct env *env, const char *pattern, struct mr_error **error)
{
    int code;
    PCRE2_SIZE at;
    PCRE2_UCHAR words[160] = "";
    env->limits = pcre2_match_context_create(NULL);
    env->pattern = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                 PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (env->pattern != NULL && env->limits != NULL) {
        pcre2_set_match_limit(env->limits, MATCH_STEPS_MAX);
        return 0;
    }
    if (env->pattern != NULL || code == PCRE2_ERROR_NOMEMORY)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for " ALLOWLIST);
    pcre2_get_error_message(code, words, sizeof(words));
    return mr_error_set(error, MR_ERR_CONFIG,
                        ALLOWLIST ": '%s' is no regular expression that can be used here: %s, near position %zu. Correct it, or "
                                  "remove it to allow all environment variables",
                        pattern, (const char *)words, (size_t)at);
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    const char *pattern = mr_config_has(config, ALLOWLIST) ? mr_config_string(config, ALLOWLIST) : NULL;
    struct env *env = calloc(1, sizeof(*env));
    if (env == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a config provider");
        return NULL;
    }
    if (pattern == NULL)
        mr_log(provider_host, MR_LOG_INFO, env_var_provider.class_name,
               "No pattern for environment variables provided. Using default pattern '(.*)'.");
    else if (compile(env, pattern, error) != 0) {
        destroy(env);
        return NULL;
    }
    return env;
}

/* A failed or abandoned match allows nothing. */
static bool is_allowed(const struct env *env, const char *name, size_t length)
{
    if (env->pattern == NULL)
        return true;
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    int result = match == NULL || length > NAME_MAX_BYTES
                     ? -1
                     : pcre2_match(env->pattern, (PCRE2_SPTR)name, length, 0, 0, match, env->limits);
    pcre2_match_data_free(match);
    return result >= 0;
}

static int put_if_allowed(const struct env *env, const char *name, const char *value, struct mr_config_data *data,
                          struct mr_error **error)
{
    if (!is_allowed(env, name, strlen(name)))
        return 0;
    return provider_put_bytes(data, name, (struct mr_bytes){value, strlen(value)}, error);
}

static int put_all(const struct env *env, struct mr_config_data *data, struct mr_error **error)
{
    char name[NAME_MAX_BYTES];
    int status = 0;
    for (char **at = environ; status == 0 && at != NULL && *at != NULL; at++) {
        const char *equals = strchr(*at, '=');
        if (equals == NULL || equals == *at || (size_t)(equals - *at) >= sizeof(name))
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)(equals - *at), *at);
        status = put_if_allowed(env, name, equals + 1, data, error);
    }
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
    for (size_t i = 0; status == 0 && i < key_count; i++) {
        const char *value = strchr(keys[i], '=') == NULL ? getenv(keys[i]) : NULL;
        if (value != NULL)
            status = put_if_allowed(env, keys[i], value, data, error);
    }
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
