#include "identity/token_keeper.h"

#include <stddef.h>

#include "base/bans.h"

void token_keeper_init(struct token_keeper *keeper, const struct token_rules *rules, int64_t now_ms)
{
    *keeper = (struct token_keeper){.rules = *rules, .due_ms = now_ms};
}

void token_keeper_release(struct token_keeper *keeper)
{
    token_drop(keeper->token);
    keeper->token = NULL;
}

bool token_keeper_counts(const struct token_keeper *keeper, int64_t now_ms)
{
    return keeper->token != NULL && now_ms < keeper->token->expires_ms;
}

static int64_t refresh_ms(const struct token_rules *rules, const struct token *token, int64_t now_ms, double chance)
{
    int64_t life_ms = token->expires_ms - token->fetched_ms;
    int64_t wanted_ms = token->fetched_ms + (int64_t)((double)life_ms * (rules->window_factor + rules->window_jitter * chance));
    int64_t soonest_ms = now_ms + rules->min_period_ms, latest_ms = token->expires_ms - rules->buffer_ms;
    if (soonest_ms > latest_ms)
        return wanted_ms;
    return wanted_ms < soonest_ms ? soonest_ms : wanted_ms > latest_ms ? latest_ms : wanted_ms;
}

void token_keeper_put(struct token_keeper *keeper, struct token *token, int64_t now_ms, double chance)
{
    keeper->has_former = keeper->token != NULL;
    token_drop(keeper->token);
    keeper->token = token;
    keeper->failures = 0;
    keeper->is_hopeless = false;
    keeper->due_ms = refresh_ms(&keeper->rules, token, now_ms, chance);
    if (keeper->due_ms < now_ms + keeper->rules.backoff_ms) /* who gives out tokens that are about to end is not asked in a loop */
        keeper->due_ms = now_ms + keeper->rules.backoff_ms;
}

void token_keeper_failed(struct token_keeper *keeper, bool is_hopeless, int64_t retry_after_ms, int64_t now_ms, double chance)
{
    int64_t wait_ms = keeper->rules.backoff_ms;
    for (uint32_t i = 0; i < keeper->failures && wait_ms < keeper->rules.backoff_max_ms; i++)
        wait_ms *= 2;
    if (is_hopeless || wait_ms > keeper->rules.backoff_max_ms)
        wait_ms = keeper->rules.backoff_max_ms;
    wait_ms = (int64_t)((double)wait_ms * (0.8 + 0.4 * chance));
    if (retry_after_ms > KEEPER_RETRY_AFTER_MAX_MS)
        retry_after_ms = KEEPER_RETRY_AFTER_MAX_MS;
    keeper->due_ms = now_ms + (retry_after_ms > wait_ms ? retry_after_ms : wait_ms);
    keeper->is_hopeless = is_hopeless;
    if (keeper->failures < UINT32_MAX)
        keeper->failures++;
}

bool token_keeper_doubt(struct token_keeper *keeper, int64_t now_ms)
{
    if (keeper->token == NULL || keeper->failures > 0)
        return !keeper->is_hopeless || token_keeper_counts(keeper, now_ms);
    int64_t age_ms = now_ms - keeper->token->fetched_ms, life_ms = keeper->token->expires_ms - keeper->token->fetched_ms;
    if (keeper->has_former && age_ms < KEEPER_FLIGHT_MS && age_ms < life_ms / 4)
        return true;
    if (age_ms < KEEPER_DOUBT_MS && age_ms < life_ms / 2)
        return false;
    if (keeper->due_ms > now_ms)
        keeper->due_ms = now_ms;
    return true;
}
