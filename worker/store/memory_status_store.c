/* A status is read the moment it is written. */
#include "store/status_store_internal.h"

#include <millrace/error.h>

#include "base/mem.h"
#include "base/bans.h"

struct memory_status_log {
    struct status_store *store;
};

static int memory_send(void *argument, const struct store_record *record, status_sent_fn *sent, void *sent_argument,
                       struct mr_error **error)
{
    struct memory_status_log *log = argument;
    (void)error;
    status_store_feed(log->store, record->key, record->value);
    sent(sent_argument, NULL);
    return 0;
}

static int memory_refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    (void)argument;
    (void)deadline_ms;
    (void)error;
    return 0;
}

static const struct status_log memory_log = {
    .send = memory_send, .refresh = memory_refresh, .destroy = mem_free};

struct status_store *memory_status_store_create(struct mr_error **error)
{
    struct memory_status_log *log = mem_calloc(1, sizeof(*log));
    if (log == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "status store: no memory");
        return NULL;
    }
    log->store = status_store_create(&memory_log, log, NULL, error);
    if (log->store != NULL)
        return log->store;
    mem_free(log);
    return NULL;
}
