/* tolerance_internal: the state of a tolerance, for tolerance.c (operations) and sink_tolerance.c (what sink tasks ask). */
#ifndef ERRORS_TOLERANCE_INTERNAL_H
#define ERRORS_TOLERANCE_INTERNAL_H

#include "base/failure.h"
#include "base/thread.h"
#include "errors/report.h"
#include "errors/tolerance.h"
#include "metrics/error_counters.h"
#include "sdk/record_layout.h"

struct tolerance {
    struct error_settings settings; /* the topic's name is ours */
    char *connector;
    const struct clock *clock;
    void (*pause)(void *argument, int64_t duration_ms);
    void *pause_argument;
    void (*failed)(void *argument, const struct operation *operation, const struct mr_error *error);
    void *failed_argument;
    struct error_counters own_counters, *counters;
    struct reporters reporters;
    uint64_t random;               /* the task's thread */
    _Atomic bool cancelled, is_retrying;
    struct letter_stop letter_stop;
    pthread_mutex_t lock;          /* guards all below, and waits for a cancel */
    pthread_cond_t changed;
    tolerance_letter_fn *letter;   /* the task's thread */
    void *letter_argument;
    tolerance_bytes_fn *bytes;     /* called under the lock: converters serve one thread at a time */
    void *bytes_argument;
    struct mr_error *errant_error; /* the first report that was not tolerated */
    struct failure failure;        /* the first that ends the task */
};

/* Counts a failure that is final. */
void tolerance_note_failure(struct tolerance *tolerance);
/* tell.c: runs the reporters; makes the letter of a source record where one is to be written. -1: the report got lost. */
int tolerance_tell(struct tolerance *tolerance, const struct report *report, struct mr_error **error);
/* The same, with a future where a letter was written and somebody wants to wait for it (`future` may be NULL). */
int tolerance_tell_then(struct tolerance *tolerance, const struct report *report, struct mr_future **future,
                        struct mr_error **error);
/* failed_at.c: puts in front of *error where it happened: stage, plugin, and the record's place. */
void tolerance_add_place(const struct report *report, struct mr_error **error);
/* The task fails for it: remembers the kind and the record. */
void tolerance_note_failed(struct tolerance *tolerance, const struct report *report, enum failure_kind kind);
/* Of an operation that failed for good: a record is at fault, unless the error says that something did not answer. */
enum failure_kind tolerance_kind_of(const struct mr_error *error);
/* That and Kafka Connect's sentence. Returns -1. */
int tolerance_exceeded(const struct report *report, struct mr_error **error);

static inline struct report report_of(const struct operation *operation, const struct mr_error *error)
{
    return (struct report){.stage = operation->stage,
                           .class_name = operation->class_name,
                           .alias = operation->alias,
                           .error = error,
                           .record = operation->record,
                           .origin = operation->record == NULL ? NULL : record_origin(operation->record)};
}

static inline void counter_add(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
