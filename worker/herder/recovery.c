/* The rules of restarts: no units, no clock, nothing but numbers. */
#include "herder/recovery_internal.h"

#include "base/bans.h"

static const struct {
    const char *name, *words;
} verdicts[] = {
    [RECOVERY_NONE] = {"none", NULL},
    [RECOVERY_WAITS] = {"waiting", NULL},
    [RECOVERY_OFF] = {"never", NULL},
    [RECOVERY_RECORD] = {"record", "a record is at fault, and would fail again"},
    [RECOVERY_SAME_RECORDS] = {"same-records", "it has failed at the same records before"},
    [RECOVERY_NEEDS_CHANGE] = {"needs-change", "only a change of its configuration or its plugin helps"},
    [RECOVERY_SPENT] = {"spent", "it has stalled too often"},
};

const char *recovery_words(enum recovery_verdict verdict)
{
    return verdicts[verdict].words;
}

const char *recovery_verdict_name(enum recovery_verdict verdict)
{
    return verdicts[verdict].name;
}

static bool is_for_good(enum failure_kind kind)
{
    return kind == FAILURE_CONFIG || kind == FAILURE_HELD;
}

/* The other side was away: whichever records met that are not at fault. */
static bool blames_nothing(enum failure_kind kind)
{
    return kind == FAILURE_CONNECTION || kind == FAILURE_FENCED || kind == FAILURE_MEMORY;
}

static enum recovery_verdict judge(const struct recovery *recovery, const struct failure *failure)
{
    if (failure->kind == FAILURE_RECORD)
        return RECOVERY_RECORD;
    if (is_for_good(failure->kind))
        return RECOVERY_NEEDS_CHANGE;
    if (!blames_nothing(failure->kind) && failure_meets(&recovery->before, failure))
        return RECOVERY_SAME_RECORDS;
    return RECOVERY_WAITS;
}

/* --- when --------------------------------------------------------------------------------------------------------- */

static int64_t delay_ms(const struct recovery *recovery, const struct recovery_settings *settings, uint64_t random)
{
    int64_t delay = settings->delay_ms, most = settings->delay_max_ms > delay ? settings->delay_max_ms : delay;

    for (uint32_t i = 0; i < recovery->attempts && delay < most; i++)
        delay *= 2;
    if (delay > most)
        delay = most;
    return delay + (int64_t)(random % (uint64_t)(delay / RECOVERY_JITTER + 1));
}

static uint32_t budget_of(const struct recovery_settings *settings)
{
    return settings->budget > RECOVERY_BUDGET_MAX ? RECOVERY_BUDGET_MAX : settings->budget < 1 ? 1 : settings->budget;
}

/* When the window has room for one more; 0: it has. */
static int64_t room_ms(const struct recovery *recovery, const struct recovery_settings *settings, int64_t now_ms)
{
    uint32_t budget = budget_of(settings);
    int64_t oldest_ms;

    if (recovery->spent_count < budget)
        return 0;
    oldest_ms = recovery->spent_ms[(recovery->spent_count - budget) % RECOVERY_BUDGET_MAX];
    return oldest_ms + settings->window_ms > now_ms ? oldest_ms + settings->window_ms : 0;
}

enum recovery_verdict recovery_failed(struct recovery *recovery, const struct recovery_settings *settings,
                                      const struct failure *failure, int64_t now_ms, uint64_t random)
{
    bool costs_threads = failure->kind == FAILURE_STALLED || failure->kind == FAILURE_TIMEOUT;
    int64_t free_ms;

    if (failure->has_progressed)
        recovery->attempts = recovery->spent_count = 0;
    recovery->verdict = settings->is_on ? judge(recovery, failure) : RECOVERY_OFF;
    if (failure->range_count > 0)
        recovery->before = *failure;
    if (recovery->verdict != RECOVERY_WAITS)
        return recovery->verdict;
    recovery->due_ms = now_ms + delay_ms(recovery, settings, random);
    free_ms = room_ms(recovery, settings, now_ms);
    if (free_ms > 0 && costs_threads)
        recovery->verdict = RECOVERY_SPENT;
    else if (free_ms > recovery->due_ms)
        recovery->due_ms = free_ms;
    return recovery->verdict;
}

void recovery_restarted(struct recovery *recovery, int64_t now_ms)
{
    recovery->verdict = RECOVERY_NONE;
    recovery->is_restarting = true;
    recovery->attempts++;
    recovery->restarts++;
    recovery->spent_ms[recovery->spent_count++ % RECOVERY_BUDGET_MAX] = now_ms;
}

void recovery_forget(struct recovery *recovery)
{
    *recovery = (struct recovery){.restarts = recovery->restarts};
}

void recovery_went_on(struct recovery *recovery)
{
    recovery->verdict = RECOVERY_NONE;
}
