/*
 * config_change: the records of one write, from the moment somebody wishes for it until it is settled. See config_store.h.
 * locks: `state`, `next`, `deadline_ms` and `error` are under the store's lock; the rest does not change once it is enlisted.
 */
#ifndef STORE_CONFIG_CHANGE_INTERNAL_H
#define STORE_CONFIG_CHANGE_INTERNAL_H

#include "base/refcount.h"
#include "store/config_records_internal.h"
#include "store/config_store.h"

enum config_change_state {
    CHANGE_NEW,
    CHANGE_WAITS,     /* in the store's queue */
    CHANGE_UNDER_WAY, /* whoever has the turn writes it: it belongs to that thread */
    CHANGE_SETTLED    /* written, refused or withdrawn */
};

struct config_change {
    struct refcount owners; /* who wishes for it, and the store from its enlisting until it is settled */
    struct config_change *next;
    enum config_change_state state;
    bool is_guarded; /* only a leader may write it */
    struct config_records records;
    size_t first_count; /* of the records: to be read back before the rest is written, unless all are seen at once */
    struct config_condition condition; /* forbids NULL: none */
    int64_t deadline_ms;
    struct mr_error *error; /* NULL: it was written */
};

/* Without records, guarded. NULL: no memory. */
struct config_change *config_change_create(void);
size_t config_change_bytes(const struct config_change *change);

#endif
