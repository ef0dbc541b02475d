/*
 * token_keeper: the token that counts now, and when to ask for the next one. No clock and no thread: it is told the time
 * (clock_boottime_ms, which goes on while the machine sleeps and never jumps) and a number drawn by lot.
 *
 * Ahead of the end, as Kafka's own login thread: after window_factor of its life, and up to window_jitter more by lot, so that the workers of
 * a cluster do not ask all at once; not within min_period of the last time, and buffer before the end at the latest, unless both do not
 * fit into its life. After a failure: backoff, twice that, … backoff_max, a fifth more or less by lot; what may not work at all waits
 * backoff_max at once. Whoever answers "retry after" is waited for, KEEPER_RETRY_AFTER_MAX_MS at most.
 * One thread at a time.
 */
#ifndef IDENTITY_TOKEN_KEEPER_H
#define IDENTITY_TOKEN_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "identity/token.h"
#include "identity/token_settings.h"

#define KEEPER_RETRY_AFTER_MAX_MS 300000
#define KEEPER_DOUBT_MS 10000 /* a token that is younger, and in the first half of its life, is not asked for again when one is refused */
#define KEEPER_FLIGHT_MS 3000 /* so long after it came, or a quarter of its life, it may have been the former one that was refused */

struct token_keeper {
    struct token_rules rules;
    struct token *token; /* the last one, which may have ended; NULL: none yet */
    int64_t due_ms;      /* when to ask */
    uint32_t failures;   /* in a row */
    bool has_former;     /* there was one before it */
    bool is_hopeless;    /* the last failure will not pass by itself */
};

void token_keeper_init(struct token_keeper *keeper, const struct token_rules *rules, int64_t now_ms); /* due at once */
void token_keeper_release(struct token_keeper *keeper);

bool token_keeper_counts(const struct token_keeper *keeper, int64_t now_ms); /* there is a token that has not ended */

/* `token` becomes the keeper's. chance: from 0 to 1. */
void token_keeper_put(struct token_keeper *keeper, struct token *token, int64_t now_ms, double chance);
/* retry_after_ms: 0: not said. */
void token_keeper_failed(struct token_keeper *keeper, bool is_hopeless, int64_t retry_after_ms, int64_t now_ms, double chance);

/* Somebody has refused a token: is another one here since, on its way, or due at once now? false: it is so new that another would be no
 * better. */
bool token_keeper_doubt(struct token_keeper *keeper, int64_t now_ms);

#endif
