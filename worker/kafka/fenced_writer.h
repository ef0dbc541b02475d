/*
 * fenced_writer: records into one topic, or several, each call one transaction. Whoever opens a writer shuts out all earlier writers of its
 * transactional id, wherever they are: what they have begun is aborted, what they try to write is refused by the brokers
 * (KIP-98). A reader that reads committed records sees all of a call or nothing.
 *
 * Life cycle: _open → _write … → _close. One writer is used by one thread at a time; it has no thread of its own.
 * A writer whose transaction the brokers did not take is of no use any more and only to be closed: it may be shut out, nobody may be
 * able to tell whether it was committed, and librdkafka does not always go on after an abort. The next _open settles what it left.
 * Deadlines are absolute on clock_monotonic_ms(NULL).
 */
#ifndef KAFKA_FENCED_WRITER_H
#define KAFKA_FENCED_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/abi.h>

struct client_config;
struct fenced_writer;
struct graveyard;
struct mr_error;

/* The brokers abort a transaction that takes longer; so long a reader may have to wait for what comes after one whose writer died, when
 * no other one is opened. */
#define FENCED_WRITER_TRANSACTION_MS 15000

struct fenced_writer_setup {
    struct client_config *config; /* CLIENT_INTERNAL_PRODUCER, CLIENT_PRODUCER; only read by _open */
    struct graveyard *graveyard;  /* where the handle ends; NULL: _close destroys it itself */
    const char *transactional_id;
    const char *topic; /* exists */
};

/* Waits until the brokers have shut out the others. NULL: MR_ERR_NOT_SUPPORTED: they have no transactions, or none for this user (words
 * say which); MR_ERR_TIMEOUT, MR_ERR_RETRIABLE: later, perhaps; MR_ERR_CONFLICT: another one was opened meanwhile. */
struct fenced_writer *fenced_writer_open(const struct fenced_writer_setup *setup, int64_t deadline_ms,
                                         struct mr_error **error);
void fenced_writer_close(struct fenced_writer *writer); /* NULL is fine; never waits where there is a graveyard */

struct fenced_writer_header {
    const char *name;
    struct mr_bytes value; /* data NULL: null */
};

struct fenced_writer_entry {
    struct mr_bytes key;
    struct mr_bytes value; /* data NULL: tombstone */
    const char *topic;     /* NULL: the writer's, and what follows is of no account */
    int32_t partition;     /* -1: by key, as Java's default partitioner */
    int64_t timestamp_ms;  /* -1: now; so is 0, to librdkafka */
    const struct fenced_writer_header *headers;
    size_t header_count;
};

struct fenced_writer_place {
    int32_t partition;
    int64_t offset;
};

/* Returns when the transaction is committed; `last` is where the last entry landed, if all were for the
 * writer's topic. -1: MR_ERR_DATA: an entry is too large, or another topic than the writer's may not be written to, nothing was
 * written; MR_ERR_CONFLICT: shut out, nothing was written; MR_ERR_TIMEOUT: it may have been committed; others: nothing was written.
 * `count` > 0. */
int fenced_writer_write(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count,
                        int64_t deadline_ms, struct fenced_writer_place *last, struct mr_error **error);
bool fenced_writer_is_usable(const struct fenced_writer *writer);

#endif
