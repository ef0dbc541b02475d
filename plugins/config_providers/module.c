#include <string.h>

#include "providers.h"
#include "utf8_text.h"

#define REPAIR_MAX ((size_t)64 << 20) /* bytes; a repaired text is at most three times as long as it was */

const struct mr_host *provider_host;

static int no_room(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for an answer, or it holds too many values");
}

int provider_put_bytes(struct mr_config_data *data, const char *key, struct mr_bytes bytes, struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(REPAIR_MAX);
    struct mr_bytes valid = arena == NULL ? (struct mr_bytes){0} : utf8_text_repair(arena, bytes);
    char *copy = NULL;
    int status = -1;
    if (valid.data == bytes.data && valid.data != NULL) {
        status = mr_config_data_put(data, key, bytes.data);
    } else if (valid.data != NULL && (copy = mr_arena_alloc(arena, valid.size + 1)) != NULL) {
        memcpy(copy, valid.data, valid.size);
        copy[valid.size] = '\0';
        explicit_bzero((char *)valid.data, valid.size);
        status = mr_config_data_put(data, key, copy);
        explicit_bzero(copy, valid.size);
    }
    mr_arena_destroy(arena);
    return status == 0 ? 0 : no_room(error);
}

bool provider_is_asked(const char *const *keys, size_t key_count, const char *key)
{
    for (size_t i = 0; keys != NULL && i < key_count; i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return keys == NULL;
}

static const struct mr_plugin *const plugins[] = {&env_var_provider, &file_provider, &directory_provider};
static const struct mr_module module = MR_MODULE("config_providers", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    provider_host = host;
    return &module;
}
