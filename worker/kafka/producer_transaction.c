#include "kafka/producer_transaction.h"

#include <assert.h>

#include "kafka/native_transaction_internal.h"
#include "kafka/producer_internal.h"

#include "base/bans.h"

#define LONGEST_MS 600000

/* A transactional handle stays as long as its user: it is not swapped. */
static rd_kafka_t *handle_of(const struct producer_user *user)
{
    assert(user->producer->transactional_id != NULL);
    return user->producer->handle->rk;
}

static bool is_fenced(const rd_kafka_t *rk)
{
    rd_kafka_resp_err_t code = rd_kafka_fatal_error((rd_kafka_t *)(uintptr_t)rk, NULL, 0);
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* Consumes `native`; NULL: done. */
static enum producer_transaction come_to(const struct producer_user *user, rd_kafka_error_t *native, struct mr_error **error)
{
    rd_kafka_t *rk = handle_of(user);
    enum producer_transaction result = PRODUCER_TRANSACTION_FAILED;
    if (native == NULL)
        return PRODUCER_TRANSACTION_DONE;
    if (rd_kafka_fatal_error(rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR || rd_kafka_error_is_fatal(native))
        result = is_fenced(rk) ? PRODUCER_TRANSACTION_FENCED : PRODUCER_TRANSACTION_FAILED;
    else if (rd_kafka_error_txn_requires_abort(native))
        result = PRODUCER_TRANSACTION_ABORT;
    else if (rd_kafka_error_is_retriable(native) || rd_kafka_error_code(native) == RD_KAFKA_RESP_ERR__TIMED_OUT)
        result = PRODUCER_TRANSACTION_AGAIN;
    native_transaction_error_take(error, rk, user->producer->transactional_id, native);
    return result;
}

enum producer_transaction producer_transactions_init(struct producer_user *user, int64_t deadline_ms, struct mr_error **error)
{
    return come_to(user, rd_kafka_init_transactions(handle_of(user), native_timeout_ms(deadline_ms, LONGEST_MS)), error);
}

enum producer_transaction producer_transaction_begin(struct producer_user *user, struct mr_error **error)
{
    return come_to(user, rd_kafka_begin_transaction(handle_of(user)), error);
}

enum producer_transaction producer_transaction_commit(struct producer_user *user, int64_t deadline_ms, struct mr_error **error)
{
    return come_to(user, rd_kafka_commit_transaction(handle_of(user), native_timeout_ms(deadline_ms, LONGEST_MS)), error);
}

enum producer_transaction producer_transaction_abort(struct producer_user *user, int64_t deadline_ms, struct mr_error **error)
{
    return come_to(user, rd_kafka_abort_transaction(handle_of(user), native_timeout_ms(deadline_ms, LONGEST_MS)), error);
}
