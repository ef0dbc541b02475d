#include "routes/refusal_log.h"

#include "base/bans.h"

bool refusal_log_takes(struct refusal_log *log, int64_t now_ms, unsigned *left_out)
{
    int64_t second = now_ms / 1000;
    if (atomic_exchange(&log->second, second) != second)
        atomic_store(&log->count, 0);
    if (atomic_fetch_add(&log->count, 1) >= REFUSALS_PER_SECOND_MAX) {
        atomic_fetch_add(&log->left_out, 1);
        return false;
    }
    *left_out = atomic_exchange(&log->left_out, 0);
    return true;
}
