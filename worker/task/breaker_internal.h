/*
 * breaker: how long a target that fails is left alone. For sink_task*.c.
 *
 *   CLOSED ──5 failures in a row──→ OPEN ──its time is over──→ PROBING ──it works──→ CLOSED
 *                                     ↑───────it fails again──────┘
 *
 * CLOSED: a failure is followed by another try after a backoff that doubles from SINK_RETRY_LEAST_MS. OPEN: nothing is tried for
 * SINK_BREAKER_LEAST_MS, doubled up to SINK_BREAKER_MOST_MS from probe to probe. The probe is the put that is due anyway, of the same
 * records: Kafka Connect's rules of redelivery stay. Of its own times up to a quarter is taken off at random, so that tasks that failed
 * together do not come back together; a time that the target or the plugin gives is kept to the letter.
 *
 * Life: embedded, _init. thread: its owner's.
 */
#ifndef TASK_BREAKER_INTERNAL_H
#define TASK_BREAKER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/task_health.h"

struct breaker {
    enum task_breaker state;
    uint32_t failures; /* in a row */
    uint64_t random;
};

void breaker_init(struct breaker *breaker, uint64_t seed);
/* It failed. `hint_ms`: the time that the target or the plugin gives; 0: none. How long to wait. */
uint32_t breaker_failed(struct breaker *breaker, uint32_t hint_ms);
/* It is tried again. */
void breaker_tries(struct breaker *breaker);
/* It worked. true: it had been OPEN. */
bool breaker_worked(struct breaker *breaker);

#endif
