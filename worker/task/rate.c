#include "task/rate_internal.h"

#include "base/bans.h"

/* A second's worth, and at least one record or byte. */
static double room(const struct bucket *bucket)
{
    return bucket->per_second < 1 ? 1 : bucket->per_second;
}

static struct bucket bucket_full(double per_second)
{
    struct bucket bucket = {.per_second = per_second > 0 ? per_second : 0};

    bucket.level = room(&bucket);
    return bucket;
}

void rate_init(struct rate *rate, double records_per_second, double bytes_per_second, int64_t now_us)
{
    *rate = (struct rate){
        .records = bucket_full(records_per_second), .bytes = bucket_full(bytes_per_second), .filled_us = now_us};
}

static void fill(struct bucket *bucket, double seconds)
{
    double most = room(bucket);

    bucket->level += bucket->per_second * seconds;
    if (bucket->level > most)
        bucket->level = most;
}

/* Until there is one; rounded up, so that it is there then. */
static int64_t until_one_ms(const struct bucket *bucket)
{
    double ms;

    if (bucket->per_second <= 0 || bucket->level >= 1)
        return 0;
    ms = (1 - bucket->level) / bucket->per_second * 1000;
    return ms >= (double)INT32_MAX ? INT32_MAX : (int64_t)ms + 1;
}

int64_t rate_wait_ms(struct rate *rate, int64_t now_us)
{
    double seconds = (double)(now_us - rate->filled_us) / 1e6;
    int64_t records_ms, bytes_ms;

    if (rate->records.per_second <= 0 && rate->bytes.per_second <= 0)
        return 0;
    rate->filled_us = now_us;
    fill(&rate->records, seconds);
    fill(&rate->bytes, seconds);
    records_ms = until_one_ms(&rate->records);
    bytes_ms = until_one_ms(&rate->bytes);
    return records_ms > bytes_ms ? records_ms : bytes_ms;
}

/* How often `each` is in the bucket, at least once. */
static size_t times(const struct bucket *bucket, double each)
{
    if (bucket->per_second <= 0 || bucket->level / each >= (double)INT64_MAX)
        return SIZE_MAX;
    return bucket->level < each ? 1 : (size_t)(bucket->level / each);
}

size_t rate_records(const struct rate *rate, uint64_t record_bytes)
{
    size_t by_records = times(&rate->records, 1);
    size_t by_bytes = record_bytes == 0 ? SIZE_MAX : times(&rate->bytes, (double)record_bytes);

    return by_records < by_bytes ? by_records : by_bytes;
}

void rate_take(struct rate *rate, size_t records, uint64_t bytes)
{
    if (rate->records.per_second > 0)
        rate->records.level -= (double)records;
    if (rate->bytes.per_second > 0)
        rate->bytes.level -= (double)bytes;
}
