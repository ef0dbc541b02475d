/* ${file:/path/to.properties:key}: a value of a Java .properties file, read in UTF-8 (KIP-297). */
#include <fcntl.h>
#include <stdlib.h>

#include "path_provider.h"
#include "providers.h"
#include "secret_file.h"

static void *create(const struct mr_config *config, struct mr_error **error)
{
    return path_provider_create(&file_provider, PATH_FILE, config, error);
}

static int put_asked(const struct mr_properties *properties, const char *const *keys, size_t key_count,
                     struct mr_config_data *data, struct mr_error **error)
{
    for (size_t i = 0; i < mr_properties_count(properties); i++) {
        const char *key = mr_properties_key_at(properties, i);
        if (provider_is_asked(keys, key_count, key) &&
            mr_config_data_put(data, key, mr_properties_value_at(properties, i)) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for an answer, or it holds too many values");
    }
    return 0;
}

static struct mr_properties *load(const char *path, struct mr_error **error)
{
    struct secret_file file;
    struct mr_error *reason = NULL;
    char words[SECRET_FILE_WORDS];
    int code = secret_file_read(&file, AT_FDCWD, path);
    if (code != 0) {
        mr_error_set(error, MR_ERR_CONFIG, "Could not read properties from file %s: %s", path, secret_file_words(code, words));
        return NULL;
    }
    struct mr_properties *properties = mr_properties_parse(file.bytes, file.size, &reason);
    secret_file_release(&file);
    if (properties == NULL)
        mr_error_set(error, mr_error_code(reason), "Could not read properties from file %s: %s", path,
                     mr_error_message(reason));
    mr_error_drop(reason);
    return properties;
}

static int get(void *self, const char *path, const char *const *keys, size_t key_count, struct mr_config_data *data,
               struct mr_error **error)
{
    const struct path_provider *provider = self;
    int status;
    char *usable = path_provider_usable(provider, path, &status, error);
    if (usable == NULL)
        return status;
    struct mr_properties *properties = load(usable, error);
    status = properties == NULL ? -1 : put_asked(properties, keys, key_count, data, error);
    mr_config_data_set_ttl_ms(data, provider->ttl_ms);
    mr_properties_destroy(properties);
    free(usable);
    return status;
}

static const struct mr_config_provider_ops ops = {
    .size = sizeof(ops),
    .create = create,
    .get = get,
    .subscribe = path_provider_subscribe,
    .unsubscribe = path_provider_unsubscribe,
    .destroy = path_provider_destroy,
};

const struct mr_plugin file_provider = {
    .size = sizeof(file_provider),
    .kind = MR_PLUGIN_CONFIG_PROVIDER,
    .class_name = PROVIDER_CLASS("FileConfigProvider"),
    .version = KAFKA_VERSION,
    .doc = "${NAME:PATH:KEY} is the value of KEY in the .properties file PATH.",
    .config_def = &path_provider_options,
    .ops = &ops,
};
