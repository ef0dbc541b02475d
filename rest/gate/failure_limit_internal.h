/*
 * failure_limit: how long must this user, from this address, wait before the next password is looked at? (gate.h)
 *
 * Counted are failures of a user from one address, and from anywhere; the latter delay, for a shorter while, whoever comes from an address
 * where that user has not logged in within GATE_HOME_MS.
 * Fixed tables: no name is kept, only a keyed digest of user and address; where it is full the pair with the fewest failures makes
 * room, so that made-up names push out each other and not the one that is guessed at. `address` is a network (base/network.h).
 * thread: any. locks: its own.
 */
#ifndef GATE_FAILURE_LIMIT_INTERNAL_H
#define GATE_FAILURE_LIMIT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#define FAILURE_BUCKETS 1024
#define FAILURE_WAYS 4

struct clock;
struct failure_limit;

struct failure_limit *failure_limit_create(const struct clock *clock); /* NULL: no memory or no random bytes */
void failure_limit_destroy(struct failure_limit *limit);

/* 0: now. */
int64_t failure_limit_wait_ms(struct failure_limit *limit, const char *user, const char *address);
/* Has that user logged in from there within GATE_HOME_MS? */
bool failure_limit_is_home(struct failure_limit *limit, const char *user, const char *address);
/* true: it is the one from which on there are delays for this user from there. */
bool failure_limit_failed(struct failure_limit *limit, const char *user, const char *address);
void failure_limit_succeeded(struct failure_limit *limit, const char *user, const char *address);

#endif
