/* The topic is a counter: a record is fed the moment it is written, and forgotten. */
#include "store/config_store_internal.h"

#include <millrace/error.h>

#include "base/mem.h"
#include "base/bans.h"

struct memory_config_log {
    struct config_store *store;
    int64_t end;   /* under the store's turn */
};

static int memory_append(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                         struct mr_error **error)
{
    struct memory_config_log *log = argument;
    (void)deadline_ms;
    (void)error;
    for (size_t i = 0; i < count; i++)
        config_store_feed(log->store, log->end++, records[i].key, records[i].value);
    config_store_publish(log->store);
    return 0;
}

static int memory_refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    (void)argument;
    (void)deadline_ms;
    (void)error;
    return 0;
}

static const struct config_log memory_log = {
    .append = memory_append, .refresh = memory_refresh, .destroy = mem_free};

struct config_store *memory_config_store_create(struct mr_error **error)
{
    struct memory_config_log *log = mem_calloc(1, sizeof(*log));
    if (log == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "config store: no memory");
        return NULL;
    }
    log->store = config_store_create(&memory_log, log, error);
    if (log->store == NULL) {
        mem_free(log);
        return NULL;
    }
    config_store_begin_telling(log->store);
    return log->store;
}
