/*
 * tolerance: what happens when an operation on a record failed (KIP-298, errors.*).
 *
 * Made for the case that nothing fails: the caller runs the operation itself and comes here only with an error in hand.
 * tolerance_recover then tries again while the error is retriable and errors.retry.timeout allows, and else decides: the
 * record is skipped (errors.tolerance=all) or the task fails. Before either, the failure is reported (report.h): log line,
 * dead letter.
 *
 * Backoff: 300 ms, doubled with each attempt; past errors.retry.delay.max.ms a random time below that; never past the
 * deadline. An error's own hint (mr_error_retry_after_ms) replaces the doubling, not the limits. While it waits the
 * thread is blocked, as in Kafka Connect; tolerance_cancel ends the wait.
 *
 * Never tolerated, whatever is configured: MR_ERR_NO_MEMORY (nothing is wrong with the record), and a cancel.
 *
 * Dead letters. A skipped record whose dead letter is not acknowledged yet must not be committed past: the task asks
 * tolerance_safe_offset before each commit. A letter that cannot be written fails the task (tolerance_letter_failure) and
 * holds its offset back for ever: after the restart the record comes again. Kafka Connect would lose it here. A source task waits
 * for the letter's future (struct operation) before it lets the source offset move.
 *
 * Life: one per task. _create → … → _destroy, which waits for nothing: letters under way end on their own.
 * Threads: the task's, unless said otherwise.
 */
#ifndef ERRORS_TOLERANCE_H
#define ERRORS_TOLERANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/abi.h>

#include "errors/stage.h"

struct client_config;
struct clock;
struct error_counters;
struct failure;
struct mr_arena;
struct mr_error;
struct mr_future;
struct mr_record;
struct operation;
struct producer_pool;
struct record_origin;
struct record_raw_header;
struct tolerance;

#define TOLERANCE_BACKOFF_LEAST_MS 300

struct error_settings {
    int64_t retry_timeout_ms;        /* errors.retry.timeout: 0 none, negative for ever */
    int64_t retry_delay_max_ms;      /* errors.retry.delay.max.ms */
    bool tolerate_all;               /* errors.tolerance=all */
    bool log_enable;                 /* errors.log.enable */
    bool log_messages;               /* errors.log.include.messages */
    bool dead_letter_context;        /* errors.deadletterqueue.context.headers.enable */
    int16_t dead_letter_replication_factor;
    const char *dead_letter_topic;   /* NULL or blank: none. Sinks only */
};
/* The defaults of Kafka Connect. */
#define ERROR_SETTINGS_DEFAULT { .retry_delay_max_ms = 60000, .dead_letter_replication_factor = 3 }

/* Makes the bytes of a record that was never consumed (a task built it itself), to be reported like one that was. Fills
 * topic, partition, timestamp, key, value and headers; memory is the arena's. */
typedef int tolerance_bytes_fn(void *argument, const struct mr_record *record, struct mr_arena *arena,
                               struct record_origin *origin, struct mr_error **error);

/* How bytes of a source record came about. */
#define LETTER_FORM_CONVERTER "converter" /* as the connector's converter makes them */
#define LETTER_FORM_JSON "json"           /* the converter would not: plain JSON without schema */
#define LETTER_FORM_NONE "none"           /* nor can it be JSON: null */

/* What is written of a source record, which has no bytes of its own. All in the arena, or outlives the call. */
struct source_letter {
    const char *topic;  /* NULL: the record names none */
    int32_t partition;  /* of it; -1: not chosen */
    int64_t timestamp_ms; /* -1: none */
    struct mr_bytes key, value;
    const struct record_raw_header *headers;
    uint32_t header_count;
    const char *key_form, *value_form, *headers_form; /* LETTER_FORM_… */
    struct mr_bytes source_partition, source_offset;  /* JSON */
};
/* Makes the letter of a source record that is at work. thread: the task's. */
typedef int tolerance_letter_fn(void *argument, const struct mr_record *record, struct mr_arena *arena,
                                struct source_letter *letter, struct mr_error **error);

struct tolerance_setup {
    const char *connector;                  /* copied */
    uint32_t task;
    const struct error_settings *settings;  /* copied */
    const struct clock *clock;              /* NULL: the real one; outlives the tolerance */
    struct error_counters *counters;        /* metrics/error_counters.h; outlive the tolerance. NULL: its own */
    /* For dead letters; needed when settings name a topic. The configuration: CLIENT_PRODUCER with the client id
     * connector-dlq-producer-NAME-N; a reference is taken. The pool outlives every user. */
    struct producer_pool *producers;
    struct client_config *producer_config;
    /* A letter was acknowledged or failed: there may be more to commit, or a failure. thread: any; must only post. May be
     * called until _destroy returns. NULL: none. */
    void (*wake)(void *argument);
    void *wake_argument;
    /* Told of every failure of an operation that is final, before it is reported: for the dry run. NULL: nobody. */
    void (*failed)(void *argument, const struct operation *operation, const struct mr_error *error);
    void *failed_argument;
    /* For tests: waits in place of the real wait. NULL: the real one. */
    void (*pause)(void *argument, int64_t duration_ms);
    void *pause_argument;
};

struct tolerance *tolerance_create(const struct tolerance_setup *setup, struct mr_error **error);
/* Letters under way are given until the deadline (clock_monotonic_ms) to leave; nobody waits for them here. */
void tolerance_destroy(struct tolerance *tolerance, int64_t deadline_ms);

/* The task is to stop: nobody waits for room for dead letters any more. What would have to wait is not written and fails, and
 * tolerance_was_interrupted says so: nothing is wrong with the task then, and the record comes again. Retries go on, as in
 * Kafka Connect. thread: any. */
void tolerance_stop(struct tolerance *tolerance);
bool tolerance_was_interrupted(const struct tolerance *tolerance);
/* Ends every wait now and for ever; what is waiting fails. For tasks that are abandoned. thread: any. */
void tolerance_cancel(struct tolerance *tolerance);

/* What kind of failure it was that ended the task (base/failure.h), and of which record. false: none of an operation or a report;
 * *failure is left as it was. thread: any. */
bool tolerance_failure(struct tolerance *tolerance, struct failure *failure);
/* A source's record as one that the failure met: known by its source partition and offset. */
void tolerance_add_record(struct failure *failure, const struct mr_record *record);

const struct error_counters *tolerance_counters(const struct tolerance *tolerance);

/* ---- operations ---- */

/* Runs the operation once more, from the state it had before it failed. 0, or -1 and the error. */
typedef int operation_run_fn(void *argument, struct mr_error **error);

struct operation {
    enum stage stage;
    const char *class_name;          /* of the plugin that failed, as users know it */
    const char *alias;               /* of a transform in its chain; NULL: it has none */
    const struct mr_record *record;  /* sink: any with the origin; source: as it was polled */
    operation_run_fn *run;
    void *argument;
    /* Not NULL: with SKIPPED it is given a future that is done when the record's letter is safe, the caller's to drop; NULL where
     * there is nothing to wait for. */
    struct mr_future **letter;
};

enum tolerance_result {
    TOLERANCE_RECOVERED, /* a later attempt worked; *error is NULL again */
    TOLERANCE_SKIPPED,   /* give the record up and go on; *error is NULL again */
    TOLERANCE_FAILED     /* the task fails with *error, which names stage, plugin and the record's place */
};

/* The operation has just failed with `*error`. */
enum tolerance_result tolerance_recover(struct tolerance *tolerance, const struct operation *operation,
                                        struct mr_error **error);
/* Want of memory, and nothing wrong with the record: giving it up would lose it. */
bool tolerance_is_own_trouble(const struct operation *operation, const struct mr_error *error);

/* Is one being retried now, or waits for its next attempt? thread: any. */
bool tolerance_is_retrying(const struct tolerance *tolerance);

/* May an operation be run again at all (errors.retry.timeout is not 0)? If not, nobody needs to be able to undo it. */
bool tolerance_retries(const struct tolerance *tolerance);
bool tolerance_tolerates_all(const struct tolerance *tolerance);

/* Puts in front of *error where it happened: for failures that end the task without asking the policy. */
void tolerance_place_failure(const struct operation *operation, struct mr_error **error);

/* Something failed elsewhere and cannot be tried again here: reported, and 0 when tolerated. Else -1 with the reason
 * wrapped. `future` as in tolerance_report_errant. */
int tolerance_report(struct tolerance *tolerance, const struct operation *operation, const struct mr_error *reason,
                     struct mr_future **future, struct mr_error **error);

/* ---- source tasks ---- */

/* Who makes letters of source records; set before the first report. Without it they get none. */
void tolerance_set_letters(struct tolerance *tolerance, tolerance_letter_fn *letter, void *argument);

/* ---- sink tasks ---- */

/* Is there an errant record reporter for the task (KIP-610): a dead letter topic, or error logging? */
bool tolerance_has_errant_reporter(const struct tolerance *tolerance);

/* Who serializes records that were never consumed; set before the first report. */
void tolerance_set_bytes(struct tolerance *tolerance, tolerance_bytes_fn *bytes, void *argument);

/* What mr_errant_report does: stage TASK_PUT. `*future` (may be NULL) is done when the letter is safe; the caller's to drop.
 * thread: any while put runs. */
int tolerance_report_errant(struct tolerance *tolerance, const struct mr_record *record, const struct mr_error *reason,
                            struct mr_future **future, struct mr_error **error);

/* -1 with the error of a report that was not tolerated, also when the plugin swallowed it. Ask after each put. thread: any. */
int tolerance_errant_failure(struct tolerance *tolerance, struct mr_error **error);

/* -1 when a dead letter could not be written: the task has to fail. Ask before each commit, and when woken. thread: any. */
int tolerance_letter_failure(struct tolerance *tolerance, struct mr_error **error);

/* The offset that may be committed when everything before `upto` is done: at most `upto`, and not past a record whose
 * letter is pending or failed. -1: nothing of this partition may be committed now. thread: any. */
int64_t tolerance_safe_offset(struct tolerance *tolerance, const char *topic, int32_t partition, int64_t upto);

/* Are letters pending that hold offsets back? Then a wake follows. thread: any. */
bool tolerance_is_waiting(struct tolerance *tolerance);

/* Waits for those, until the deadline (clock_monotonic_ms) at most; not after one that could not be written, nor once cancelled. */
void tolerance_await_letters(struct tolerance *tolerance, int64_t deadline_ms);

/* false: so many letters are under way that the next report would have to wait: better read no more records. thread: any. */
bool tolerance_has_room(struct tolerance *tolerance);

/* The partition is no longer the task's: its letters hold nothing back and can no longer fail the task. thread: any. */
void tolerance_forget_partition(struct tolerance *tolerance, const char *topic, int32_t partition);

#endif
