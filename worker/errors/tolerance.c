#include "errors/tolerance_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <millrace/host.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define CONNECT_EXCEPTION "org.apache.kafka.connect.errors.ConnectException"
#define NO_REASON "failed without saying why; the plugin has to set an error"

/* Life ------------------------------------------------------------------------------------------------------- */

/* The topic without blanks around it; NULL when nothing is left. false: no memory. */
static bool copy_topic(const char *topic, const char **copy)
{
    *copy = NULL;
    if (topic == NULL)
        return true;
    static const char blanks[] = " \t\r\n\f\v";
    topic += strspn(topic, blanks);
    size_t size = strlen(topic);
    while (size > 0 && strchr(blanks, topic[size - 1]) != NULL)
        size--;
    if (size == 0)
        return true;
    *copy = mem_strndup(topic, size);
    return *copy != NULL;
}

static int fill(struct tolerance *tolerance, const struct tolerance_setup *setup, struct mr_error **error)
{
    tolerance->settings = *setup->settings;
    tolerance->connector = mem_strdup(setup->connector);
    if (!copy_topic(setup->settings->dead_letter_topic, &tolerance->settings.dead_letter_topic) ||
        tolerance->connector == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the error policy of %s", setup->connector);
    const struct reporter_setup reporters = {
        .tolerance = setup,
        .settings = &tolerance->settings,
        .connector = tolerance->connector,
        .counters = tolerance->counters,
        .stop = &tolerance->letter_stop,
    };
    return reporters_init(&tolerance->reporters, &reporters, error);
}

struct tolerance *tolerance_create(const struct tolerance_setup *setup, struct mr_error **error)
{
    struct tolerance *tolerance = mem_calloc(1, sizeof(*tolerance));
    if (tolerance == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the error policy of %s", setup->connector);
        return NULL;
    }
    mutex_init(&tolerance->lock);
    cond_init(&tolerance->changed);
    tolerance->clock = setup->clock;
    tolerance->counters = setup->counters != NULL ? setup->counters : &tolerance->own_counters;
    tolerance->pause = setup->pause;
    tolerance->pause_argument = setup->pause_argument;
    tolerance->failed = setup->failed;
    tolerance->failed_argument = setup->failed_argument;
    tolerance->random = hash_seed(tolerance) | 1;
    if (fill(tolerance, setup, error) < 0) {
        tolerance_destroy(tolerance, 0);
        return NULL;
    }
    return tolerance;
}

void tolerance_destroy(struct tolerance *tolerance, int64_t deadline_ms)
{
    if (tolerance == NULL)
        return;
    reporters_release(&tolerance->reporters, deadline_ms);
    mr_error_drop(tolerance->errant_error);
    cond_destroy(&tolerance->changed);
    mutex_destroy(&tolerance->lock);
    mem_free((char *)tolerance->settings.dead_letter_topic);
    mem_free(tolerance->connector);
    mem_free(tolerance);
}

void tolerance_stop(struct tolerance *tolerance)
{
    atomic_store(&tolerance->letter_stop.is_wanted, true);
    const struct reporters *reporters = &tolerance->reporters;
    for (uint32_t i = 0; i < reporters->count; i++) {
        if (reporters->ops[i]->stop != NULL)
            reporters->ops[i]->stop(reporters->items[i]);
    }
}

bool tolerance_was_interrupted(const struct tolerance *tolerance)
{
    return atomic_load(&tolerance->letter_stop.interrupted);
}

void tolerance_cancel(struct tolerance *tolerance)
{
    atomic_store(&tolerance->cancelled, true);
    atomic_store(&tolerance->letter_stop.is_cancelled, true);
    mutex_lock(&tolerance->lock);
    cond_broadcast(&tolerance->changed);
    mutex_unlock(&tolerance->lock);
    tolerance_stop(tolerance);
}

const struct error_counters *tolerance_counters(const struct tolerance *tolerance)
{
    return tolerance->counters;
}

bool tolerance_retries(const struct tolerance *tolerance)
{
    return tolerance->settings.retry_timeout_ms != 0;
}

bool tolerance_tolerates_all(const struct tolerance *tolerance)
{
    return tolerance->settings.tolerate_all;
}

/* Trying again ----------------------------------------------------------------------------------------------- */

static bool is_cancelled(const struct tolerance *tolerance)
{
    return atomic_load(&tolerance->cancelled);
}

static int64_t random_below(struct tolerance *tolerance, int64_t bound)
{
    if (bound <= 0)
        return 0;
    tolerance->random ^= tolerance->random << 13;
    tolerance->random ^= tolerance->random >> 7;
    tolerance->random ^= tolerance->random << 17;
    return (int64_t)(tolerance->random % (uint64_t)bound);
}

static int64_t backoff_ms(struct tolerance *tolerance, uint32_t attempt, uint32_t hint_ms, int64_t left_ms)
{
    int64_t most_ms = tolerance->settings.retry_delay_max_ms;
    int64_t delay_ms = attempt > 32 ? INT64_MAX : (int64_t)TOLERANCE_BACKOFF_LEAST_MS << (attempt - 1);
    if (hint_ms > 0)
        delay_ms = hint_ms < most_ms ? hint_ms : most_ms;
    else if (delay_ms > most_ms)
        delay_ms = random_below(tolerance, most_ms);
    return delay_ms < left_ms ? delay_ms : left_ms;
}

static void wait_ms(struct tolerance *tolerance, int64_t duration_ms)
{
    if (tolerance->pause != NULL) {
        tolerance->pause(tolerance->pause_argument, duration_ms);
        return;
    }
    int64_t until_ms = deadline_after_ms(duration_ms);
    mutex_lock(&tolerance->lock);
    while (!is_cancelled(tolerance) && cond_wait_until_ms(&tolerance->changed, &tolerance->lock, until_ms))
        continue;
    mutex_unlock(&tolerance->lock);
}

bool tolerance_is_retrying(const struct tolerance *tolerance)
{
    return atomic_load_explicit(&tolerance->is_retrying, memory_order_relaxed);
}

enum retried { RETRIED_WORKED, RETRIED_FAILED, RETRIED_CANCELLED };

static enum retried retry(struct tolerance *tolerance, const struct operation *operation, struct mr_error **error)
{
    int64_t timeout_ms = tolerance->settings.retry_timeout_ms;
    int64_t until_ms = timeout_ms < 0 ? INT64_MAX : clock_monotonic_ms(tolerance->clock) + timeout_ms;
    for (uint32_t attempt = 1; mr_error_is_retriable(*error); attempt++) {
        counter_add(&tolerance->counters->record_failures);
        int64_t now_ms = clock_monotonic_ms(tolerance->clock);
        if (now_ms >= until_ms || operation->run == NULL)
            return RETRIED_FAILED;
        wait_ms(tolerance, backoff_ms(tolerance, attempt, mr_error_retry_after_ms(*error), until_ms - now_ms));
        counter_add(&tolerance->counters->retries);
        if (is_cancelled(tolerance))
            return RETRIED_CANCELLED;
        mr_error_clear(error);
        if (operation->run(operation->argument, error) == 0)
            return RETRIED_WORKED;
        mr_error_set(error, MR_ERR_CONNECT, "%s " NO_REASON, operation->class_name);
    }
    return RETRIED_FAILED;
}

/* Giving up -------------------------------------------------------------------------------------------------- */

void tolerance_note_failure(struct tolerance *tolerance)
{
    counter_add(&tolerance->counters->record_failures);
    atomic_store_explicit(&tolerance->counters->last_error_ms, clock_wall_ms(tolerance->clock), memory_order_relaxed);
}

static int wrap(struct mr_error **error, const char *sentence)
{
    mr_error_wrap(error, "%s", sentence);
    mr_error_set_class_name(*error, CONNECT_EXCEPTION);
    return -1;
}

bool tolerance_is_own_trouble(const struct operation *operation, const struct mr_error *error)
{
    int failure = operation->record == NULL ? ARENA_NO_MEMORY : operation->record->batch->arena.failure;
    if (failure == ARENA_RECORD_AT_LIMIT) /* whatever the plugin calls it: other records fit */
        return false;
    return mr_error_code(error) == MR_ERR_NO_MEMORY || failure == ARENA_AT_LIMIT;
}

enum tolerance_result tolerance_recover(struct tolerance *tolerance, const struct operation *operation,
                                        struct mr_error **error)
{
    mr_error_set(error, MR_ERR_CONNECT, "%s " NO_REASON, operation->class_name);
    atomic_store_explicit(&tolerance->is_retrying, true, memory_order_relaxed);
    enum retried retried = retry(tolerance, operation, error);
    atomic_store_explicit(&tolerance->is_retrying, false, memory_order_relaxed);
    if (retried == RETRIED_WORKED)
        return TOLERANCE_RECOVERED;
    if (retried == RETRIED_CANCELLED) {
        wrap(error, "The task was cancelled while it tried again");
        return TOLERANCE_FAILED;
    }
    tolerance_note_failure(tolerance);
    if (tolerance->failed != NULL)
        tolerance->failed(tolerance->failed_argument, operation, *error);
    const struct report report = report_of(operation, *error);
    if (tolerance_is_own_trouble(operation, *error)) {
        tolerance_note_failed(tolerance, &report, FAILURE_MEMORY);
        tolerance_add_place(&report, error);
        wrap(error, "Unhandled exception in error handler");
        return TOLERANCE_FAILED;
    }
    counter_add(&tolerance->counters->record_errors);
    struct mr_error *lost = NULL;
    struct mr_future *letter = NULL;
    if (tolerance_tell_then(tolerance, &report, operation->letter == NULL ? NULL : &letter, &lost) < 0) {
        tolerance_note_failed(tolerance, &report, FAILURE_DEAD_LETTERS);
        mr_error_clear(error);
        *error = lost;
        return TOLERANCE_FAILED;
    }
    if (!tolerance->settings.tolerate_all) {
        mr_future_drop(letter);
        tolerance_note_failed(tolerance, &report, tolerance_kind_of(*error));
        tolerance_exceeded(&report, error);
        return TOLERANCE_FAILED;
    }
    counter_add(&tolerance->counters->records_skipped);
    mr_error_clear(error);
    if (operation->letter != NULL)
        *operation->letter = letter;
    return TOLERANCE_SKIPPED;
}
