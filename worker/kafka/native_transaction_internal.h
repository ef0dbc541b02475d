/* native_transaction: what librdkafka says of transactions, in our words. For the files of this room; thread: any. */
#ifndef KAFKA_NATIVE_TRANSACTION_INTERNAL_H
#define KAFKA_NATIVE_TRANSACTION_INTERNAL_H

#include "kafka/native_internal.h"

/* "transactional id ID: words". Consumes `native`; NULL is success: returns 0, else -1. MR_ERR_NOT_SUPPORTED: the brokers have no
 * transactions, or do not let this user have any with this id. */
int native_transaction_error_take(struct mr_error **error, rd_kafka_t *rk, const char *transactional_id, rd_kafka_error_t *native);

#endif
