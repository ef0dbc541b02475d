/* ${directory:/path:name}: the whole content of the regular file /path/name, read in UTF-8 (KIP-421). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "path_provider.h"
#include "providers.h"
#include "secret_file.h"

static void *create(const struct mr_config *config, struct mr_error **error)
{
    return path_provider_create(&directory_provider, PATH_FOLDER, config, error);
}

static int refuse_file(const char *path, const char *name, const char *words, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONFIG, "Could not read file %s/%s for property %s: %s", path, name, name, words);
}

/* What is not there, or no regular file, is no key. */
static int put_file(DIR *folder, const char *path, const char *name, struct mr_config_data *data, struct mr_error **error)
{
    struct secret_file file;
    char words[SECRET_FILE_WORDS];
    int code = secret_file_read(&file, dirfd(folder), name);
    if (code == ENOENT || code == EISDIR || code == ENOTSUP || code == ENXIO || code == ELOOP || code == ENAMETOOLONG)
        return 0;
    if (code != 0)
        return refuse_file(path, name, secret_file_words(code, words), error);
    int status = memchr(file.bytes, '\0', file.size) != NULL
                     ? refuse_file(path, name, "it holds a NUL byte: this is no text", error)
                     : provider_put_bytes(data, name, (struct mr_bytes){file.bytes, file.size}, error);
    secret_file_release(&file);
    return status;
}

static int put_all(DIR *folder, const char *path, struct mr_config_data *data, struct mr_error **error)
{
    char words[SECRET_FILE_WORDS];
    int status = 0;
    struct dirent *entry;
    errno = 0;
    while (status == 0 && (entry = readdir(folder)) != NULL) {
        status = put_file(folder, path, entry->d_name, data, error);
        errno = 0;
    }
    if (status == 0 && errno != 0)
        status = mr_error_set(error, MR_ERR_CONFIG, "Could not list directory %s: %s", path, secret_file_words(errno, words));
    return status;
}

/* A key is the name of an entry: it has no slash. */
static int put_asked(DIR *folder, const char *path, const char *const *keys, size_t key_count, struct mr_config_data *data,
                     struct mr_error **error)
{
    int status = 0;
    if (keys == NULL)
        return put_all(folder, path, data, error);
    for (size_t i = 0; status == 0 && i < key_count; i++) {
        if (*keys[i] != '\0' && strchr(keys[i], '/') == NULL)
            status = put_file(folder, path, keys[i], data, error);
    }
    return status;
}

static int no_folder(const char *path, int code, struct mr_error **error)
{
    char words[SECRET_FILE_WORDS];
    if (code != ENOENT && code != ENOTDIR)
        return mr_error_set(error, MR_ERR_CONFIG, "Could not list directory %s: %s", path, secret_file_words(code, words));
    mr_log(provider_host, MR_LOG_WARN, directory_provider.class_name, "The path %s is not a directory", path);
    return 0;
}

static int get(void *self, const char *path, const char *const *keys, size_t key_count, struct mr_config_data *data,
               struct mr_error **error)
{
    const struct path_provider *provider = self;
    int status;
    char *usable = path_provider_usable(provider, path, &status, error);
    if (usable == NULL)
        return status;
    DIR *folder = opendir(usable);
    if (folder != NULL) {
        status = put_asked(folder, usable, keys, key_count, data, error);
        closedir(folder);
    } else {
        status = no_folder(usable, errno, error);
    }
    mr_config_data_set_ttl_ms(data, provider->ttl_ms);
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

const struct mr_plugin directory_provider = {
    .size = sizeof(directory_provider),
    .kind = MR_PLUGIN_CONFIG_PROVIDER,
    .class_name = PROVIDER_CLASS("DirectoryConfigProvider"),
    .version = KAFKA_VERSION,
    .doc = "${NAME:PATH:FILE} is the content of the file FILE in the folder PATH.",
    .config_def = &path_provider_options,
    .ops = &ops,
};
