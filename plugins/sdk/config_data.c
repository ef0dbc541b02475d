#include "sdk/collect.h"

#include <string.h>

#include "base/mem.h"
#include "base/pointer_map.h"

#include "base/bans.h"

struct mr_config_data {
    struct pointer_map *values; /* key → secret */
    int64_t ttl_ms;
    bool failed;
};

/* Secrets do not stay behind in freed memory. */
static void secret_free(void *secret)
{
    explicit_bzero(secret, strlen(secret));
    mem_free(secret);
}

struct mr_config_data *config_data_create(void)
{
    struct mr_config_data *data = mem_calloc(1, sizeof(*data));
    if (data == NULL)
        return NULL;
    data->ttl_ms = MR_TTL_NONE;
    data->values = pointer_map_create(secret_free);
    if (data->values == NULL) {
        mem_free(data);
        return NULL;
    }
    return data;
}

void config_data_destroy(struct mr_config_data *data)
{
    if (data == NULL)
        return;
    pointer_map_destroy(data->values);
    mem_free(data);
}

int mr_config_data_put(struct mr_config_data *data, const char *key, const char *value)
{
    bool has_room = key != NULL &&
                    (pointer_map_count(data->values) < CONFIG_DATA_MAX || pointer_map_has(data->values, key));
    char *secret = has_room && value != NULL ? mem_strdup(value) : NULL;
    if (secret != NULL && pointer_map_put(data->values, key, secret))
        return 0;
    if (secret != NULL)
        secret_free(secret);
    data->failed = true;
    return -1;
}

void mr_config_data_set_ttl_ms(struct mr_config_data *data, int64_t ttl_ms)
{
    if (ttl_ms >= 0 && (data->ttl_ms == MR_TTL_NONE || ttl_ms < data->ttl_ms))
        data->ttl_ms = ttl_ms;
}

size_t config_data_count(const struct mr_config_data *data)
{
    return pointer_map_count(data->values);
}

const char *config_data_get(const struct mr_config_data *data, const char *key)
{
    return pointer_map_get(data->values, key);
}

const char *config_data_key(const struct mr_config_data *data, size_t index)
{
    return pointer_map_key(data->values, index);
}

const char *config_data_value(const struct mr_config_data *data, size_t index)
{
    return pointer_map_value(data->values, index);
}

int64_t config_data_ttl_ms(const struct mr_config_data *data)
{
    return data->ttl_ms;
}

bool config_data_failed(const struct mr_config_data *data)
{
    return data->failed;
}
