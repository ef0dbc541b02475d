/*
 * producer_transaction: what a user of a transactional producer sends, in transactions (KIP-98). A user has such a producer when its
 * client_config has a transactional.id: then nobody else is a user of it.
 *
 * Life: producer_user_open → producer_transactions_init → (_begin → producer_send … → _commit or _abort)… → producer_user_close,
 * which leaves a transaction that is open to the brokers: the next _init of the id, or its time-out, ends it.
 * Nothing may be sent outside a transaction, nor while _commit or _abort has not come to an end.
 *
 * Other than with ordinary producers (producer.h) nothing is ever to be sent again: what comes back as PRODUCER_FAILED or
 * PRODUCER_NOT_SENT fails the transaction, on_swapped never comes. After a fatal error on_fatal comes once, and everything outstanding
 * comes back.
 *
 * thread: one call at a time. _init, _commit and _abort wait for the brokers until the deadline (clock_monotonic_ms): jobs; _commit for
 * everything outstanding as well. Deliveries are told meanwhile, on the producer's thread.
 */
#ifndef KAFKA_PRODUCER_TRANSACTION_H
#define KAFKA_PRODUCER_TRANSACTION_H

#include <stdint.h>

struct mr_error;
struct producer_user;

/* What a call came to. All but DONE set the error. */
enum producer_transaction {
    PRODUCER_TRANSACTION_DONE,
    PRODUCER_TRANSACTION_AGAIN,  /* not yet: the same call again, as often as wanted */
    PRODUCER_TRANSACTION_ABORT,  /* _abort undoes it, then the next may begin */
    PRODUCER_TRANSACTION_FENCED, /* another producer has the id now: close */
    PRODUCER_TRANSACTION_FAILED  /* close */
};

/* Shuts out all earlier producers of the id; what they had begun is undone. FAILED with MR_ERR_NOT_SUPPORTED: the brokers have no
 * transactions, or none for this user (words name the id). */
enum producer_transaction producer_transactions_init(struct producer_user *user, int64_t deadline_ms, struct mr_error **error);
/* Does not wait. thread: the user's. */
enum producer_transaction producer_transaction_begin(struct producer_user *user, struct mr_error **error);
enum producer_transaction producer_transaction_commit(struct producer_user *user, int64_t deadline_ms, struct mr_error **error);
enum producer_transaction producer_transaction_abort(struct producer_user *user, int64_t deadline_ms, struct mr_error **error);

#endif
