#include "store/memory_offset_store.h"

#include <millrace/error.h>

#include "base/mem.h"
#include "store/offset_store_internal.h"
#include "base/bans.h"

struct memory_offset_log {
    struct offset_store *store;
};

static int memory_append(void *argument, const struct store_record *records, size_t count, offset_done_fn *done,
                         void *done_argument, struct mr_error **error)
{
    struct memory_offset_log *log = argument;
    for (size_t i = 0; i < count; i++)
        if (offset_store_feed(log->store, records[i].key, records[i].value, -1) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "offset store: no memory");
    done(done_argument, NULL);
    return 0;
}

static const struct offset_log memory_log = {.append = memory_append,
                                             .refresh = offset_refresh_nothing,
                                             .refresh_then = offset_refresh_nothing_then,
                                             .destroy = mem_free};

struct offset_store *memory_offset_store_create(struct mr_error **error)
{
    struct memory_offset_log *log = mem_calloc(1, sizeof(*log));
    if (log == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "offset store: no memory");
        return NULL;
    }
    log->store = offset_store_create(&memory_log, log, error);
    if (log->store != NULL)
        return log->store;
    mem_free(log);
    return NULL;
}
