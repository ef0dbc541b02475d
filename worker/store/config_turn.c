#include "store/config_turn_internal.h"

#include <assert.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/config_change_internal.h"
#include "store/config_listener.h"
#include "base/bans.h"

#define LOST_WORDS "config topic: %s; changes are refused: " CONFIG_STORE_LOST_REMEDY
#define NO_TIME_WORDS "config topic: other writes took all of the time"

int config_turn_take(struct config_store *store, int64_t deadline_ms, struct mr_error **error)
{
    int status = 0;
    mutex_lock(&store->lock);
    while (store->turn_is_taken && status == 0)
        if (!cond_wait_until_ms(&store->turn_is_free, &store->lock, deadline_ms) && store->turn_is_taken)
            status = mr_error_set(error, MR_ERR_TIMEOUT, NO_TIME_WORDS);
    if (status == 0 && store->lost != NULL)
        status = mr_error_set(error, MR_ERR_CONFLICT, LOST_WORDS, store->lost);
    store->turn_is_taken = store->turn_is_taken || status == 0;
    mutex_unlock(&store->lock);
    return status;
}

/* store->lock held; released while a claim is given up. */
static void give_back(struct config_store *store)
{
    while (store->must_renounce) {
        store->must_renounce = false;
        mutex_unlock(&store->lock);
        store->log->renounce(store->log_argument);
        mutex_lock(&store->lock);
    }
    store->turn_is_taken = false;
    cond_broadcast(&store->turn_is_free); /* one that is refused when it wakes would not tell the next */
}

void config_turn_give_back(struct config_store *store)
{
    mutex_lock(&store->lock);
    give_back(store);
    mutex_unlock(&store->lock);
}

/* ---- what is written together; thread: the one with the turn, no lock held ---- */

struct batch {
    struct config_store *store;
    config_guard_fn *guard; /* NULL: not asked */
    void *guard_argument;
    bool is_guarded, is_claimed; /* is_claimed: one transaction */
    struct config_change *first;
    size_t count, bytes;
    int64_t deadline_ms;
};

static void refuse(struct config_change *change, const struct mr_error *error)
{
    mr_error_set(&change->error, mr_error_code(error), "%s", mr_error_message(error));
}

static int guard_ask(const struct batch *batch, enum config_guard_moment moment, struct mr_error **error)
{
    struct mr_error *why = NULL;
    if (batch->guard == NULL || batch->guard(batch->guard_argument, moment, batch->deadline_ms, &why) == 0)
        return 0;
    int status = mr_error_set(error, MR_ERR_CONFLICT, "config topic: this worker may not write%s: %s",
                              moment == CONFIG_GUARD_AFTER     ? " any more, the change may have been overtaken"
                              : moment == CONFIG_GUARD_BETWEEN ? " any more, the tasks were not committed"
                                                               : "",
                              why != NULL ? mr_error_message(why) : "refused");
    mr_error_drop(why);
    return status;
}

/* Those that are not to be written any more have their error. How many are left? */
static size_t ask_conditions(const struct batch *batch)
{
    size_t left = 0;
    for (struct config_change *change = batch->first; change != NULL; change = change->next) {
        const char *words = change->condition.forbids != NULL ? change->condition.forbids(change->condition.argument) : NULL;
        if (words != NULL)
            mr_error_set(&change->error, MR_ERR_CONFLICT, "%s", words);
        else
            left++;
    }
    return left;
}

/* Reading back is only worth something while what is read can be held. */
static int lost_check(struct config_store *store, struct mr_error **error)
{
    int status = 0;
    mutex_lock(&store->lock);
    if (store->lost != NULL)
        status = mr_error_set(error, MR_ERR_CONFLICT, "config topic: %s", store->lost);
    mutex_unlock(&store->lock);
    return status;
}

static void claim_lose(struct config_store *store)
{
    mutex_lock(&store->lock);
    store->claim = CLAIM_GONE;
    mutex_unlock(&store->lock);
    if (store->listener != NULL && store->listener->claim_lost != NULL)
        store->listener->claim_lost(store->listener_argument);
}

static int append(const struct batch *batch, const struct store_record *records, size_t count, struct mr_error **error)
{
    struct config_store *store = batch->store;
    int status = batch->is_claimed
                     ? store->log->append_claimed(store->log_argument, records, count, batch->deadline_ms, error)
                     : store->log->append(store->log_argument, records, count, batch->deadline_ms, error);
    if (status != 0 && batch->is_claimed && !store->log->is_claimed(store->log_argument))
        claim_lose(store);
    return status == 0 ? lost_check(store, error) : status;
}

/* Which of a change's records belong to a step. */
struct step {
    bool has_first, has_rest;
};

static struct store_record *step_records(const struct config_change *change, const struct step *step, size_t *count)
{
    size_t from = step->has_first ? 0 : change->first_count;
    *count = change->error != NULL ? 0 : (step->has_rest ? change->records.count : change->first_count) - from;
    return change->records.items + from;
}

static size_t step_count(const struct batch *batch, const struct step *step)
{
    size_t total = 0, count;
    for (const struct config_change *change = batch->first; change != NULL; change = change->next) {
        step_records(change, step, &count);
        total += count;
    }
    return total;
}

static int append_step(const struct batch *batch, const struct step *step, struct mr_error **error)
{
    size_t total = step_count(batch, step), at = 0, count;
    if (batch->first->next == NULL) {
        const struct store_record *records = step_records(batch->first, step, &count);
        return append(batch, records, count, error);
    }
    struct store_record *all = mem_calloc(total, sizeof(*all));
    if (all == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "config topic: no memory for a record");
    for (const struct config_change *change = batch->first; change != NULL; change = change->next) {
        const struct store_record *records = step_records(change, step, &count);
        for (size_t i = 0; i < count; i++)
            all[at++] = records[i];
    }
    int status = append(batch, all, total, error);
    mem_free(all);
    return status;
}

/* Who has slept between tasks and their commit must not commit what another leader has begun to write. */
static int append_all(const struct batch *batch, struct mr_error **error)
{
    static const struct step FIRST = {.has_first = true}, REST = {.has_rest = true}, ALL = {true, true};
    if (batch->is_claimed)
        return append_step(batch, &ALL, error);
    if (step_count(batch, &FIRST) > 0 &&
        (append_step(batch, &FIRST, error) != 0 || guard_ask(batch, CONFIG_GUARD_BETWEEN, error) != 0))
        return -1;
    return append_step(batch, &REST, error);
}

static int batch_try(const struct batch *batch, struct mr_error **error)
{
    if (guard_ask(batch, batch->is_claimed ? CONFIG_GUARD_CLAIMED : CONFIG_GUARD_BEFORE, error) != 0)
        return -1;
    if (ask_conditions(batch) == 0)
        return 0;
    if (append_all(batch, error) != 0)
        return -1;
    return batch->is_claimed ? 0 : guard_ask(batch, CONFIG_GUARD_AFTER, error);
}

static void batch_write(const struct batch *batch);

/* One of them is too large for the topic: each for itself. What was written by then is written again, as it was. */
static void write_one_by_one(const struct batch *whole)
{
    struct config_change *next;
    for (struct config_change *change = whole->first; change != NULL; change = next) {
        struct batch one = *whole;
        next = change->next;
        change->next = NULL;
        one.first = change;
        one.count = 1;
        if (change->error == NULL && one.is_claimed && !one.store->log->is_claimed(one.store->log_argument))
            mr_error_set(&change->error, MR_ERR_CONFLICT, "config topic: this worker may not write any more");
        else if (change->error == NULL)
            batch_write(&one);
        change->next = next;
    }
}

static void batch_write(const struct batch *batch)
{
    struct mr_error *error = NULL;
    if (batch_try(batch, &error) == 0)
        return;
    if (batch->count > 1 && mr_error_code(error) == MR_ERR_DATA) {
        write_one_by_one(batch);
    } else {
        for (struct config_change *change = batch->first; change != NULL; change = change->next)
            if (change->error == NULL)
                refuse(change, error);
    }
    mr_error_drop(error);
}

/* ---- the queue; store->lock held ---- */

static void queue_remove(struct config_store *store, struct config_change *change)
{
    struct config_change **link = &store->first_change, *before = NULL;
    while (*link != change) {
        before = *link;
        link = &before->next;
    }
    *link = change->next;
    if (store->last_change == change)
        store->last_change = before;
    change->next = NULL;
}

static bool goes_with(const struct batch *batch, const struct config_change *change, int64_t now_ms)
{
    return change->is_guarded == batch->is_guarded && batch->count < TURN_CHANGES_MAX &&
           batch->bytes + config_change_bytes(change) <= TURN_BYTES_MAX &&
           batch->deadline_ms - now_ms >= TURN_LEAST_MS && change->deadline_ms - now_ms >= TURN_LEAST_MS;
}

static void batch_add(struct batch *batch, struct config_change **link, struct config_change *change)
{
    queue_remove(batch->store, change);
    change->state = CHANGE_UNDER_WAY;
    *link = change;
    batch->count++;
    batch->bytes += config_change_bytes(change);
    if (change->deadline_ms < batch->deadline_ms)
        batch->deadline_ms = change->deadline_ms;
}

static struct batch batch_take(struct config_store *store)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    struct config_change *change = store->first_change;
    struct batch batch = {.store = store, .is_guarded = change->is_guarded, .deadline_ms = now_ms + CONFIG_WRITE_TIMEOUT_MS};
    struct config_change **link = &batch.first;
    do {
        batch_add(&batch, link, change);
        link = &change->next;
        change = store->first_change;
    } while (change != NULL && goes_with(&batch, change, now_ms));
    batch.guard = batch.is_guarded ? store->guard : NULL;
    batch.guard_argument = store->guard_argument;
    batch.is_claimed = batch.is_guarded && store->claim == CLAIM_HELD;
    return batch;
}

/* Why nothing of it is to be written; false: nothing forbids it. */
static bool batch_is_refused(const struct batch *batch, struct mr_error **why)
{
    const struct config_store *store = batch->store;
    if (store->lost != NULL)
        mr_error_set(why, MR_ERR_CONFLICT, LOST_WORDS, store->lost);
    else if (batch->is_guarded && store->claim == CLAIM_GONE)
        mr_error_set(why, MR_ERR_CONFLICT,
                     "config topic: this worker may not write: it does not lead, or begins to lead just now");
    else
        return false;
    return true;
}

static struct config_change *settle(struct batch *batch)
{
    for (struct config_change *change = batch->first; change != NULL; change = change->next)
        change->state = CHANGE_SETTLED;
    return batch->first;
}

/* Takes the free turn for what waits first. Released while it is written. */
static void write_what_waits(struct config_store *store)
{
    struct mr_error *why = NULL;
    store->turn_is_taken = true;
    struct batch batch = batch_take(store);
    bool is_refused = batch_is_refused(&batch, &why);
    mutex_unlock(&store->lock);
    if (!is_refused)
        batch_write(&batch);
    for (struct config_change *change = batch.first; is_refused && change != NULL; change = change->next)
        refuse(change, why);
    mr_error_drop(why);
    mutex_lock(&store->lock);
    struct config_change *settled = settle(&batch);
    give_back(store);
    mutex_unlock(&store->lock);
    while (settled != NULL) {
        struct config_change *next = settled->next;
        config_change_drop(settled);
        settled = next;
    }
    mutex_lock(&store->lock);
}

/* ---- the door ---- */

void config_store_enlist(struct config_store *store, struct config_change *change, int64_t deadline_ms)
{
    mutex_lock(&store->lock);
    if (change->state == CHANGE_NEW) {
        config_change_take(change);
        change->state = CHANGE_WAITS;
        change->deadline_ms = deadline_ms;
        if (store->last_change != NULL)
            store->last_change->next = change;
        else
            store->first_change = change;
        store->last_change = change;
    }
    mutex_unlock(&store->lock);
}

/* store->lock held. The store's hold on it is the caller's now. */
static void withdraw(struct config_store *store, struct config_change *change)
{
    queue_remove(store, change);
    change->state = CHANGE_SETTLED;
    mr_error_set(&change->error, MR_ERR_TIMEOUT, NO_TIME_WORDS);
    cond_broadcast(&store->turn_is_free);
}

bool config_store_withdraw(struct config_store *store, struct config_change *change)
{
    mutex_lock(&store->lock);
    bool was_waiting = change->state == CHANGE_WAITS, is_out = was_waiting || change->state == CHANGE_NEW;
    if (was_waiting)
        withdraw(store, change);
    else if (is_out)
        change->state = CHANGE_SETTLED;
    mutex_unlock(&store->lock);
    if (was_waiting)
        config_change_drop(change);
    return is_out;
}

/* store->lock held, released meanwhile. Under way it is until its writer says so, who has a deadline of his own. */
static void await_turn(struct config_store *store, struct config_change *change)
{
    int64_t until_ms = change->state == CHANGE_WAITS ? change->deadline_ms : DEADLINE_NEVER;
    if (!cond_wait_until_ms(&store->turn_is_free, &store->lock, until_ms) && change->state == CHANGE_WAITS &&
        store->turn_is_taken) {
        withdraw(store, change);
        mutex_unlock(&store->lock);
        config_change_drop(change);
        mutex_lock(&store->lock);
    }
}

int config_store_write(struct config_store *store, struct config_change *change, struct mr_error **error)
{
    mutex_lock(&store->lock);
    assert(change->state != CHANGE_NEW);
    while (change->state != CHANGE_SETTLED)
        if (store->turn_is_taken)
            await_turn(store, change);
        else
            write_what_waits(store);
    mutex_unlock(&store->lock);
    return change->error == NULL ? 0 : mr_error_set(error, mr_error_code(change->error), "%s", mr_error_message(change->error));
}
