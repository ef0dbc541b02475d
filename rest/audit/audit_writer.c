/*
 * The writer: takes what waits, writes it as one batch, and tells the changes and looks in it that they may go on.
 *
 * A batch counts whole or not at all. When it does not, its changes and looks are refused and its other lines go back to the head of the
 * list; the next try begins with a line that says what is missing. While there is nothing else to write that line alone is the probe.
 */
#include <stdio.h>
#include <string.h>

#include "audit/audit_internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "metrics/audit_counters.h"

#include "base/bans.h"

struct batch {
    struct audit_list entries;
    bool is_awaited, is_probe, syncs;
    struct audit_gap gap;
    uint64_t lines;
    bool is_written;
    char reason[AUDIT_REASON_SIZE];
};

/* When ------------------------------------------------------------------------------------------------------------ */

/* The second that had too many refusals is over, or no more kinds of them can be told apart. lock held, as everywhere in this part. */
static bool surplus_is_due(const struct audit *audit)
{
    bool is_over = clock_wall_ms(audit->clock) / 1000 != audit->second || audit->closing;
    return !audit_surplus_is_empty(audit->surplus) && (is_over || audit_surplus_is_full(audit->surplus));
}

static bool sync_is_due(const struct audit *audit, int64_t now_ms)
{
    return audit->sync_at_ms != 0 && (now_ms >= audit->sync_at_ms || audit->closing);
}

static bool has_work(const struct audit *audit, int64_t now_ms)
{
    if (audit->failing)
        return now_ms >= audit->retry_at_ms || (audit->closing && !audit->has_given_up);
    return audit->waiting.first != NULL || audit->gap.lost > 0 || surplus_is_due(audit) || sync_is_due(audit, now_ms);
}

static int64_t wake_at_ms(const struct audit *audit, int64_t now_ms)
{
    int64_t at_ms = audit->failing ? audit->retry_at_ms : DEADLINE_NEVER;
    if (!audit_surplus_is_empty(audit->surplus) && now_ms + 1000 < at_ms)
        at_ms = now_ms + 1000;
    if (!audit->failing && audit->sync_at_ms != 0 && audit->sync_at_ms < at_ms)
        at_ms = audit->sync_at_ms;
    return at_ms;
}

/* false: the end has come. */
static bool wait_for_work(struct audit *audit)
{
    for (;;) {
        int64_t now_ms = clock_monotonic_ms(NULL);
        if (audit->closing && audit->failing && audit->has_given_up)
            return false;
        if (has_work(audit, now_ms))
            return true;
        if (audit->closing)
            return false;
        cond_wait_until_ms(&audit->changed, &audit->lock, wake_at_ms(audit, now_ms));
    }
}

/* What ------------------------------------------------------------------------------------------------------------ */

/* A second that goes on has had its lines. lock held. */
static void take_surplus(struct audit *audit)
{
    struct audit_surplus *taken = audit->surplus;
    int64_t second = clock_wall_ms(audit->clock) / 1000;
    audit->surplus = audit->settling;
    audit->settling = taken;
    if (second != audit->second)
        audit->refusals = 0;
    audit->second = second;
}

/* lock held. */
static void batch_take(struct audit *audit, struct batch *batch)
{
    *batch = (struct batch){.is_probe = audit->failing, .gap = audit->gap};
    audit_list_init(&batch->entries);
    batch->syncs = sync_is_due(audit, clock_monotonic_ms(NULL));
    for (size_t i = 0; i < AUDIT_BATCH_LINES && audit->waiting.first != NULL; i++) {
        struct audit_change *entry = audit_list_shift(&audit->waiting);
        batch->is_awaited = batch->is_awaited || audit_entry_is_awaited(entry);
        audit_list_push(&batch->entries, entry);
    }
    if (surplus_is_due(audit) && audit_surplus_is_empty(audit->settling))
        take_surplus(audit);
}

static void batch_format(struct audit *audit, struct batch *batch, const char *worker)
{
    uint64_t seq = audit->seq;
    int64_t now_ms = clock_wall_ms(audit->clock);
    str_buffer_clear(&audit->text);
    if (batch->is_probe || batch->gap.lost > 0)
        audit_gap_append(&audit->text, worker, ++seq, now_ms, &batch->gap);
    for (struct audit_change *entry = batch->entries.first; entry != NULL; entry = entry->next) {
        audit_line_append(&audit->text, worker, ++seq, entry);
        if (entry->stage == AUDIT_INTENT)
            entry->intent = seq;
    }
    seq = audit_surplus_append(&audit->text, worker, seq, now_ms, audit->settling);
    batch->lines = seq - audit->seq;
}

/* No lock held. */
static void batch_write(struct audit *audit, struct batch *batch, const char *worker)
{
    struct audit_target *target = audit->target;
    batch_format(audit, batch, worker);
    if (str_buffer_failed(&audit->text)) {
        snprintf(batch->reason, sizeof(batch->reason), "no memory");
        str_buffer_release(&audit->text);
        str_buffer_init(&audit->text, AUDIT_BATCH_MAX);
        return;
    }
    bool may_wait = !batch->is_awaited && !batch->is_probe && !batch->syncs;
    batch->is_written = batch->lines > 0 ? target->ops->write(target, str_buffer_text(&audit->text), audit->text.length, may_wait,
                                                              batch->reason)
                                         : target->ops->sync(target, batch->reason);
    if (!batch->is_written)
        return;
    audit->seq += batch->lines;
    audit_surplus_clear(audit->settling);
}

/* After ----------------------------------------------------------------------------------------------------------- */

/* lock held. */
static void settle_written(struct audit *audit, const struct batch *batch)
{
    bool is_durable = batch->is_awaited || batch->is_probe || batch->syncs;
    if (audit->failing)
        log_info(AUDIT_LOG, "the audit record (%s) can be written again; changes are let through", audit->target->ops->property);
    audit->failing = false;
    audit->gap.lost -= batch->gap.lost;
    audit->gap.refused_changes -= batch->gap.refused_changes;
    audit->gap.since_ms = clock_wall_ms(audit->clock);
    if (is_durable)
        audit->sync_at_ms = 0;
    else if (audit->sync_at_ms == 0)
        audit->sync_at_ms = clock_monotonic_ms(NULL) + AUDIT_SYNC_MS;
    for (const struct audit_change *entry = batch->entries.first; entry != NULL; entry = entry->next) {
        audit->waiting_notes -= entry->stage == AUDIT_NOTE;
        audit->open_changes -= entry->stage == AUDIT_OUTCOME || entry->stage == AUDIT_LOOK;
    }
}

/* Moves the list's entries: whom somebody waits for to be refused, all else to wait again. */
static void part(struct audit_list *list, struct audit_list *refused, struct audit_list *back)
{
    for (struct audit_change *entry; (entry = audit_list_shift(list)) != NULL;)
        audit_list_push(audit_entry_is_awaited(entry) ? refused : back, entry);
}

/* What nobody waits for waits again, before what has come meanwhile. Intents and looks are refused now, those too that were not in the
 * batch: nobody waits for the next try. They stay in the batch, to be told. lock held. */
static void give_back(struct audit *audit, struct batch *batch)
{
    struct audit_list refused, back;
    audit_list_init(&refused);
    audit_list_init(&back);
    part(&batch->entries, &refused, &back);
    part(&audit->waiting, &refused, &back);
    for (struct audit_change *entry; (entry = audit_list_shift(&back)) != NULL;)
        audit_list_push(&audit->waiting, entry);
    for (struct audit_change *entry; (entry = audit_list_shift(&refused)) != NULL;) {
        audit_list_push(&batch->entries, entry);
        audit->open_changes--;
        audit_count_refused(audit, entry->stage);
    }
}

/* lock held. */
static void settle_failed(struct audit *audit, struct batch *batch)
{
    if (!audit->failing) {
        log_error(AUDIT_LOG, "the audit record (%s) cannot be written: %s; changes are refused until it can",
                  audit->target->ops->property, batch->reason);
        if (audit->gap.lost == 0)
            audit->gap.since_ms = clock_wall_ms(audit->clock);
    }
    audit->failing = true;
    audit->has_given_up = audit->closing;
    snprintf(audit->gap.reason, sizeof(audit->gap.reason), "%s", batch->reason);
    audit->retry_at_ms = clock_monotonic_ms(NULL) + AUDIT_RETRY_MS;
    give_back(audit, batch);
}

/* No lock held. */
static void tell_asker(struct audit *audit, struct audit_change *entry, bool may_go_on, const char *words)
{
    char why[AUDIT_WORDS_SIZE];
    audit_admitted_fn *done = entry->done;
    void *argument = entry->argument;
    audit_refusal(entry->stage, words, AUDIT_ONCE_MENDED, why);
    if (!may_go_on || entry->stage == AUDIT_LOOK) {
        audit_entry_destroy(entry);
        entry = NULL;
    }
    done(argument, entry, may_go_on ? NULL : why);
    mutex_lock(&audit->lock);
    audit->untold--;
    cond_broadcast(&audit->settled);
    mutex_unlock(&audit->lock);
}

static void tell(struct audit *audit, struct batch *batch, const char *words)
{
    for (struct audit_change *entry; (entry = audit_list_shift(&batch->entries)) != NULL;) {
        if (audit_entry_is_awaited(entry))
            tell_asker(audit, entry, batch->is_written, words);
        else
            audit_entry_destroy(entry);
    }
}

static void count(struct audit *audit, const struct batch *batch)
{
    if (audit->counters == NULL)
        return;
    if (batch->is_written)
        atomic_fetch_add_explicit(&audit->counters->lines, batch->lines, memory_order_relaxed);
    atomic_store_explicit(&audit->counters->is_failing, !batch->is_written, memory_order_relaxed);
}

static void settle(struct audit *audit, struct batch *batch)
{
    char words[AUDIT_WORDS_SIZE] = "";
    mutex_lock(&audit->lock);
    if (batch->is_written) {
        settle_written(audit, batch);
    } else {
        settle_failed(audit, batch);
        audit_words(audit, words);
    }
    count(audit, batch);
    mutex_unlock(&audit->lock);
    tell(audit, batch, words);
}

void *audit_writer_run(void *argument)
{
    struct audit *audit = argument;
    struct batch batch;
    mutex_lock(&audit->lock);
    while (wait_for_work(audit)) {
        char *worker = mem_strdup(audit->worker);
        batch_take(audit, &batch);
        mutex_unlock(&audit->lock);
        batch_write(audit, &batch, worker != NULL ? worker : "");
        mem_free(worker);
        settle(audit, &batch);
        mutex_lock(&audit->lock);
    }
    size_t left = audit->waiting_notes + audit->open_changes;
    mutex_unlock(&audit->lock);
    if (left > 0)
        log_warn(AUDIT_LOG, "the audit record ends without %zu lines, which could not be written", left);
    return NULL;
}
