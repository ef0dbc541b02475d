#include "store/config_store_internal.h"

#include <assert.h>
#include <pthread.h>

#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/config_listener.h"
#include "store/config_records_internal.h"
#include "store/config_replay_internal.h"
#include "base/bans.h"

/* NONE → HELD → GONE ⇄ HELD; any → NONE by a claim of the other kind. */
enum claim_state {
    CLAIM_NONE, /* the leader's writes are plain, the guard protects them */
    CLAIM_HELD, /* they are transactions */
    CLAIM_GONE  /* they are refused */
};

struct config_store {
    const struct config_log *log;
    void *log_argument;

    struct config_replay *replay;   /* the feeding thread's */
    const struct config_listener *listener;
    void *listener_argument;

    pthread_mutex_t lock;           /* for all below; held for moments */
    pthread_cond_t turn_is_free;
    bool turn_is_taken;             /* a write is under way */
    enum claim_state claim;
    bool must_renounce;             /* by whoever has the turn, at its end */
    struct config_snapshot *published;
    char *lost_copy;
    const char *lost;               /* why writes are refused; NULL: they are not */
    config_guard_fn *guard;
    void *guard_argument;
};

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
    assert(!store->turn_is_taken);
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

/* ---- writing: take the turn, ask the guard, append, ask again ---- */

/* One write: who writes it and until when. */
struct config_write {
    struct config_store *store;
    config_guard_fn *guard;   /* NULL: not asked */
    void *guard_argument;
    bool is_claimed;          /* a transaction */
    const struct config_condition *condition; /* NULL: none */
    int64_t deadline_ms;
    struct mr_error **error;
};

static int turn_take(struct config_write *write, bool is_guarded)
{
    struct config_store *store = write->store;
    int status = 0;
    mutex_lock(&store->lock);
    while (store->turn_is_taken && status == 0)
        if (!cond_wait_until_ms(&store->turn_is_free, &store->lock, write->deadline_ms) && store->turn_is_taken)
            status = mr_error_set(write->error, MR_ERR_TIMEOUT, "config topic: other writes took all of the time");
    if (status == 0 && store->lost != NULL)
        status = mr_error_set(write->error, MR_ERR_CONFLICT, "config topic: %s; changes are refused: " CONFIG_STORE_LOST_REMEDY,
                              store->lost);
    if (status == 0 && is_guarded && store->claim == CLAIM_GONE)
        status = mr_error_set(write->error, MR_ERR_CONFLICT,
                              "config topic: this worker may not write: it does not lead, or begins to lead just now");
    if (status == 0) {
        store->turn_is_taken = true;
        write->guard = is_guarded ? store->guard : NULL;
        write->guard_argument = store->guard_argument;
        write->is_claimed = is_guarded && store->claim == CLAIM_HELD;
    }
    mutex_unlock(&store->lock);
    return status;
}

static void turn_give_back(struct config_store *store)
{
    mutex_lock(&store->lock);
    while (store->must_renounce) {
        store->must_renounce = false;
        mutex_unlock(&store->lock);
        store->log->renounce(store->log_argument);
        mutex_lock(&store->lock);
    }
    store->turn_is_taken = false;
    cond_broadcast(&store->turn_is_free); /* one that is refused when it wakes would not tell the next */
    mutex_unlock(&store->lock);
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
    struct config_write write = {.store = store, .deadline_ms = deadline_ms, .error = error};
    int status = 0;
    if (store->log->claim == NULL)
        return 0;
    if (turn_take(&write, false) != 0)
        return -1;
    if (fencing == CONFIG_FENCING_TRANSACTION) {
        status = claim_take(store, deadline_ms, error);
    } else {
        store->log->renounce(store->log_argument);
        claim_set(store, CLAIM_NONE);
    }
    turn_give_back(store);
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
        turn_give_back(store);
}

static void claim_lose(struct config_store *store)
{
    claim_set(store, CLAIM_GONE);
    if (store->listener != NULL && store->listener->claim_lost != NULL)
        store->listener->claim_lost(store->listener_argument);
}

/* ---- one write ---- */

static int guard_ask(struct config_write *write, enum config_guard_moment moment)
{
    struct mr_error *why = NULL;
    if (write->guard == NULL || write->guard(write->guard_argument, moment, write->deadline_ms, &why) == 0)
        return 0;
    int status = mr_error_set(write->error, MR_ERR_CONFLICT, "config topic: this worker may not write%s: %s",
                              moment == CONFIG_GUARD_AFTER     ? " any more, the change may have been overtaken"
                              : moment == CONFIG_GUARD_BETWEEN ? " any more, the tasks were not committed"
                                                               : "",
                              why != NULL ? mr_error_message(why) : "refused");
    mr_error_drop(why);
    return status;
}

static int condition_ask(struct config_write *write)
{
    if (write->condition == NULL || write->condition->holds(write->condition->argument))
        return 0;
    return mr_error_set(write->error, MR_ERR_CONFLICT, "config topic: what was to be written is out of date by now");
}

/* Takes the turn and gives it back only when refused. */
static int write_begin(struct config_write *write, struct config_store *store, bool is_guarded)
{
    write->store = store;
    if (turn_take(write, is_guarded) != 0)
        return -1;
    if (guard_ask(write, write->is_claimed ? CONFIG_GUARD_CLAIMED : CONFIG_GUARD_BEFORE) == 0 && condition_ask(write) == 0)
        return 0;
    turn_give_back(store);
    return -1;
}

/* Reading back is only worth something while what is read can be held. */
static int lost_check(struct config_write *write)
{
    int status = 0;
    mutex_lock(&write->store->lock);
    if (write->store->lost != NULL)
        status = mr_error_set(write->error, MR_ERR_CONFLICT, "config topic: %s", write->store->lost);
    mutex_unlock(&write->store->lock);
    return status;
}

static int write_append(struct config_write *write, const struct store_record *records, size_t count)
{
    struct config_store *store = write->store;
    int status = write->is_claimed ? store->log->append_claimed(store->log_argument, records, count, write->deadline_ms,
                                                                write->error)
                                   : store->log->append(store->log_argument, records, count, write->deadline_ms,
                                                        write->error);
    if (status != 0 && write->is_claimed && !store->log->is_claimed(store->log_argument))
        claim_lose(store);
    return status == 0 ? lost_check(write) : status;
}

static int write_end(struct config_write *write, int status)
{
    if (status == 0 && !write->is_claimed)
        status = guard_ask(write, CONFIG_GUARD_AFTER);
    turn_give_back(write->store);
    return status;
}

/* The records in one go; `built` says whether they could be. */
static int write_records(struct config_write *write, struct config_store *store, const struct config_records *records,
                         bool built, bool is_guarded)
{
    if (!built)
        return mr_error_set(write->error, MR_ERR_NO_MEMORY, "config topic: no memory for a record");
    if (write_begin(write, store, is_guarded) != 0)
        return -1;
    return write_end(write, write_append(write, records->items, records->count));
}

int config_store_put_connector(struct config_store *store, const char *connector, const struct string_map *config,
                               const enum target_state *initial, int64_t deadline_ms, struct mr_error **error)
{
    struct config_write write = {.deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    config_records_init(&records);
    bool built = (initial == NULL || config_records_add_target(&records, connector, *initial)) &&
                 config_records_add_connector(&records, connector, config);
    int status = write_records(&write, store, &records, built, true);
    config_records_release(&records);
    return status;
}

int config_store_remove_connector(struct config_store *store, const char *connector, int64_t deadline_ms,
                                  struct mr_error **error)
{
    struct config_write write = {.deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    config_records_init(&records);
    bool built = config_records_add_tombstone(&records, CONFIG_KEY_CONNECTOR, connector) &&
                 config_records_add_tombstone(&records, CONFIG_KEY_TARGET, connector);
    int status = write_records(&write, store, &records, built, true);
    config_records_release(&records);
    return status;
}

/* The last record is the commit. It must follow what every reader can see: the tasks are read back before it is written, unless all
 * of them are seen at once. Who has slept meanwhile must not commit what another leader has begun to write. */
static int write_tasks(struct config_write *write, struct config_store *store, const struct config_records *records)
{
    if (write_begin(write, store, true) != 0)
        return -1;
    size_t first = write->is_claimed ? 0 : records->count - 1;
    int status = 0;
    if (first > 0 && (status = write_append(write, records->items, first)) == 0)
        status = guard_ask(write, CONFIG_GUARD_BETWEEN);
    if (status == 0)
        status = write_append(write, records->items + first, records->count - first);
    return write_end(write, status);
}

int config_store_put_tasks(struct config_store *store, const char *connector,
                           const struct string_map *const *configs, size_t count, int64_t deadline_ms,
                           struct mr_error **error)
{
    struct config_write write = {.deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    config_records_init(&records);
    bool built = true;
    for (size_t i = 0; built && i < count; i++)
        built = config_records_add_task(&records, connector, i, configs[i]);
    built = built && config_records_add_commit(&records, connector, count);
    int status = built ? write_tasks(&write, store, &records)
                       : mr_error_set(error, MR_ERR_NO_MEMORY, "config topic: no memory for a record");
    config_records_release(&records);
    return status;
}

int config_store_put_session_key(struct config_store *store, const struct session_key *key, int64_t deadline_ms,
                                 struct mr_error **error)
{
    struct config_write write = {.deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    config_records_init(&records);
    bool built = config_records_add_session_key(&records, key);
    int status = write_records(&write, store, &records, built, true);
    config_records_release(&records);
    return status;
}

int config_store_put_restart(struct config_store *store, const char *connector, bool include_tasks, bool only_failed,
                             int64_t deadline_ms, struct mr_error **error)
{
    struct config_write write = {.deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    config_records_init(&records);
    bool built = config_records_add_restart(&records, connector, include_tasks, only_failed);
    int status = write_records(&write, store, &records, built, true);
    config_records_release(&records);
    return status;
}

int config_store_put_fenced_count(struct config_store *store, const char *connector, uint32_t count,
                                  int64_t deadline_ms, struct mr_error **error)
{
    struct config_write write = {.deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    config_records_init(&records);
    bool built = config_records_add_fencing(&records, connector, count);
    int status = write_records(&write, store, &records, built, true);
    config_records_release(&records);
    return status;
}

int config_store_put_target(struct config_store *store, const char *connector, enum target_state state,
                            int64_t deadline_ms, struct mr_error **error)
{
    struct config_write write = {.deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    config_records_init(&records);
    bool built = config_records_add_target(&records, connector, state);
    int status = write_records(&write, store, &records, built, false);
    config_records_release(&records);
    return status;
}

int config_store_put_logger_level(struct config_store *store, const char *logger, const char *level,
                                  int64_t deadline_ms, struct mr_error **error)
{
    struct config_write write = {.deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    config_records_init(&records);
    bool built = config_records_add_logger(&records, logger, level);
    int status = write_records(&write, store, &records, built, false);
    config_records_release(&records);
    return status;
}

static int put_notes(struct config_store *store, const struct config_note_write *notes, size_t count, bool is_guarded,
                     const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error)
{
    struct config_write write = {.condition = condition, .deadline_ms = deadline_ms, .error = error};
    struct config_records records;
    bool built = true;
    config_records_init(&records);
    for (size_t i = 0; built && i < count; i++)
        built = config_records_add_note(&records, notes[i].key, notes[i].text);
    int status = write_records(&write, store, &records, built, is_guarded);
    config_records_release(&records);
    return status;
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
