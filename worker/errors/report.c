#include "errors/report.h"

#include <stddef.h>

#include "base/bans.h"

/* Who is told, in this order. */
static const struct reporter_ops *const table[] = {
    &report_log,
    &report_dead_letter,
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))
_Static_assert(TABLE_SIZE <= REPORTERS_MAX, "make REPORTERS_MAX larger");

int reporters_init(struct reporters *reporters, const struct reporter_setup *setup, struct mr_error **error)
{
    *reporters = (struct reporters){ .count = 0 };
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        struct reporter *reporter = NULL;
        if (table[i]->create(setup, &reporter, error) < 0) {
            reporters_release(reporters, 0);
            return -1;
        }
        if (reporter != NULL) {
            reporters->ops[reporters->count] = table[i];
            reporters->items[reporters->count++] = reporter;
        }
    }
    return 0;
}

void reporters_release(struct reporters *reporters, int64_t deadline_ms)
{
    for (uint32_t i = reporters->count; i-- > 0;)
        reporters->ops[i]->destroy(reporters->items[i], deadline_ms);
    reporters->count = 0;
}

int reporters_run(const struct reporters *reporters, const struct report *report, struct mr_error **error)
{
    int result = 0;
    for (uint32_t i = 0; i < reporters->count; i++) {
        if (reporters->ops[i]->report(reporters->items[i], report, error) < 0)
            result = -1;
    }
    return result;
}
