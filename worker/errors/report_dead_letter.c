/*
 * Dead letters (KIP-298): the record as it was consumed, or what was made of a source's, into a topic of its own.
 *
 * A letter waits in a queue, is handed to the producer, and is settled on the producer's poll thread. Everything here, calls
 * of the producer included, happens under one lock: reports may come from several of a plugin's threads, and a producer's
 * user is one thread at a time. Futures are completed after the lock was given back: they run code of others.
 *
 * Full: past LETTERS_MAX letters or LETTER_BYTES_MAX bytes under way a report waits, as Kafka's producer would, until there
 * is room, a letter failed, or the task is to stop. Tasks ask tolerance_has_room before they read, which leaves half of it to what they
 * read then, so that they seldom get there.
 *
 * Life: the reporter and the producer's user hold a reference each; the user's ends with on_closed.
 */
#include <assert.h>
#include <inttypes.h>
#include <millrace/error.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "errors/letter.h"
#include "errors/letter_book.h"
#include "errors/report.h"
#include "kafka/client_config.h"
#include "metrics/error_counters.h"
#include "sdk/future_host.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define LETTERS_MAX 10000
#define LETTER_BYTES_MAX ((size_t)16 << 20)
#define USER_NAME_MAX 320

struct reporter {
    struct refcount references;
    const char *topic_name;         /* the tolerance's; not used once closing */
    struct letter_writer writer;    /* connector NULL: no context headers */
    struct letter_stop *stop;       /* the tolerance's; not used once closing */
    pthread_mutex_t lock;           /* guards all below */
    pthread_cond_t changed;
    struct error_counters *counters; /* NULL once closing */
    void (*wake)(void *argument);        /* NULL once closing */
    void *wake_argument;
    struct producer_user *user;     /* NULL once closing */
    struct producer_topic *topic;
    struct letter_book book;
    struct letter *first_unsent, **last_unsent;
    struct mr_error *failure;       /* the first letter that could not be written */
};

/* A future that is to be told, once the lock is given back. */
struct outcome {
    struct letter *letter;
    struct mr_error *error; /* NULL: it worked */
};

/* The queue of those to be sent --------------------------------------------------------------------------- */

static void queue_append(struct reporter *reporter, struct letter *letter)
{
    letter->next = NULL;
    *reporter->last_unsent = letter;
    reporter->last_unsent = &letter->next;
}

static struct letter *queue_take(struct reporter *reporter)
{
    struct letter *letter = reporter->first_unsent;
    reporter->first_unsent = letter->next;
    if (letter->next == NULL)
        reporter->last_unsent = &reporter->first_unsent;
    return letter;
}

/* Settling ------------------------------------------------------------------------------------------------- */

static void tell(const struct outcome *outcome)
{
    struct letter *letter = outcome->letter;
    struct mr_error *error = outcome->error;
    if (letter->future != NULL && error != NULL)
        future_fail(letter->future, &error);
    else if (letter->future != NULL)
        future_complete(letter->future);
    mr_error_drop(error);
    letter_destroy(letter);
}

static void wake(struct reporter *reporter)
{
    cond_broadcast(&reporter->changed);
    if (reporter->wake != NULL)
        reporter->wake(reporter->wake_argument);
}

/* locks: held. The letter could not be written. */
static struct outcome fail_letter(struct reporter *reporter, struct letter *letter, const char *words)
{
    struct outcome outcome = { .letter = letter };
    const char *topic = producer_topic_name(reporter->topic);
    mr_error_set(&outcome.error, MR_ERR_CONNECT, "Could not produce message to dead letter queue. topic=%s: %s", topic, words);
    log_error("errors", "%s", mr_error_message(outcome.error));
    if (reporter->counters != NULL)
        atomic_fetch_add_explicit(&reporter->counters->dead_letter_failures, 1, memory_order_relaxed);
    if (letter_book_fail(&reporter->book, letter) && reporter->failure == NULL)
        reporter->failure = mr_error_copy(outcome.error);
    return outcome;
}

/* locks: held. Of one that is too large. false: it is as short as it can be. */
static bool cut(const struct reporter *reporter, struct letter *letter)
{
    if (!letter_cut(letter))
        return false;
    log_warn("errors", "a dead letter was too large for topic %s and is written in short", producer_topic_name(reporter->topic));
    return true;
}

/* locks: held, given back while a failed letter's future is told. Hands over what the producer takes. */
static void send_queue(struct reporter *reporter)
{
    while (reporter->first_unsent != NULL && reporter->user != NULL) {
        struct letter *letter = reporter->first_unsent;
        struct mr_error *error = NULL;
        size_t taken = 0;
        letter->record.topic = reporter->topic;
        int status = producer_send(reporter->user, &letter->record, 1, &taken, &error);
        if (status < 0 && mr_error_code(error) == MR_ERR_DATA && cut(reporter, letter)) { /* larger than the client takes */
            mr_error_drop(error);
        } else if (status < 0) {
            queue_take(reporter);
            struct outcome outcome = fail_letter(reporter, letter, mr_error_message(error));
            wake(reporter);
            mutex_unlock(&reporter->lock);
            tell(&outcome);
            mr_error_drop(error);
            mutex_lock(&reporter->lock);
        } else if (taken == 1) {
            queue_take(reporter);
        } else {
            return; /* on_writable comes */
        }
    }
}

/* The producer's callbacks --------------------------------------------------------------------------------- */

static void reporter_drop(struct reporter *reporter)
{
    if (!refcount_drop(&reporter->references))
        return;
    assert(reporter->first_unsent == NULL);
    letter_book_release(&reporter->book);
    mr_error_drop(reporter->failure);
    cond_destroy(&reporter->changed);
    mutex_destroy(&reporter->lock);
    mem_free(reporter);
}

/* false: it goes back into the queue. */
static bool settle(struct reporter *reporter, const struct producer_delivery *delivery, struct outcome *outcome, bool *is_cut)
{
    struct letter *letter = LETTER_OF(delivery->ticket);
    *outcome = (struct outcome){ .letter = letter };
    if (delivery->outcome == PRODUCER_ACKED) {
        letter_book_settle(&reporter->book, letter);
    } else if (delivery->outcome == PRODUCER_FAILED && reporter->user != NULL && delivery->too_large && cut(reporter, letter)) {
        queue_append(reporter, letter);
        *is_cut = true;
        return false;
    } else if (delivery->outcome == PRODUCER_FAILED) {
        *outcome = fail_letter(reporter, letter, delivery->words == NULL ? "no reason given" : delivery->words);
    } else if (reporter->user != NULL) {
        queue_append(reporter, letter);
        return false;
    } else { /* it may have arrived; the record comes again, its offset was not committed */
        letter_book_settle(&reporter->book, letter);
        mr_error_set(&outcome->error, MR_ERR_CONNECT, "the task ended before its dead letter was acknowledged");
    }
    return true;
}

static void on_delivery(void *argument, const struct producer_delivery *deliveries, size_t count)
{
    struct reporter *reporter = argument;
    for (size_t i = 0; i < count; i++) {
        struct outcome outcome;
        bool is_cut = false;
        mutex_lock(&reporter->lock);
        bool is_settled = settle(reporter, &deliveries[i], &outcome, &is_cut);
        wake(reporter);
        if (is_cut)
            send_queue(reporter);
        mutex_unlock(&reporter->lock);
        if (is_settled)
            tell(&outcome);
    }
}

static void on_writable(void *argument)
{
    struct reporter *reporter = argument;
    mutex_lock(&reporter->lock);
    send_queue(reporter);
    mutex_unlock(&reporter->lock);
}

/* Letters have no order among each other, and what came back is in the queue already. */
static void on_swapped(void *argument)
{
    struct reporter *reporter = argument;
    mutex_lock(&reporter->lock);
    if (reporter->user != NULL)
        producer_user_rewound(reporter->user);
    send_queue(reporter);
    mutex_unlock(&reporter->lock);
}

static void on_closed(void *argument)
{
    reporter_drop(argument);
}

static const struct producer_user_listener listener = {
    .on_delivery = on_delivery,
    .on_writable = on_writable,
    .on_swapped = on_swapped,
    .on_closed = on_closed,
};

/* The reporter --------------------------------------------------------------------------------------------- */

/* On failure nobody holds a reference but the caller. */
static int open_user(struct reporter *reporter, const struct tolerance_setup *setup, struct mr_error **error)
{
    char name[USER_NAME_MAX];
    snprintf(name, sizeof(name), "connector-dlq-producer-%s-%" PRIu32, setup->connector, setup->task);
    if (setup->producers == NULL || setup->producer_config == NULL)
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "a dead letter topic needs a producer");
    const struct producer_user_setup user = {
        .config = setup->producer_config,
        .name = name,
        .listener = &listener,
        .argument = reporter,
    };
    refcount_take(&reporter->references);
    reporter->user = producer_user_open(setup->producers, &user, error);
    if (reporter->user == NULL) {
        reporter_drop(reporter);
        return -1;
    }
    reporter->topic = producer_user_topic(reporter->user, reporter->topic_name);
    return reporter->topic != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the dead letter topic");
}

static void destroy(struct reporter *reporter, int64_t deadline_ms)
{
    mutex_lock(&reporter->lock);
    struct producer_user *user = reporter->user;
    struct letter *unsent = reporter->first_unsent;
    reporter->user = NULL;
    reporter->first_unsent = NULL;
    reporter->last_unsent = &reporter->first_unsent;
    for (struct letter *letter = unsent; letter != NULL; letter = letter->next)
        letter_book_settle(&reporter->book, letter); /* nobody asks the book any more */
    reporter->counters = NULL;
    reporter->wake = NULL;
    producer_user_close(user, deadline_ms);
    mutex_unlock(&reporter->lock);
    while (unsent != NULL) {
        struct outcome outcome = { .letter = unsent };
        unsent = unsent->next;
        mr_error_set(&outcome.error, MR_ERR_CONNECT, "the task ended before its dead letter was sent");
        tell(&outcome);
    }
    reporter_drop(reporter);
}

static int create(const struct reporter_setup *setup, struct reporter **created, struct mr_error **error)
{
    if (setup->settings->dead_letter_topic == NULL)
        return 0;
    struct reporter *reporter = mem_calloc(1, sizeof(*reporter));
    if (reporter == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for dead letters");
    refcount_init(&reporter->references);
    mutex_init(&reporter->lock);
    cond_init(&reporter->changed);
    letter_book_init(&reporter->book);
    reporter->topic_name = setup->settings->dead_letter_topic;
    reporter->writer = (struct letter_writer){
        .connector = setup->settings->dead_letter_context ? setup->connector : NULL,
        .task = setup->tolerance->task,
    };
    reporter->stop = setup->stop;
    reporter->counters = setup->counters;
    reporter->wake = setup->tolerance->wake;
    reporter->wake_argument = setup->tolerance->wake_argument;
    reporter->last_unsent = &reporter->first_unsent;
    if (open_user(reporter, setup->tolerance, error) < 0) {
        if (reporter->user != NULL)
            destroy(reporter, 0);
        else
            reporter_drop(reporter);
        return -1;
    }
    *created = reporter;
    return 0;
}

/* locks: held. */
static bool is_full(const struct reporter *reporter)
{
    return reporter->book.pending_count >= LETTERS_MAX || reporter->book.pending_bytes >= LETTER_BYTES_MAX;
}

static int copy_failure(const struct reporter *reporter, struct mr_error **error)
{
    if (error != NULL && *error == NULL)
        *error = mr_error_copy(reporter->failure);
    return -1;
}

/* locks: held. */
static int wait_for_room(struct reporter *reporter, struct mr_error **error)
{
    while (is_full(reporter) && reporter->failure == NULL && !atomic_load(&reporter->stop->is_wanted))
        cond_wait(&reporter->changed, &reporter->lock);
    if (reporter->failure != NULL)
        return copy_failure(reporter, error);
    if (!is_full(reporter))
        return 0;
    atomic_store(&reporter->stop->interrupted, true);
    return mr_error_set(error, MR_ERR_CONNECT, "the task was to stop while it waited to write a dead letter");
}

_Static_assert(STAGE_KAFKA_CONSUME < ERROR_STAGES && (int)MR_ERR_ILLEGAL_STATE < ERROR_CAUSES, "each has its counter");

static void count_letter(struct error_counters *counters, const struct report *report)
{
    unsigned cause = (unsigned)mr_error_code(report->error), stage = (unsigned)report->stage;
    atomic_fetch_add_explicit(&counters->dead_letter_requests, 1, memory_order_relaxed);
    if (stage < ERROR_STAGES)
        atomic_fetch_add_explicit(&counters->letters[stage][cause < ERROR_CAUSES ? cause : 0], 1, memory_order_relaxed);
}

static int report_letter(struct reporter *reporter, const struct report *report, struct mr_error **error)
{
    if (report->origin == NULL && report->letter == NULL)
        return 0; /* nobody makes letters of source records */
    count_letter(reporter->counters, report);
    struct letter *letter = letter_create(&reporter->writer, report);
    mutex_lock(&reporter->lock);
    int result = wait_for_room(reporter, error);
    const char *topic = report->letter != NULL ? NULL : report->origin->topic;
    int32_t partition = report->letter != NULL ? -1 : report->origin->partition;
    if (result == 0 && (letter == NULL || !letter_book_hold(&reporter->book, letter, topic, partition)))
        result = mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a dead letter");
    if (result == 0) {
        queue_append(reporter, letter);
        send_queue(reporter);
    }
    mutex_unlock(&reporter->lock);
    if (result < 0 && letter != NULL) {
        struct outcome outcome = { .letter = letter, .error = error == NULL ? NULL : mr_error_copy(*error) };
        tell(&outcome);
    }
    return result;
}

static int64_t safe_offset(struct reporter *reporter, const char *topic, int32_t partition, int64_t upto)
{
    mutex_lock(&reporter->lock);
    int64_t safe = letter_book_safe_offset(&reporter->book, topic, partition, upto);
    mutex_unlock(&reporter->lock);
    return safe;
}

static int failure(struct reporter *reporter, struct mr_error **error)
{
    mutex_lock(&reporter->lock);
    int result = reporter->failure == NULL ? 0 : copy_failure(reporter, error);
    mutex_unlock(&reporter->lock);
    return result;
}

static bool is_waiting(struct reporter *reporter)
{
    mutex_lock(&reporter->lock);
    bool waiting = reporter->book.pending_count > 0;
    mutex_unlock(&reporter->lock);
    return waiting;
}

static void await(struct reporter *reporter, int64_t deadline_ms)
{
    bool has_time = true;
    mutex_lock(&reporter->lock);
    while (has_time && reporter->book.pending_count > 0 && reporter->failure == NULL && !atomic_load(&reporter->stop->is_cancelled))
        has_time = cond_wait_until_ms(&reporter->changed, &reporter->lock, deadline_ms);
    mutex_unlock(&reporter->lock);
}

static bool has_room(struct reporter *reporter)
{
    mutex_lock(&reporter->lock);
    bool room = reporter->book.pending_count < LETTERS_MAX / 2 && reporter->book.pending_bytes < LETTER_BYTES_MAX / 2;
    mutex_unlock(&reporter->lock);
    return room;
}

static void forget_partition(struct reporter *reporter, const char *topic, int32_t partition)
{
    mutex_lock(&reporter->lock);
    letter_book_forget(&reporter->book, topic, partition);
    mutex_unlock(&reporter->lock);
}

static void stop(struct reporter *reporter)
{
    mutex_lock(&reporter->lock);
    cond_broadcast(&reporter->changed);
    mutex_unlock(&reporter->lock);
}

const struct reporter_ops report_dead_letter = {
    .name = "dead letter",
    .create = create,
    .report = report_letter,
    .destroy = destroy,
    .safe_offset = safe_offset,
    .failure = failure,
    .is_waiting = is_waiting,
    .await = await,
    .has_room = has_room,
    .forget_partition = forget_partition,
    .stop = stop,
};
