/* config_provider.h: resolves ${provider:path:key} in configurations (KIP-297, KIP-421).
 *
 * Life: create → (get | subscribe | unsubscribe)* → destroy. Calls may come from several job threads at once; each has a
 * deadline. One instance serves the whole worker.
 * Values are secrets: never logged, never in an error text.
 */
#ifndef MILLRACE_CONFIG_PROVIDER_H
#define MILLRACE_CONFIG_PROVIDER_H

#include <millrace/config_def.h>

MR_BEGIN_DECLS

#define MR_TTL_NONE (-1)

/* Collects the answer of get; both texts are copied. -1: no memory, NULL for a key or a value, more than 100,000 keys; get then
 * counts as failed, whatever it returns. */
struct mr_config_data;
MR_EXPORT int mr_config_data_put(struct mr_config_data *data, const char *key, const char *value) MR_MUST_USE;
/* The values are to be fetched again after so many ms; the shortest said counts. */
MR_EXPORT void mr_config_data_set_ttl_ms(struct mr_config_data *data, int64_t ttl_ms);

/* Called by the provider, from any thread, when something under `path` has changed. Must not call back into the provider. */
typedef void mr_config_changed_fn(void *argument, const char *path);

struct mr_config_provider_ops {
    uint32_t size;
    /* Parameters: config.providers.NAME.param.* */
    void *(*create)(const struct mr_config *config, struct mr_error **error);
    /* `keys` NULL: all keys of the path. A key that does not exist is left out: its reference then stays as text. */
    int (*get)(void *self, const char *path, const char *const *keys, size_t key_count, struct mr_config_data *data,
               struct mr_error **error);
    /* NULL: no change notices. */
    int (*subscribe)(void *self, const char *path, mr_config_changed_fn *changed, void *argument,
                     struct mr_error **error);
    /* After it has returned, `changed` is not called any more for that path and argument. */
    void (*unsubscribe)(void *self, const char *path, void *argument);
    void (*destroy)(void *self);
};

MR_END_DECLS
#endif
