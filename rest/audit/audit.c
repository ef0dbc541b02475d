/* The door: what callers ask goes into the list, or is refused at once. The writer (audit_writer.c) takes it from there. */
#include "audit/audit.h"

#include <assert.h>
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit_internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "metrics/audit_counters.h"

#include "base/bans.h"

#define SOON "in a moment"

/* Lists and entries ---------------------------------------------------------------------------------------------- */

void audit_list_init(struct audit_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

void audit_list_push(struct audit_list *list, struct audit_change *entry)
{
    entry->next = NULL;
    *list->last = entry;
    list->last = &entry->next;
}

struct audit_change *audit_list_shift(struct audit_list *list)
{
    struct audit_change *entry = list->first;
    if (entry == NULL)
        return NULL;
    list->first = entry->next;
    if (list->first == NULL)
        list->last = &list->first;
    entry->next = NULL;
    return entry;
}

void audit_entry_destroy(struct audit_change *entry)
{
    if (entry == NULL)
        return;
    mem_free(entry->members);
    mem_free(entry);
}

/* Takes the members, also when it fails. */
static struct audit_change *entry_create(struct audit *audit, enum audit_stage stage, const char *event, struct str_buffer *members)
{
    struct audit_change *entry = mem_calloc(1, sizeof(*entry));
    char *text = str_buffer_take(members, NULL);
    str_buffer_release(members);
    if (entry == NULL || text == NULL) {
        mem_free(entry);
        mem_free(text);
        return NULL;
    }
    entry->audit = audit;
    entry->stage = stage;
    entry->event = event;
    entry->members = text;
    entry->at_ms = clock_wall_ms(audit->clock);
    return entry;
}

static struct audit_change *entry_of_call(struct audit *audit, enum audit_stage stage, const char *event, const struct audit_call *call)
{
    struct str_buffer members;
    str_buffer_init(&members, AUDIT_MEMBERS_MAX);
    audit_members_of_call(&members, call); /* its failure stays in the buffer */
    return entry_create(audit, stage, event, &members);
}

/* Changes and looks ---------------------------------------------------------------------------------------------- */

void audit_words(const struct audit *audit, char words[AUDIT_WORDS_SIZE])
{
    snprintf(words, AUDIT_WORDS_SIZE, "the audit record (%s) cannot be written: %s", audit->target->ops->property,
             audit->gap.reason);
}

void audit_refusal(enum audit_stage stage, const char *reason, const char *when, char why[AUDIT_WORDS_SIZE])
{
    snprintf(why, AUDIT_WORDS_SIZE, "%s: %.400s. Try again %s.",
             stage == AUDIT_LOOK ? "The records are not shown" : "The change was not made", reason, when);
}

/* lock held. false: `why` says why not. */
static bool has_place(const struct audit *audit, const struct audit_change *entry, enum audit_stage stage, char why[AUDIT_WORDS_SIZE])
{
    char failure[AUDIT_WORDS_SIZE];
    if (entry == NULL) {
        audit_refusal(stage, "no memory for its line in the audit record", SOON, why);
    } else if (audit->open_changes >= AUDIT_CHANGES_MAX) {
        audit_refusal(stage, "too many changes are under way for the audit record", SOON, why);
    } else if (audit->failing) {
        audit_words(audit, failure);
        audit_refusal(stage, failure, AUDIT_ONCE_MENDED, why);
    } else {
        return true;
    }
    return false;
}

static void count(struct audit *audit, size_t member_offset, uint64_t number)
{
    if (audit->counters != NULL)
        atomic_fetch_add_explicit((_Atomic uint64_t *)(void *)((char *)audit->counters + member_offset), number,
                                  memory_order_relaxed);
}

void audit_count_refused(struct audit *audit, enum audit_stage stage)
{
    if (stage != AUDIT_INTENT)
        return;
    audit->gap.refused_changes++;
    count(audit, offsetof(struct audit_counters, refused_changes), 1);
}

/* Takes the entry; NULL: there was no memory for it. */
static void admit(struct audit *audit, enum audit_stage stage, struct audit_change *entry, audit_admitted_fn *done, void *argument)
{
    char why[AUDIT_WORDS_SIZE];
    mutex_lock(&audit->lock);
    bool is_admitted = has_place(audit, entry, stage, why);
    if (is_admitted) {
        entry->done = done;
        entry->argument = argument;
        audit->open_changes++;
        audit->untold++;
        audit_list_push(&audit->waiting, entry);
        cond_signal(&audit->changed);
    } else {
        audit_count_refused(audit, stage);
    }
    mutex_unlock(&audit->lock);
    if (is_admitted)
        return;
    audit_entry_destroy(entry);
    done(argument, NULL, why);
}

void audit_admit(struct audit *audit, const struct audit_call *call, const char *hash_before, audit_admitted_fn *done, void *argument)
{
    struct audit_change *change = entry_of_call(audit, AUDIT_INTENT, "change", call);
    if (change != NULL)
        snprintf(change->hash_before, AUDIT_HASH_SIZE, "%s", hash_before != NULL ? hash_before : "");
    admit(audit, AUDIT_INTENT, change, done, argument);
}

void audit_change_end(struct audit_change *change, int status, const char *hash_after)
{
    struct audit *audit = change->audit;
    assert(change->stage == AUDIT_INTENT && status > 0);
    change->stage = AUDIT_OUTCOME;
    change->status = status;
    change->at_ms = clock_wall_ms(audit->clock);
    snprintf(change->hash_after, AUDIT_HASH_SIZE, "%s", hash_after != NULL ? hash_after : "");
    mutex_lock(&audit->lock);
    audit_list_push(&audit->waiting, change);
    cond_signal(&audit->changed);
    mutex_unlock(&audit->lock);
}

/* Other lines ------------------------------------------------------------------------------------------------------ */

/* lock held. */
static void note_or_lose(struct audit *audit, struct audit_change *note)
{
    if (note == NULL || audit->waiting_notes >= AUDIT_NOTES_MAX) {
        if (audit->gap.lost == 0 && !audit->failing) {
            audit->gap.since_ms = clock_wall_ms(audit->clock);
            snprintf(audit->gap.reason, sizeof(audit->gap.reason), "more lines than could be kept");
        }
        audit->gap.lost++;
        count(audit, offsetof(struct audit_counters, lost), 1);
        audit_entry_destroy(note);
        return;
    }
    audit->waiting_notes++;
    audit_list_push(&audit->waiting, note);
    cond_signal(&audit->changed);
}

/* Has this second room for one more line? A new second begins by itself; what the former one had too many of the writer says. lock held. */
static bool second_has_room(struct audit *audit, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    if (second != audit->second && audit_surplus_is_empty(audit->surplus)) {
        audit->second = second;
        audit->refusals = 0;
    }
    if (audit->refusals >= AUDIT_REFUSALS_PER_SECOND)
        return false;
    audit->refusals++;
    return true;
}

void audit_refused(struct audit *audit, const struct audit_call *call, int status)
{
    int64_t now_ms = clock_wall_ms(audit->clock);
    count(audit, offsetof(struct audit_counters, refused_calls), 1);
    mutex_lock(&audit->lock);
    bool has_room = second_has_room(audit, now_ms);
    if (!has_room) {
        audit_surplus_count(audit->surplus, call, status, now_ms);
        cond_signal(&audit->changed);
    }
    mutex_unlock(&audit->lock);
    if (!has_room)
        return;
    struct audit_change *note = entry_of_call(audit, AUDIT_NOTE, "refused", call);
    if (note != NULL)
        note->status = status;
    mutex_lock(&audit->lock);
    note_or_lose(audit, note);
    mutex_unlock(&audit->lock);
}

static struct audit_change *entry_of_pairs(struct audit *audit, enum audit_stage stage, const char *event, const struct audit_pair *pairs,
                                           size_t pair_count)
{
    struct str_buffer members;
    str_buffer_init(&members, AUDIT_MEMBERS_MAX);
    audit_members_of_pairs(&members, pairs, pair_count); /* its failure stays in the buffer */
    return entry_create(audit, stage, event, &members);
}

void audit_admit_look(struct audit *audit, const struct audit_pair *pairs, size_t pair_count, audit_admitted_fn *done, void *argument)
{
    admit(audit, AUDIT_LOOK, entry_of_pairs(audit, AUDIT_LOOK, "records", pairs, pair_count), done, argument);
}

void audit_note(struct audit *audit, const char *event, const struct audit_pair *pairs, size_t pair_count)
{
    struct audit_change *note = entry_of_pairs(audit, AUDIT_NOTE, event, pairs, pair_count);
    mutex_lock(&audit->lock);
    note_or_lose(audit, note);
    mutex_unlock(&audit->lock);
}

bool audit_is_failing(struct audit *audit, char words[AUDIT_WORDS_SIZE])
{
    mutex_lock(&audit->lock);
    bool is_failing = audit->failing;
    if (is_failing)
        audit_words(audit, words);
    mutex_unlock(&audit->lock);
    return is_failing;
}

/* Life ------------------------------------------------------------------------------------------------------------- */

static void audit_destroy(struct audit *audit)
{
    for (struct audit_change *entry; (entry = audit_list_shift(&audit->waiting)) != NULL;)
        audit_entry_destroy(entry);
    if (audit->target != NULL)
        audit->target->ops->close(audit->target);
    str_buffer_release(&audit->text);
    audit_surplus_clear(&audit->surpluses[0]);
    audit_surplus_clear(&audit->surpluses[1]);
    explicit_bzero(audit->hash_key, sizeof(audit->hash_key));
    cond_destroy(&audit->changed);
    cond_destroy(&audit->settled);
    mutex_destroy(&audit->lock);
    mem_free(audit->worker);
    mem_free(audit);
}

static struct audit *audit_create(const struct audit_setup *setup)
{
    struct audit *audit = mem_calloc(1, sizeof(*audit));
    if (audit == NULL)
        return NULL;
    audit->clock = setup->clock;
    audit->counters = setup->counters;
    audit->worker = mem_strdup(setup->worker);
    audit_list_init(&audit->waiting);
    mutex_init(&audit->lock);
    cond_init(&audit->changed);
    cond_init(&audit->settled);
    str_buffer_init(&audit->text, AUDIT_BATCH_MAX);
    audit->surplus = &audit->surpluses[0];
    audit->settling = &audit->surpluses[1];
    if (audit->worker != NULL && audit_hash_choose_key(audit, setup->hash_key))
        return audit;
    audit_destroy(audit);
    return NULL;
}

static bool start_writer(struct audit *audit, struct mr_error **error)
{
    char why[160];
    struct thread_setup thread = {.name = "audit", .run = audit_writer_run, .argument = audit};
    if (thread_start(&audit->thread, &thread, why, sizeof(why)))
        return true;
    mr_error_set(error, MR_ERR_CONNECT, "the audit record: %s", why);
    return false;
}

struct audit *audit_open(const struct audit_setup *setup, struct mr_error **error)
{
    struct audit *audit = audit_create(setup);
    if (audit == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the audit record");
        return NULL;
    }
    audit->target = setup->file != NULL ? audit_file_open(setup->file, error) : audit_topic_open(setup, error);
    if (audit->target != NULL && start_writer(audit, error))
        return audit;
    audit_destroy(audit);
    return NULL;
}

bool audit_set_worker(struct audit *audit, const char *worker)
{
    char *copy = mem_strdup(worker);
    if (copy == NULL)
        return false;
    mutex_lock(&audit->lock);
    mem_free(audit->worker);
    audit->worker = copy;
    mutex_unlock(&audit->lock);
    return true;
}

static void hurry(struct audit *audit)
{
    if (audit->target->ops->hurry != NULL)
        audit->target->ops->hurry(audit->target);
}

void audit_settle(struct audit *audit)
{
    hurry(audit);
    mutex_lock(&audit->lock);
    while (audit->untold > 0)
        cond_wait(&audit->settled, &audit->lock);
    mutex_unlock(&audit->lock);
}

void audit_close(struct audit *audit)
{
    if (audit == NULL)
        return;
    hurry(audit);
    mutex_lock(&audit->lock);
    audit->closing = true;
    cond_signal(&audit->changed);
    mutex_unlock(&audit->lock);
    thread_join(audit->thread);
    audit_destroy(audit);
}
