/* attempts: how often the requests at the heads of partitions have failed in a row. Known by the first record of the request; the
 * counts of a partition begin anew when another record is first, and end when one is taken. At most ATTEMPTS_MAX partitions: a
 * further one takes the place of the longest known. Thread: the task's. */
#ifndef HTTP_SINK_ATTEMPTS_H
#define HTTP_SINK_ATTEMPTS_H

#include <stddef.h>
#include <stdint.h>

#include "delivered.h"

#define ATTEMPTS_MAX 64u

struct attempt {
    char topic[256];
    int32_t partition;
    int64_t offset;
    uint32_t failed, throttled;
};

struct attempts {
    struct attempt *items; /* NULL: nothing has failed yet */
    size_t count;
};

/* That of the place, made if need be. NULL: no memory. */
struct attempt *attempts_of(struct attempts *attempts, const struct delivered_place *place);
void attempts_forget(struct attempts *attempts, const struct delivered_place *place);
void attempts_release(struct attempts *attempts);

/* base_ms, doubled per failure where it grows, at most most_ms; less up to a half of it by chance (`dice`: any number), so that tasks do
 * not come back all at once. */
uint32_t attempts_delay_ms(uint32_t base_ms, uint32_t most_ms, uint32_t failures, int grows, uint32_t dice);

#endif
