/*
 * config_turn: one writer at a time. Who finds the turn free takes it and writes what waits in the queue, its own and that of others, as
 * far as it goes together: one question to the guard, one append, one waiting for it to be read back, one question after it. So many
 * writers wait for two or three answers of the brokers, not each for its own.
 *
 * What goes together: changes that follow each other in the queue, all guarded or none, TURN_CHANGES_MAX and TURN_BYTES_MAX at most, and
 * none whose time is nearly over.
 */
#ifndef STORE_CONFIG_TURN_INTERNAL_H
#define STORE_CONFIG_TURN_INTERNAL_H

#include <pthread.h>

#include "store/config_store_internal.h"

#define TURN_CHANGES_MAX 256
#define TURN_BYTES_MAX (4u << 20) /* one change alone may be larger */
#define TURN_LEAST_MS 20000       /* a change with less time left is written alone: its end would be that of the others as well */

struct config_change;

/* NONE → HELD → GONE ⇄ HELD; any → NONE by a claim of the other kind. */
enum claim_state {
    CLAIM_NONE, /* the leader's writes are plain, the guard protects them */
    CLAIM_HELD, /* they are transactions */
    CLAIM_GONE  /* they are refused */
};

struct config_store {
    const struct config_log *log;
    void *log_argument;

    struct config_replay *replay; /* the feeding thread's */
    const struct config_listener *listener;
    void *listener_argument;

    pthread_mutex_t lock;                         /* for all below; held for moments */
    pthread_cond_t turn_is_free;                  /* or a change is settled */
    bool turn_is_taken;                           /* a write is under way */
    struct config_change *first_change, *last_change; /* that wait */
    enum claim_state claim;
    bool must_renounce;                           /* by whoever has the turn, at its end */
    struct config_snapshot *published;
    char *lost_copy;
    const char *lost;                             /* why writes are refused; NULL: they are not */
    config_guard_fn *guard;
    void *guard_argument;
};

/* -1: the time was over before, or the log is lost. */
int config_turn_take(struct config_store *store, int64_t deadline_ms, struct mr_error **error);
void config_turn_give_back(struct config_store *store);

#endif
