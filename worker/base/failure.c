#include "base/failure.h"

#include <string.h>

#include "base/hash.h"

#include "base/bans.h"

#define SEED 0x6d696c6c72616365u /* places are compared within one process alone */

static const char *const words[] = {
    [FAILURE_NONE] = "no failure",
    [FAILURE_PLUGIN] = "its plugin failed",
    [FAILURE_RECORD] = "a record is at fault",
    [FAILURE_CONFIG] = "refused as it is configured",
    [FAILURE_CONNECTION] = "lost connection",
    [FAILURE_FENCED] = "fenced",
    [FAILURE_TIMEOUT] = "its plugin took too long",
    [FAILURE_STALLED] = "stalled",
    [FAILURE_MEMORY] = "no memory",
    [FAILURE_DEAD_LETTERS] = "a dead letter could not be written",
    [FAILURE_HELD] = "held back after crashes",
};

const char *failure_kind_words(enum failure_kind kind)
{
    return words[kind];
}

uint64_t failure_place(const char *name, int32_t partition)
{
    return hash_bytes(&partition, sizeof(partition), hash_bytes(name, strlen(name), SEED));
}

void failure_add(struct failure *failure, uint64_t where, int64_t first, int64_t last)
{
    for (uint32_t i = 0; i < failure->range_count; i++) {
        struct failure_range *range = &failure->ranges[i];

        if (range->where != where)
            continue;
        range->first = first < range->first ? first : range->first;
        range->last = last > range->last ? last : range->last;
        return;
    }
    if (failure->range_count < FAILURE_RANGES_MAX)
        failure->ranges[failure->range_count++] = (struct failure_range){where, first, last};
}

static bool meets(const struct failure *failure, const struct failure_range *range)
{
    for (uint32_t i = 0; i < failure->range_count; i++) {
        const struct failure_range *own = &failure->ranges[i];

        if (own->where == range->where && own->first <= range->last && range->first <= own->last)
            return true;
    }
    return false;
}

bool failure_meets(const struct failure *failure, const struct failure *other)
{
    for (uint32_t i = 0; i < other->range_count; i++)
        if (meets(failure, &other->ranges[i]))
            return true;
    return false;
}
