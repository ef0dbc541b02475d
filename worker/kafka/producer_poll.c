/* producer_poll.c: the thread of one producer: delivery reports, waking of waiting users, end. Swaps are in producer_swap.c.
 *
 * Reports come as events of many messages, in order per partition; they are handed on in runs of one user. A user's
 * counters fall only after its callback has returned, so that a flush that has ended has been told everything. */
#include "kafka/producer_internal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "kafka/statistics_internal.h"

#include "base/bans.h"

#define LARGE_BYTES 1000000
#define WAKES_PER_TURN 8       /* more would fight for the same room */

struct run {
    struct producer_user *user;
    size_t count;
    uint64_t bytes;
    struct producer_delivery deliveries[PRODUCER_RUN_MAX];
};

/* ---- reports ---- */

/* has_more: the user's next delivery is at hand. */
static void run_hand_on(struct producer *producer, struct run *run, bool has_more)
{
    struct producer_user *user = run->user;
    bool is_empty, is_owed = run->count == PRODUCER_RUN_MAX && !has_more;
    if (run->count == 0)
        return;
    user->listener->on_delivery(user->argument, run->deliveries, run->count);
    atomic_fetch_sub(&producer->bytes, run->bytes);
    atomic_fetch_sub(&producer->records, (uint32_t)run->count);
    mutex_lock(&producer->lock);
    atomic_fetch_sub(&user->bytes, run->bytes);
    is_empty = atomic_fetch_sub(&user->records, (uint32_t)run->count) == (uint32_t)run->count;
    if (is_empty)
        cond_broadcast(&producer->settled);
    mutex_unlock(&producer->lock);
    /* Whoever looked at its counts after on_delivery saw them too high and now waits for no further delivery. */
    if ((is_empty || is_owed) && user->listener->on_writable != NULL)
        user->listener->on_writable(user->argument);
    run->count = 0;
    run->bytes = 0;
}

static void run_end(struct producer *producer, struct run *run)
{
    run_hand_on(producer, run, false);
}

static struct producer_delivery *run_next(struct producer *producer, struct run *run, struct producer_ticket *ticket)
{
    if (run->user != ticket->user || run->count == PRODUCER_RUN_MAX)
        run_hand_on(producer, run, run->user == ticket->user);
    run->user = ticket->user;
    run->bytes += ticket->size;
    struct producer_delivery *delivery = &run->deliveries[run->count++];
    *delivery = (struct producer_delivery){.ticket = ticket, .partition = -1, .offset = -1, .timestamp_ms = -1};
    return delivery;
}

/* A topic that is not there may come (back): Java's producer asks for it again until its time is over, and so do we. */
static bool is_about_a_topic_away(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/* After a fatal error whatever fails was simply not sent: the swap sends it again. */
static enum producer_outcome outcome_of(const struct producer *producer, rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return PRODUCER_ACKED;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__FATAL:
        return PRODUCER_NOT_SENT;
    default:
        return (is_about_a_topic_away(code) && producer->transactional_id == NULL) ||
                       rd_kafka_fatal_error(producer->handle->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR
                   ? PRODUCER_NOT_SENT
                   : PRODUCER_FAILED;
    }
}

/* A service that closes the connection on it gives no answer: nobody knows, but it is likely. */
static const char *words_of(const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && message->len + message->key_len > LARGE_BYTES)
        return "Local: Message timed out. The record is larger than 1,000,000 bytes, and some services close the connection on such requests "
               "without a word: set max.request.size to their limit, so that it is refused here";
    return rd_kafka_err2str(message->err);
}

static void report(struct producer *producer, struct run *run, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    struct producer_delivery *delivery = run_next(producer, run, message->_private);
    delivery->outcome = outcome_of(producer, message->err);
    delivery->partition = message->partition;
    if (delivery->outcome == PRODUCER_ACKED) {
        delivery->offset = message->offset;
        delivery->timestamp_ms = rd_kafka_message_timestamp(message, &type);
        if (atomic_load_explicit(&producer->login_refused_ms, memory_order_relaxed) != 0)
            atomic_store(&producer->login_refused_ms, 0);
    } else if (is_about_a_topic_away(message->err) && producer->transactional_id == NULL) {
        producer_hold_back(producer, delivery->ticket->user, rd_kafka_topic_name(message->rkt));
    } else if (delivery->outcome == PRODUCER_FAILED) {
        delivery->retriable = native_error_is_retriable(message->err);
        delivery->too_large = message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
                              message->err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
        delivery->words = words_of(message);
    }
}

static void note_login(struct producer *producer, const char *words)
{
    const char *advice = native_advice(words);
    log_error(PRODUCER_LOGGER, "%s: %s; its records are refused", rd_kafka_name(producer->handle->rk), words);
    mutex_lock(&producer->lock);
    snprintf(producer->login_words, sizeof producer->login_words, "%s%s%s", words, advice != NULL ? ". " : "", advice != NULL ? advice : "");
    mutex_unlock(&producer->lock);
    atomic_store(&producer->login_refused_ms, clock_monotonic_ms(NULL));
}

static void serve_error(struct producer *producer, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *words = rd_kafka_event_error_string(event);
    if (code == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_event_error_is_fatal(event)) {
        log_warn(PRODUCER_LOGGER, "%s: fatal error: %s%s", rd_kafka_name(producer->handle->rk), words,
                 producer->transactional_id != NULL
                     ? "" : "; the producer is replaced and records not yet acknowledged are sent again");
        atomic_store(&producer->fatal, true);
    } else if (native_login_is_refused(producer->handle->rk, code, words)) {
        note_login(producer, words);
    } else {
        log_debug(PRODUCER_LOGGER, "%s: %s", rd_kafka_name(producer->handle->rk), words);
    }
}

/* Everything that is at hand. */
static void serve_events(struct producer *producer, struct run *run)
{
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(producer->queue, 0)) != NULL) {
        const rd_kafka_message_t *message;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
            while ((message = rd_kafka_event_message_next(event)) != NULL)
                report(producer, run, message);
            run_end(producer, run);
        } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
            serve_error(producer, event);
        } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_STATS) {
            statistics_take_with_queue(producer->metrics, rd_kafka_event_stats(event), atomic_load(&producer->bytes),
                                       producer->bytes_max);
        }
        rd_kafka_event_destroy(event);
    }
}

/* Refused by librdkafka in the middle of a batch whose later records it took. */
static void serve_failed(struct producer *producer, struct run *run)
{
    mutex_lock(&producer->lock);
    struct producer_ticket *ticket = producer->failed;
    producer->failed = NULL;
    mutex_unlock(&producer->lock);
    while (ticket != NULL) {
        struct producer_ticket *next = ticket->next;
        struct producer_delivery *delivery = run_next(producer, run, ticket);
        delivery->outcome = PRODUCER_FAILED;
        delivery->words = "librdkafka did not take the record";
        ticket = next;
    }
    run_end(producer, run);
}

void producer_serve(struct producer *producer, struct run *run)
{
    serve_events(producer, run);
    serve_failed(producer, run);
}

/* ---- users ---- */

/* The longest waiting user that may go on; it leaves the list. NULL: none. */
static struct producer_user *next_to_wake(struct producer *producer)
{
    mutex_lock(&producer->lock);
    struct producer_user **link = &producer->waiting;
    while (*link != NULL && !producer_user_may_go_on(*link))
        link = &(*link)->next_waiting;
    struct producer_user *user = *link;
    if (user != NULL) {
        *link = user->next_waiting;
        if (*link == NULL)
            producer->waiting_end = link;
        user->is_waiting = false;
    }
    bool closing = user != NULL && user->closing;
    mutex_unlock(&producer->lock);
    if (closing)
        return next_to_wake(producer);
    return user;
}

static void wake_users(struct producer *producer)
{
    for (int i = 0; i < WAKES_PER_TURN; i++) {
        struct producer_user *user = next_to_wake(producer);
        if (user == NULL)
            return;
        if (user->listener->on_writable != NULL)
            user->listener->on_writable(user->argument);
    }
}

static void unlink_waiting(struct producer *producer, struct producer_user *user)
{
    struct producer_user **link = &producer->waiting;
    while (*link != user)
        link = &(*link)->next_waiting;
    *link = user->next_waiting;
    if (*link == NULL)
        producer->waiting_end = link;
    user->is_waiting = false;
}

/* A closing user with nothing outstanding; it leaves the lists. */
static struct producer_user *next_to_end(struct producer *producer)
{
    mutex_lock(&producer->lock);
    struct producer_user **link = &producer->users;
    while (*link != NULL && !((*link)->closing && atomic_load(&(*link)->records) == 0))
        link = &(*link)->next;
    struct producer_user *user = *link;
    if (user != NULL) {
        *link = user->next;
        producer->user_count--;
        if (user->is_waiting)
            unlink_waiting(producer, user);
        producer_topics_let_go(user);
    }
    mutex_unlock(&producer->lock);
    return user;
}

static void end_users(struct producer *producer)
{
    struct producer_user *user;
    while ((user = next_to_end(producer)) != NULL) {
        if (user->listener->on_closed != NULL)
            user->listener->on_closed(user->argument);
        producer_user_free(user);
    }
}

void producer_sleep_until_woken(struct producer *producer, int timeout_ms)
{
    struct pollfd wake = {.fd = producer->wake_fd, .events = POLLIN};
    uint64_t count;
    poll(&wake, 1, timeout_ms);
    if (read(producer->wake_fd, &count, sizeof count) < 0)
        return;   /* nothing was written: time is up */
}

/* ---- the thread ---- */

static bool is_unused(struct producer *producer)
{
    mutex_lock(&producer->lock);
    bool unused = producer->user_count == 0;
    mutex_unlock(&producer->lock);
    return unused;
}

/* A producer is made with its first user still to join: it must not end before. */
void *producer_poll_run(void *argument)
{
    struct producer *producer = argument;
    struct producer_pool *pool = producer->pool;
    struct run run = {.count = 0};
    do {
        producer_sleep_until_woken(producer, PRODUCER_TICK_MS);
        producer_serve(producer, &run);
        producer_tell_back(producer);
        producer_swap_if_due(producer, &run);
        end_users(producer);
        wake_users(producer);
    } while (!is_unused(producer) || !producer_pool_forget(producer));
    producer_errand_stop(producer);
    producer_destroy(producer);
    producer_pool_ended(pool);
    return NULL;
}
