/* providers.h: the providers of this module and what all of them share. */
#ifndef CONFIG_PROVIDERS_PROVIDERS_H
#define CONFIG_PROVIDERS_PROVIDERS_H

#include <millrace/millrace.h>

#define PROVIDER_CLASS(name) "org.apache.kafka.common.config.provider." name

extern const struct mr_plugin env_var_provider, file_provider, directory_provider;

/* The worker's table, from the moment the module is loaded. */
extern const struct mr_host *provider_host;

/* A value as Java reads bytes into a String: each ill-formed part becomes U+FFFD. -1: no memory, or more than an answer may
 * hold. The bytes hold no NUL. */
int provider_put_bytes(struct mr_config_data *data, const char *key, struct mr_bytes bytes, struct mr_error **error);

/* `keys` NULL: every key is asked for. */
bool provider_is_asked(const char *const *keys, size_t key_count, const char *key);

#endif
