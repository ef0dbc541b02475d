#include "kafka/native_transaction_internal.h"

#include <stdio.h>

#include "base/bans.h"

static bool is_denied(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
           code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

int native_transaction_error_take(struct mr_error **error, rd_kafka_t *rk, const char *transactional_id, rd_kafka_error_t *native)
{
    char words[256];
    if (native == NULL)
        return 0;
    /* After a fatal error only that one tells why. */
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(rk, words, sizeof words);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = rd_kafka_error_code(native);
        snprintf(words, sizeof words, "%s", rd_kafka_error_string(native));
    }
    mr_error_set(error, is_denied(code) ? MR_ERR_NOT_SUPPORTED : native_error_code(code), "transactional id %s: %s",
                 transactional_id, words);
    rd_kafka_error_destroy(native);
    return -1;
}
