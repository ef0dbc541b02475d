/* error.h: an error is an object: a code, words, whether it may be tried again.
 *
 * A failing function fills `*error` with a new object when `error` is not NULL and `*error` is NULL, and returns -1.
 * The caller owns it: hand it on by returning -1 as well, or end it with mr_error_drop. An `*error` that is already
 * set keeps its first reason. When memory is short the object is a static one that says so: creating an error never
 * fails.
 *
 * The code decides what the worker does (shared policy with Kafka Connect's exception classes, KIP-298):
 *  MR_ERR_DATA       this record is bad: goes to the error tolerance (skip, dead letter, or fail the task)
 *  MR_ERR_CONFIG     the configuration is refused
 *  MR_ERR_RETRIABLE  the same call may work later; retry_after_ms may say when
 *  MR_ERR_CONNECT    everything else that ends the task (FAILED, with the words as its trace)
 *
 * Thread: an error object belongs to one thread at a time.
 */
#ifndef MILLRACE_ERROR_H
#define MILLRACE_ERROR_H

#include <millrace/abi.h>
#include <stdarg.h>

MR_BEGIN_DECLS

enum mr_error_code {
    MR_ERR_CONNECT = 1,       /* org.apache.kafka.connect.errors.ConnectException */
    MR_ERR_DATA = 2,          /* org.apache.kafka.connect.errors.DataException */
    MR_ERR_CONFIG = 3,        /* org.apache.kafka.common.config.ConfigException */
    MR_ERR_RETRIABLE = 4,     /* org.apache.kafka.connect.errors.RetriableException */
    MR_ERR_NOT_SUPPORTED = 5, /* java.lang.UnsupportedOperationException */
    MR_ERR_NOT_FOUND = 6,     /* org.apache.kafka.connect.errors.NotFoundException */
    MR_ERR_NO_MEMORY = 7,     /* java.lang.OutOfMemoryError */
    MR_ERR_TIMEOUT = 8,       /* org.apache.kafka.common.errors.TimeoutException */
    MR_ERR_CONFLICT = 9,      /* stale or fenced: somebody else has taken over */
    MR_ERR_ILLEGAL_STATE = 10 /* java.lang.IllegalStateException: called at the wrong time */
};

struct mr_error;

/* Always returns -1, so that `return mr_error_set(error, …)` reads as one thought. Messages are cut at 16 KiB, a chain of
 * causes at 32. Never write a password, a token or the content of a record into one: they end in logs, status and topics. */
MR_EXPORT int mr_error_set(struct mr_error **error, enum mr_error_code code, const char *format, ...) MR_PRINTF(3, 4);
MR_EXPORT int mr_error_set_v(struct mr_error **error, enum mr_error_code code, const char *format, va_list args);

/* Puts a sentence in front and keeps the old error as cause; does nothing when `*error` is NULL. Returns -1.
 * The code and the retry hint stay those of the cause. */
MR_EXPORT int mr_error_wrap(struct mr_error **error, const char *format, ...) MR_PRINTF(2, 3);

/* Of a retriable error: when to try again, counted from now. 0 = the caller's own backoff. NULL is fine here and below.
 * 1, of a sink's put: at once, since it got on with the records and only has to go on: the worker counts it as no failure. */
MR_EXPORT void mr_error_set_retry_after_ms(struct mr_error *error, uint32_t retry_after_ms);
/* The exception class that monitoring and dead letter tools see; without it (or without memory for it) the class follows
 * from the code. */
MR_EXPORT void mr_error_set_class_name(struct mr_error *error, const char *class_name);

/* Reading. `error` is not NULL; texts live as long as it does. */
MR_EXPORT enum mr_error_code mr_error_code(const struct mr_error *error);
MR_EXPORT const char *mr_error_message(const struct mr_error *error); /* without its causes */
MR_EXPORT const char *mr_error_class_name(const struct mr_error *error);
/* MR_ERR_RETRIABLE only: as in Kafka Connect, Kafka's own retriable errors (MR_ERR_TIMEOUT) do not count here. */
MR_EXPORT bool mr_error_is_retriable(const struct mr_error *error);
MR_EXPORT uint32_t mr_error_retry_after_ms(const struct mr_error *error);
MR_EXPORT const struct mr_error *mr_error_cause(const struct mr_error *error); /* NULL: none */
/* "Class: message\nCaused by: Class: message\n…", cut at `size` as snprintf does; returns the length it would have had. */
MR_EXPORT size_t mr_error_trace(const struct mr_error *error, char *text, size_t size);

MR_EXPORT struct mr_error *mr_error_copy(const struct mr_error *error); /* with its causes; never NULL, but for NULL */
MR_EXPORT void mr_error_drop(struct mr_error *error);
/* Drops `*error` and sets it to NULL. */
MR_EXPORT void mr_error_clear(struct mr_error **error);

MR_END_DECLS
#endif
