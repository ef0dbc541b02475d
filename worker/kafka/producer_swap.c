/* producer_swap.c: giving records back, and replacing the handle of a producer (docs/decisions/0002).
 *
 * Everything that the old handle holds comes back before anybody may send to the new one; then each user goes back to its oldest
 * unacknowledged record. Reasons:
 *   fatal      librdkafka takes nothing any more
 *   late       a user that closes has records left after its deadline, and others are under way: one topic alone cannot be
 *              purged, so the others' records come back as well, and are sent again by the new handle
 *   lease      lost: what is held must not leave any more; nothing is awaited
 *   crowded    the handle knows PRODUCER_TOPICS_MAX topics, and it forgets none
 * Where only late users have records outstanding no handle is replaced: they are purged. Nor is that of a transactional producer, whose
 * records are given back for the same reasons but not sent again. */
#include "kafka/producer_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/log.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "kafka/client_config.h"

#include "base/bans.h"

#define REOPEN_PAUSE_MS 1000
#define IN_FLIGHT_PATIENCE_MS 3000   /* measured: a broker stopped for 1 s costs no repetition */

enum reason { REASON_NONE, REASON_FATAL, REASON_LATE, REASON_LEASE, REASON_CROWDED };

/* ---- who is late ---- */

static bool is_late(const struct producer_user *user, int64_t now_ms)
{
    return user->closing && user->close_deadline_ms <= now_ms && atomic_load(&user->records) > 0;
}

struct tally {
    size_t late, closing, others;   /* users with records outstanding: closing ones are not late yet */
    size_t open;                 /* users that do not close */
    const char *late_name;       /* of one of them; lives until the users change: on the poll thread */
    uint32_t late_records;
};

static struct tally tally_of(struct producer *producer)
{
    struct tally tally = {0};
    int64_t now_ms = clock_monotonic_ms(NULL);
    mutex_lock(&producer->lock);
    for (const struct producer_user *user = producer->users; user != NULL; user = user->next) {
        uint32_t records = atomic_load(&user->records);
        tally.open += !user->closing;
        if (is_late(user, now_ms)) {
            tally.late++;
            tally.late_name = user->name;
            tally.late_records += records;
        } else if (user->closing) {
            tally.closing += records > 0;
        } else {
            tally.others += records > 0;
        }
    }
    mutex_unlock(&producer->lock);
    return tally;
}

/* An idempotent handle must not be used on with a gap in its sequence. */
static bool is_idempotent(const struct producer *producer)
{
    const char *text = client_config_get_native(producer->config, "enable.idempotence");
    return text != NULL && strcmp(text, "true") == 0;
}

static void purge(struct producer *producer, int flags)
{
    rd_kafka_purge(producer->handle->rk, flags);
}

/* false: a swap is needed. Closing users cannot send again: as long as one has time left, the late ones wait for it. Where only
 * late users have records outstanding, those are on their way back after this. */
static bool give_back_late(struct producer *producer, struct tally *tally)
{
    *tally = tally_of(producer);
    if (tally->late == 0 || tally->closing > 0)
        return true;
    if (tally->open > 0 && is_idempotent(producer))
        return false;
    pthread_rwlock_wrlock(&producer->swap_lock);   /* nobody begins to send between the look and the purge */
    *tally = tally_of(producer);
    if (tally->others == 0)
        purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    pthread_rwlock_unlock(&producer->swap_lock);
    return tally->others == 0;
}

/* ---- emptying the old handle ---- */

/* What waits in its queue is given back at once; what is in flight gets its time first, because most of it is acknowledged
 * and need not be sent twice. Late users have had theirs. */
static bool is_patient(struct producer *producer, enum reason reason, int64_t until_ms)
{
    if (reason == REASON_LEASE || clock_monotonic_ms(NULL) >= until_ms)
        return false;
    struct tally tally = tally_of(producer);
    return reason != REASON_LATE || tally.others + tally.closing > 0;
}

static void empty_old_handle(struct producer *producer, enum reason reason, struct run *run)
{
    int64_t until_ms = deadline_after_ms(IN_FLIGHT_PATIENCE_MS);
    while (atomic_load(&producer->records) > 0) {
        purge(producer, is_patient(producer, reason, until_ms) ? RD_KAFKA_PURGE_F_QUEUE
                                                               : RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        producer_serve(producer, run);
        if (atomic_load(&producer->records) > 0)
            producer_sleep_until_woken(producer, PRODUCER_TICK_MS);
    }
}

/* ---- the swap ---- */

/* swap_lock (write) held. */
static void have_users_rewind(struct producer *producer)
{
    mutex_lock(&producer->lock);
    for (struct producer_user *user = producer->users; user != NULL; user = user->next) {
        atomic_store(&user->rewinds, user->listener->on_swapped != NULL);
        user->goes_back = user->listener->on_swapped != NULL;
    }
    mutex_unlock(&producer->lock);
}

static struct native_handle *reopen(struct producer *producer)
{
    for (;;) {
        struct native_handle *handle = NULL;
        struct mr_error *error = NULL;
        if (producer_open_handle(producer, &handle, &error) == 0)
            return handle;
        log_error(PRODUCER_LOGGER, "%s; trying again", mr_error_message(error));
        mr_error_drop(error);
        producer_sleep_until_woken(producer, REOPEN_PAUSE_MS);
    }
}

static void swap(struct producer *producer, enum reason reason, struct run *run)
{
    pthread_rwlock_wrlock(&producer->swap_lock);
    producer->swapping = true;
    have_users_rewind(producer);
    pthread_rwlock_unlock(&producer->swap_lock);
    producer_errand_stop(producer);
    empty_old_handle(producer, reason, run);
    struct native_handle *old = producer->handle;
    rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(producer->queue);
    struct native_handle *fresh = reopen(producer);
    pthread_rwlock_wrlock(&producer->swap_lock);
    producer->handle = fresh;
    producer_topics_ask_again(producer);
    producer->swapping = false;
    atomic_store(&producer->fatal, false);
    atomic_store(&producer->crowded, false);
    pthread_rwlock_unlock(&producer->swap_lock);
    native_handle_drop(old);
    producer_tell_back(producer);
}

/* Only this thread takes users off the list, and new ones come at its head: walking on is safe without the lock. */
void producer_tell_back(struct producer *producer)
{
    mutex_lock(&producer->lock);
    struct producer_user *user = producer->users;
    mutex_unlock(&producer->lock);
    for (; user != NULL; user = user->next) {
        if (!user->goes_back)
            continue;
        user->goes_back = false;
        user->listener->on_swapped(user->argument);
    }
}

void producer_hold_back(struct producer *producer, struct producer_user *user, const char *name)
{
    if (user->listener->on_swapped == NULL)
        return;   /* it does as it likes with what comes back */
    pthread_rwlock_wrlock(&producer->swap_lock);
    atomic_store(&user->rewinds, true);
    user->goes_back = true;
    mutex_lock(&producer->lock);
    struct producer_topic *topic = pointer_map_get(producer->topics, name);
    mutex_unlock(&producer->lock);
    if (topic != NULL && atomic_load(&topic->state) == TOPIC_READY && !producer->swapping)
        producer_topic_doubt(topic);
    pthread_rwlock_unlock(&producer->swap_lock);
}

/* ---- transactional producers: given back, never replaced ---- */

static void tell_fatal(struct producer *producer)
{
    mutex_lock(&producer->lock);
    struct producer_user *user = producer->users;   /* the only one */
    mutex_unlock(&producer->lock);
    if (user != NULL && user->listener->on_fatal != NULL)
        user->listener->on_fatal(user->argument);
}

static void give_back_if_due(struct producer *producer, bool has_lost_lease)
{
    bool is_fatal = atomic_load(&producer->fatal);
    if (has_lost_lease || is_fatal || tally_of(producer).late > 0)
        purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (is_fatal && !producer->fatal_is_told) {
        producer->fatal_is_told = true;
        tell_fatal(producer);
    }
}

/* ---- when ---- */

/* Once, when the lease ends. */
static bool has_lost_lease(struct producer *producer)
{
    const struct lease *lease = atomic_load(&producer->pool->lease);
    bool had_lease = producer->had_lease;
    producer->had_lease = lease == NULL || lease_is_valid(lease, NULL);
    return had_lease && !producer->had_lease && atomic_load(&producer->records) > 0;
}

void producer_swap_if_due(struct producer *producer, struct run *run)
{
    enum reason reason = REASON_NONE;
    const char *name = rd_kafka_name(producer->handle->rk);
    struct tally tally = {0};
    bool is_without_lease = has_lost_lease(producer);
    if (producer->transactional_id != NULL) {
        give_back_if_due(producer, is_without_lease);
        return;
    }
    if (is_without_lease) {
        reason = REASON_LEASE;
        log_warn(PRODUCER_LOGGER, "%s: the worker's lease is gone: records that are not acknowledged are held back, and "
                 "sent again when it has come back", name);
    } else if (atomic_load(&producer->fatal)) {
        reason = REASON_FATAL;
    } else if (!give_back_late(producer, &tally)) {
        reason = REASON_LATE;
        log_warn(PRODUCER_LOGGER, "%s: %u record(s), of %s among others, could not be delivered in time and are given up; "
                 "other tasks go on with a new producer", name, (unsigned)tally.late_records, tally.late_name);
    } else if (atomic_load(&producer->crowded)) {
        reason = REASON_CROWDED;
        log_info(PRODUCER_LOGGER, "%s knows %d topics, most of them not used any more: it is replaced", name,
                 PRODUCER_TOPICS_MAX);
    }
    if (reason != REASON_NONE)
        swap(producer, reason, run);
}
