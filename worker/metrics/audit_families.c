/* How the audit record fares, where one is kept. */
#include "metrics/audit_counters.h"
#include "metrics/reading_internal.h"

#include "base/bans.h"

static void write_counter(struct metrics_text *text, const char *name, const char *help, const _Atomic uint64_t *cell)
{
    metrics_text_family(text, name, METRIC_COUNTER, help);
    metrics_text_sample(text, NULL, NULL, (double)atomic_load_explicit(cell, memory_order_relaxed));
}

void audit_families_write(struct metrics_text *text, const struct metrics_registry *registry)
{
    const struct audit_counters *counters = atomic_load(&registry->audit);

    if (counters == NULL)
        return;
    metrics_text_family(text, "millrace_audit_failing", METRIC_GAUGE,
                        "1 while the audit record cannot be written and changes are refused, else 0.");
    metrics_text_sample(text, NULL, NULL, atomic_load_explicit(&counters->is_failing, memory_order_relaxed) ? 1 : 0);
    write_counter(text, "millrace_audit_lines_total", "Lines written to the audit record.", &counters->lines);
    write_counter(text, "millrace_audit_lost_lines_total", "Lines that had no place while none could be written.",
                  &counters->lost);
    write_counter(text, "millrace_audit_refused_changes_total", "Changes refused because they could not be recorded.",
                  &counters->refused_changes);
    write_counter(text, "millrace_audit_refused_calls_total", "Calls refused by authentication, authorization or limits.",
                  &counters->refused_calls);
}
