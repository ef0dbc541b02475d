#include "take_over/own_keys.h"

#include <string.h>

#include "coordination/cluster_records.h"
#include "coordination/crash_record.h"

#include "base/bans.h"

static const struct own_key rows[] = {
    {CLUSTER_HEAD_KEY, "the cluster's leader and what waits"},
    {CLUSTER_MEMBER_PREFIX, "what a worker said of itself"},
    {CLUSTER_ASSIGNMENT_PREFIX, "what a worker was to run"},
    {CRASH_RECORD_PREFIX, "a crash inside a plugin"},
    {"millrace-undo-", "former offsets of a connector"}, /* herder/offset_undo.c */
};

size_t own_key_count(void)
{
    return sizeof(rows) / sizeof(rows[0]);
}

const struct own_key *own_key_at(size_t i)
{
    return &rows[i];
}

const struct own_key *own_key_of(const char *key)
{
    for (size_t i = 0; i < own_key_count(); i++) {
        if (strncmp(key, rows[i].start, strlen(rows[i].start)) == 0)
            return &rows[i];
    }
    return NULL;
}
