/* audit_internal: what the files of this room share. */
#ifndef AUDIT_AUDIT_INTERNAL_H
#define AUDIT_AUDIT_INTERNAL_H

#include <pthread.h>

#include "audit/audit.h"
#include "audit/audit_hash.h"
#include "base/str_buffer.h"

#define AUDIT_LOG "millrace.audit"
#define AUDIT_REASON_SIZE 256
#define AUDIT_MEMBERS_MAX (64u << 10) /* bytes of what a line says of a call or a note, escaped */
#define AUDIT_BATCH_LINES 256
#define AUDIT_KINDS_MAX 256
#define AUDIT_BATCH_MAX ((AUDIT_BATCH_LINES + AUDIT_KINDS_MAX + 2) * (AUDIT_MEMBERS_MAX + 1024))
#define AUDIT_HASH_KEY_SIZE 32

/* ---- entries: what becomes a line ---- */

enum audit_stage {
    AUDIT_INTENT,  /* of a change that waits to be let through */
    AUDIT_OUTCOME, /* of a change that was */
    AUDIT_LOOK,    /* at records, that waits for its line */
    AUDIT_NOTE,    /* of anything else */
};

/* On its way in the list from the caller to the writer; a change comes through it twice. Nothing is allocated for its outcome. */
struct audit_change {
    struct audit_change *next;
    struct audit *audit;
    enum audit_stage stage;
    const char *event;
    int64_t at_ms;     /* wall clock */
    char *members;     /* JSON of the call or the note, without braces; owned */
    int status;        /* of an outcome or a refusal; 0: none */
    uint64_t intent;   /* seq of the intent's line */
    char hash_before[AUDIT_HASH_SIZE], hash_after[AUDIT_HASH_SIZE]; /* "": null */
    audit_admitted_fn *done;
    void *argument;
};

struct audit_list {
    struct audit_change *first, **last;
};

/* What is missing from the record. */
struct audit_gap {
    uint64_t refused_changes; /* that were not made, for want of a record; refused looks have shown nothing, and are not counted */
    uint64_t lost;            /* lines */
    int64_t since_ms;         /* wall clock */
    char reason[AUDIT_REASON_SIZE];
};

/* ---- audit_surplus.c: refused calls that have no line of their own; under the audit's lock, or the writer's own ---- */

struct audit_kind {
    uint64_t client; /* a hash of who, and from which network */
    char *key;       /* JSON of what all of its calls have in common */
    char *first;     /* JSON of the first call */
    int64_t first_ms;
    int status;
    uint64_t count;
};
struct audit_surplus {
    struct audit_kind kinds[AUDIT_KINDS_MAX];
    size_t kind_count;
    uint64_t unnamed; /* for which there was no place */
    int64_t now_ms;
    uint64_t seed;
};
void audit_surplus_count(struct audit_surplus *surplus, const struct audit_call *call, int status, int64_t now_ms);
bool audit_surplus_is_empty(const struct audit_surplus *surplus);
bool audit_surplus_is_full(const struct audit_surplus *surplus);
void audit_surplus_clear(struct audit_surplus *surplus);
/* Returns the last line's seq. */
uint64_t audit_surplus_append(struct str_buffer *out, const char *worker, uint64_t seq, int64_t now_ms, const struct audit_surplus *surplus);

/* ---- audit_line.c ---- */

/* false: no memory. */
bool audit_members_of_call(struct str_buffer *out, const struct audit_call *call);
/* What refused calls of one kind have in common. */
bool audit_members_of_kind(struct str_buffer *out, const struct audit_call *call);
bool audit_members_of_pairs(struct str_buffer *out, const struct audit_pair *pairs, size_t count);
void audit_line_append(struct str_buffer *out, const char *worker, uint64_t seq, const struct audit_change *entry);
void audit_gap_append(struct str_buffer *out, const char *worker, uint64_t seq, int64_t now_ms, const struct audit_gap *gap);
void audit_kind_append(struct str_buffer *out, const char *worker, uint64_t seq, int64_t now_ms, const struct audit_kind *kind);
void audit_unnamed_append(struct str_buffer *out, const char *worker, uint64_t seq, int64_t now_ms, uint64_t count);

/* ---- audit_hash.c ---- */

/* The key that was chosen, or a random one. false: there is no randomness to be had. */
bool audit_hash_choose_key(struct audit *audit, const char *chosen);

/* ---- targets: called by one thread at a time ---- */

struct audit_target;
struct audit_target_ops {
    const char *property;
    /* Whole lines; durable when it returns, or, with `may_wait`, after `sync`. false: none of them counts (some may be there all the
     * same), `reason` says why and names no path. */
    bool (*write)(struct audit_target *target, const char *text, size_t length, bool may_wait, char reason[AUDIT_REASON_SIZE]);
    bool (*sync)(struct audit_target *target, char reason[AUDIT_REASON_SIZE]);
    /* The end is near: whoever waits in there waits for AUDIT_HURRY_MS at most from now on. thread: any. NULL: nobody waits. */
    void (*hurry)(struct audit_target *target);
    void (*close)(struct audit_target *target);
};
struct audit_target {
    const struct audit_target_ops *ops;
};
struct audit_target *audit_file_open(const char *path, struct mr_error **error);
struct audit_target *audit_topic_open(const struct audit_setup *setup, struct mr_error **error);

/* ---- the whole ---- */

struct audit {
    struct audit_target *target;
    const struct clock *clock;
    struct audit_counters *counters;
    unsigned char hash_key[AUDIT_HASH_KEY_SIZE];
    char hash_key_name[9];

    pthread_mutex_t lock; /* guards all below, but for the writer's own */
    pthread_cond_t changed, settled;
    char *worker;
    struct audit_list waiting;
    size_t open_changes, waiting_notes; /* of the former also looks that wait */
    size_t untold; /* intents and looks whose askers do not know yet */
    bool failing; /* gap.reason says why */
    int64_t retry_at_ms, sync_at_ms; /* monotonic; 0: not due */
    struct audit_gap gap;
    int64_t second; /* of the refusals counted, wall clock */
    uint32_t refusals;
    struct audit_surplus *surplus; /* refusals of it that have no line */
    bool closing, has_given_up;
    pthread_t thread;

    /* the writer's own */
    uint64_t seq;
    struct str_buffer text;
    struct audit_surplus *settling; /* of a former second, until it is written */
    struct audit_surplus surpluses[2]; /* these two */
};

void audit_list_init(struct audit_list *list);
void audit_list_push(struct audit_list *list, struct audit_change *entry);
struct audit_change *audit_list_shift(struct audit_list *list); /* NULL: empty */
void audit_entry_destroy(struct audit_change *entry); /* wherever it has been */

/* Does somebody wait until it is durable? */
static inline bool audit_entry_is_awaited(const struct audit_change *entry)
{
    return entry->stage == AUDIT_INTENT || entry->stage == AUDIT_LOOK;
}

void audit_words(const struct audit *audit, char words[AUDIT_WORDS_SIZE]); /* lock held */
/* What whoever waits is told, with the reason in words. */
void audit_refusal(enum audit_stage stage, const char *reason, const char *when, char why[AUDIT_WORDS_SIZE]);
#define AUDIT_ONCE_MENDED "once that is mended"
void audit_count_refused(struct audit *audit, enum audit_stage stage); /* lock held */

void *audit_writer_run(void *audit);

#endif
