/*
 * FileConfigProvider as the worker calls it, on a file of any content. What it answers as a whole it answers key by key as well; what
 * it refuses it refuses in words that name the file and tell nothing of its content.
 */
#include <millrace/millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "providers.h"
#include "sdk/collect.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void *provider_create(const struct mr_config_provider_ops *ops)
{
    struct mr_error *error = NULL;
    static struct mr_config *config; /* lives as long as the provider: to the end */
    config = mr_config_parse(file_provider.config_def, NULL, NULL, 0, &error);
    must(config != NULL);
    return ops->create(config, &error);
}

static void ask_singly(const struct mr_config_provider_ops *ops, void *self, const char *path, const struct mr_config_data *all)
{
    struct mr_error *error = NULL;
    for (size_t i = 0; i < config_data_count(all) && i < 8; i++) {
        const char *key = config_data_key(all, i);
        struct mr_config_data *one = config_data_create();
        must(ops->get(self, path, &key, 1, one, &error) == 0);
        must(config_data_count(one) == 1 && strcmp(config_data_get(one, key), config_data_value(all, i)) == 0);
        config_data_destroy(one);
    }
}

static void ask(const struct mr_config_provider_ops *ops, void *self, const char *path)
{
    static const char refusal[] = "Could not read properties from file /proc/self/fd/";
    struct mr_error *error = NULL;
    struct mr_config_data *all = config_data_create();
    if (ops->get(self, path, NULL, 0, all, &error) == 0)
        ask_singly(ops, self, path, all);
    else
        must(config_data_failed(all) || (strncmp(mr_error_message(error), refusal, sizeof(refusal) - 1) == 0 &&
                                         strlen(mr_error_message(error)) < 160));
    mr_error_drop(error);
    config_data_destroy(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static void *self;
    const struct mr_config_provider_ops *ops = file_provider.ops;
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    if (self == NULL)
        self = provider_create(ops);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ask(ops, self, path);
    close(fd);
    return 0;
}
