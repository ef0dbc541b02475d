#include "store/config_store_internal.h"

#include <assert.h>
#include <pthread.h>

#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/config_change_internal.h"
#include "store/config_listener.h"
#include "store/config_replay_internal.h"
#include "store/config_turn_internal.h"
#include "base/bans.h"

struct config_store *config_store_create(const struct config_log *log, void *argument, struct mr_error **error)
{
    struct config_store *store = mem_calloc(1, sizeof(*store));
    if (store != NULL) {
        store->log = log;
        store->replay = config_replay_create();
        store->published = store->replay != NULL ? config_replay_snapshot(store->replay) : NULL;
    }
    if (store == NULL || store->published == NULL) {
        if (store != NULL)
            config_replay_destroy(store->replay);
        mem_free(store);
        mr_error_set(error, MR_ERR_NO_MEMORY, "config store: no memory");
        return NULL;
    }
    mutex_init(&store->lock);
    cond_init(&store->turn_is_free);
    store->log_argument = argument;
    return store;
}

void config_store_destroy(struct config_store *store)
{
    if (store == NULL)
        return;
    assert(!store->turn_is_taken && store->first_change == NULL);
    if (store->log->destroy != NULL)
        store->log->destroy(store->log_argument);
    config_replay_destroy(store->replay);
    config_snapshot_drop(store->published);
    mem_free(store->lost_copy);
    cond_destroy(&store->turn_is_free);
    mutex_destroy(&store->lock);
    mem_free(store);
}

void config_store_set_listener(struct config_store *store, const struct config_listener *listener, void *argument)
{
    store->listener = listener;
    store->listener_argument = argument;
}

void config_store_set_guard(struct config_store *store, config_guard_fn *guard, void *argument)
{
    mutex_lock(&store->lock);
    store->guard = guard;
    store->guard_argument = argument;
    mutex_unlock(&store->lock);
}

struct config_snapshot *config_store_snapshot(struct config_store *store)
{
    mutex_lock(&store->lock);
    struct config_snapshot *snapshot = config_snapshot_take(store->published);
    mutex_unlock(&store->lock);
    return snapshot;
}

int config_store_refresh(struct config_store *store, int64_t deadline_ms, struct mr_error **error)
{
    return store->log->refresh(store->log_argument, deadline_ms, error);
}

/* ---- feeding ---- */

static const char no_memory[] = "no memory left to hold it: restart the worker with more";

void config_store_lose(struct config_store *store, const char *words)
{
    mutex_lock(&store->lock);
    bool first = store->lost == NULL;
    if (first) {
        store->lost_copy = mem_strdup(words);
        store->lost = store->lost_copy != NULL ? store->lost_copy : no_memory;
    }
    mutex_unlock(&store->lock);
    if (!first)
        return;
    if (store->listener != NULL && store->listener->log_lost != NULL)
        store->listener->log_lost(store->listener_argument, words);
    else
        log_error("store.config", "config topic: %s; changes are refused", words);
}

bool config_store_is_lost(struct config_store *store, const char **words)
{
    mutex_lock(&store->lock);
    const char *lost = store->lost;
    mutex_unlock(&store->lock);
    if (words != NULL)
        *words = lost;
    return lost != NULL;
}

void config_store_feed(struct config_store *store, int64_t offset, struct mr_bytes key, struct mr_bytes value)
{
    if (!config_replay_apply(store->replay, offset, key, value))
        config_store_lose(store, no_memory);
}

void config_store_publish(struct config_store *store)
{
    struct config_snapshot *snapshot = config_replay_snapshot(store->replay);
    if (snapshot == NULL) {
        config_store_lose(store, no_memory);
        return;
    }
    mutex_lock(&store->lock);
    struct config_snapshot *before = store->published;
    store->published = snapshot;
    mutex_unlock(&store->lock);
    config_snapshot_drop(before);
    config_replay_tell(store->replay, store->listener, store->listener_argument);
}

void config_store_begin_telling(struct config_store *store)
{
    config_replay_begin_telling(store->replay);
}

/* ---- the claim ---- */

static void claim_set(struct config_store *store, enum claim_state claim)
{
    mutex_lock(&store->lock);
    store->claim = claim;
    mutex_unlock(&store->lock);
}

/* A renunciation that came meanwhile counts: the claim is given up at the end of the turn. */
static int claim_take(struct config_store *store, int64_t deadline_ms, struct mr_error **error)
{
    int status = store->log->claim(store->log_argument, deadline_ms, error);
    mutex_lock(&store->lock);
    store->claim = status == 0 && !store->must_renounce ? CLAIM_HELD : CLAIM_GONE;
    mutex_unlock(&store->lock);
    return status;
}

int config_store_claim(struct config_store *store, enum config_fencing fencing, int64_t deadline_ms,
                       struct mr_error **error)
{
    int status = 0;
    if (store->log->claim == NULL)
        return 0;
    if (config_turn_take(store, deadline_ms, error) != 0)
        return -1;
    if (fencing == CONFIG_FENCING_TRANSACTION) {
        status = claim_take(store, deadline_ms, error);
    } else {
        store->log->renounce(store->log_argument);
        claim_set(store, CLAIM_NONE);
    }
    config_turn_give_back(store);
    return status;
}

void config_store_renounce(struct config_store *store)
{
    mutex_lock(&store->lock);
    bool must = store->log->claim != NULL && (store->claim == CLAIM_HELD || store->turn_is_taken);
    bool is_idle = must && !store->turn_is_taken;
    if (store->claim == CLAIM_HELD)
        store->claim = CLAIM_GONE;
    store->must_renounce = store->must_renounce || must;
    store->turn_is_taken = store->turn_is_taken || is_idle;
    mutex_unlock(&store->lock);
    if (is_idle)
        config_turn_give_back(store);
}

/* ---- writes of a caller that waits ---- */

static int put_now(struct config_store *store, struct config_change *change, int64_t deadline_ms, struct mr_error **error)
{
    if (change == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "config topic: no memory for a record");
    config_store_enlist(store, change, deadline_ms);
    int status = config_store_write(store, change, error);
    config_change_drop(change);
    return status;
}

int config_store_put_connector(struct config_store *store, const char *connector, const struct string_map *config,
                               const enum target_state *initial, int64_t deadline_ms, struct mr_error **error)
{
    return put_now(store, config_change_of_connector(connector, config, initial), deadline_ms, error);
}

int config_store_remove_connector(struct config_store *store, const char *connector, int64_t deadline_ms,
                                  struct mr_error **error)
{
    return put_now(store, config_change_of_removal(connector), deadline_ms, error);
}

int config_store_put_tasks(struct config_store *store, const char *connector,
                           const struct string_map *const *configs, size_t count, int64_t deadline_ms,
                           struct mr_error **error)
{
    return put_now(store, config_change_of_tasks(connector, configs, count), deadline_ms, error);
}

/* The change that `built` says the records of were made. */
static int put_built(struct config_store *store, struct config_change *change, bool built, bool is_guarded,
                     int64_t deadline_ms, struct mr_error **error)
{
    if (change != NULL)
        change->is_guarded = is_guarded;
    if (!built) {
        config_change_drop(change);
        change = NULL;
    }
    return put_now(store, change, deadline_ms, error);
}

int config_store_put_session_key(struct config_store *store, const struct session_key *key, int64_t deadline_ms,
                                 struct mr_error **error)
{
    struct config_change *change = config_change_create();
    bool built = change != NULL && config_records_add_session_key(&change->records, key);
    return put_built(store, change, built, true, deadline_ms, error);
}

int config_store_put_restart(struct config_store *store, const char *connector, bool include_tasks, bool only_failed,
                             int64_t deadline_ms, struct mr_error **error)
{
    struct config_change *change = config_change_create();
    bool built = change != NULL && config_records_add_restart(&change->records, connector, include_tasks, only_failed);
    return put_built(store, change, built, true, deadline_ms, error);
}

int config_store_put_fenced_count(struct config_store *store, const char *connector, uint32_t count,
                                  const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error)
{
    struct config_change *change = config_change_create();
    bool built = change != NULL && config_records_add_fencing(&change->records, connector, count);
    if (condition != NULL && change != NULL)
        config_change_set_condition(change, condition);
    else if (condition != NULL && condition->argument_drop != NULL)
        condition->argument_drop(condition->argument);
    return put_built(store, change, built, true, deadline_ms, error);
}

int config_store_put_target(struct config_store *store, const char *connector, enum target_state state,
                            int64_t deadline_ms, struct mr_error **error)
{
    struct config_change *change = config_change_create();
    bool built = change != NULL && config_records_add_target(&change->records, connector, state);
    return put_built(store, change, built, false, deadline_ms, error);
}

int config_store_put_logger_level(struct config_store *store, const char *logger, const char *level,
                                  int64_t deadline_ms, struct mr_error **error)
{
    struct config_change *change = config_change_create();
    bool built = change != NULL && config_records_add_logger(&change->records, logger, level);
    return put_built(store, change, built, false, deadline_ms, error);
}

static int put_notes(struct config_store *store, const struct config_note_write *notes, size_t count, bool is_guarded,
                     const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error)
{
    struct config_change *change = config_change_create();
    bool built = change != NULL;
    for (size_t i = 0; built && i < count; i++)
        built = config_records_add_note(&change->records, notes[i].key, notes[i].text);
    if (condition != NULL && change != NULL)
        config_change_set_condition(change, condition);
    return put_built(store, change, built, is_guarded, deadline_ms, error);
}

int config_store_put_notes(struct config_store *store, const struct config_note_write *notes, size_t count,
                           const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error)
{
    return put_notes(store, notes, count, true, condition, deadline_ms, error);
}

int config_store_put_own_note(struct config_store *store, const struct config_note_write *note, int64_t deadline_ms,
                              struct mr_error **error)
{
    return put_notes(store, note, 1, false, NULL, deadline_ms, error);
}
