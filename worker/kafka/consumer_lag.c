/* consumer_lag.c: how far reading is behind, by what the brokers' last answers said: nobody is asked for it. */
#include "kafka/consumer_internal.h"

#include "metrics/client_metrics.h"

#include "base/bans.h"

/* -1: not known. */
static int64_t lag_of(const struct consumer *consumer, const struct reader *reader)
{
    int64_t low, high;
    if (rd_kafka_get_watermark_offsets(consumer->rk, reader->topic, reader->partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR || high < 0)
        return -1;
    if (reader->next < 0)   /* nothing was read yet, and the group knew no offset */
        return low >= 0 && high == low ? 0 : -1;
    return high > reader->next ? high - reader->next : 0;
}

int64_t consumer_look_at_lag(struct consumer *consumer, int64_t now_ms)
{
    struct client_lag lags[METRICS_PARTITIONS_MAX];
    size_t shown = 0;
    int64_t total = -1;
    for (size_t i = 0; i < consumer->reader_count; i++) {
        const struct reader *reader = consumer->readers[i];
        int64_t lag = lag_of(consumer, reader);
        if (lag >= 0)
            total = (total < 0 ? 0 : total) + lag;
        if (shown < METRICS_PARTITIONS_MAX)
            lags[shown++] = (struct client_lag){.topic = reader->topic, .partition = reader->partition, .lag = lag};
    }
    client_metrics_set_lags(consumer->metrics, lags, shown, consumer->reader_count - shown, now_ms);
    return total;
}
