/*
 * token_source: tokens for whoever subscribes: one source, one request, one token for all who have the same settings (token_settings.h).
 *
 * A source asks for its first token when somebody subscribes, and for the next ahead of its end (token_keeper.h); each is told to all
 * subscribers. When nobody subscribes any more it asks no more, but keeps its token until that ends: a client that opens a moment later
 * has it at once. SOURCES_IDLE_MAX such sources are kept, the one that was left first goes first.
 *
 * The sources of the process stand in one table: clients are opened from everywhere, and are to share.
 * thread: any. locks: the table's, and one per source; a subscriber is told under the latter, by the source's thread or in
 * token_subscribe; it must not wait, nor call back.
 */
#ifndef IDENTITY_TOKEN_SOURCE_H
#define IDENTITY_TOKEN_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "identity/token.h"
#include "identity/token_fetch.h"

#define SOURCES_IDLE_MAX 64

struct mr_error;
struct string_map;
struct token_subscription;

struct token_listener {
    /* left_ms: for how long it counts. The token is the source's: take it to keep it. */
    void (*on_token)(void *argument, const struct token *token, int64_t left_ms);
    /* There is none that counts, and this is why there is no other. */
    void (*on_failure)(void *argument, const struct token_failure *failure);
};

/* The listener lives as long as the subscription. NULL: MR_ERR_CONFIG, MR_ERR_NO_MEMORY, MR_ERR_CONNECT (no thread). */
struct token_subscription *token_subscribe(const struct string_map *settings, const struct token_listener *listener, void *argument,
                                           struct mr_error **error);
/* Afterwards nothing more is told. NULL is fine. A request that is under way for the last one is given up. */
void token_unsubscribe(struct token_subscription *subscription);

/* There is no token that counts now, and that may pass by itself. */
bool token_is_lacking(struct token_subscription *subscription);
/* Somebody refused the token. true: another one is asked for, or on its way; false: it was quite new, or none will come. */
bool token_doubt(struct token_subscription *subscription);

/* For tests: how tokens are got instead of token_fetch; NULL: that again. Before anybody subscribes. */
typedef struct token *token_fetch_fn(struct token_http *http, const struct token_settings *settings, const struct clock *clock,
                                     int64_t *skew_s, struct token_failure *failure);
void token_sources_fetch_with(token_fetch_fn *fetch);
/* Sources that nobody uses are forgotten, with their tokens: at the end of a process, and between tests. */
void token_sources_forget(void);

#endif
