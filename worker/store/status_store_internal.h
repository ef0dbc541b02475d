/*
 * status_store, from inside: what its makes hand in and what they call.
 *
 * A put becomes a status_message. It is sent at once; when that fails for a passing reason it waits for the store's
 * resend thread, unless a newer message for its key exists: so at most one message a key waits, however long the topic
 * is away. What is on its way is bounded by the log (COMPACTED_LOG_PENDING_BYTES_MAX): beyond it messages wait as well.
 */
#ifndef STORE_STATUS_STORE_INTERNAL_H
#define STORE_STATUS_STORE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/record_text_internal.h"
#include "store/status_store.h"

struct clock;

#define STATUS_RESEND_DELAY_MS 250

/* Told once: NULL, or why not (lent). Any thread, no lock held. */
typedef void status_sent_fn(void *argument, const struct mr_error *error);

/* Where records go. Nothing here waits but refresh. */
struct status_log {
    /* Copies the record. -1: not taken, `sent` is not called. MR_ERR_RETRIABLE and MR_ERR_TIMEOUT, here or by `sent`:
     * the store sends again; everything else: it gives up. */
    int (*send)(void *argument, const struct store_record *record, status_sent_fn *sent, void *sent_argument,
                struct mr_error **error);
    int (*refresh)(void *argument, int64_t deadline_ms, struct mr_error **error);
    void (*destroy)(void *argument);   /* may be NULL */
};

/* The argument becomes the store's, when it was made. clock NULL: the real one. */
struct status_store *status_store_create(const struct status_log *log, void *argument, const struct clock *clock,
                                         struct mr_error **error);

/* A record was read. thread: any, one at a time. */
void status_store_feed(struct status_store *store, struct mr_bytes key, struct mr_bytes value);

#endif
