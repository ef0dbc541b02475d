/*
 * replay_internal: one replay or discard while it runs, shared by its files:
 *   replay.c        which letters, in what order of things
 *   replay_write.c  batches: into the pipeline, and what a transaction holds
 *   replay_writer.c whose transactions they are
 *   replay_tell.c   what is told of it
 */
#ifndef DEAD_LETTERS_REPLAY_INTERNAL_H
#define DEAD_LETTERS_REPLAY_INTERNAL_H

#include <millrace/error.h>

#include "dead_letters/dead_letters_internal.h"
#include "dry_run/dry_run.h"

#define REPLAY_END_MS 2000 /* before the deadline nothing more is begun */

/* A letter in a batch. */
struct settled {
    struct resend *resend; /* NULL: discarded */
    int32_t partition;     /* its place among the letters */
    int64_t offset;
    uint64_t print;
    int32_t attempts;      /* so far */
    enum mark_state state; /* that its mark is to say; NONE: it has failed again, in the pipeline */
    bool is_left;          /* no mark: nothing is known of it */
    char key[MARKS_KEY_MAX];
    char *value;           /* of the mark; free */
};

struct replaying {
    struct dead_letters *letters;
    const struct selection *selection;
    bool discards;
    char id[SELECTION_ID_MAX + 1];
    struct marks marks;
    struct fenced_writer *writer;
    struct settled batch[DEAD_LETTERS_BATCH_MAX];
    size_t batch_count, batch_max, batch_bytes;
    struct sink_feed_item *items; /* of a batch, into the pipeline; NULL: not needed so far */
    size_t selected, settled, done_before, refused;
    size_t failed, dropped; /* into the pipeline. Those dropped are among the settled */
    size_t settled_before, failed_before, dropped_before; /* of earlier runs under the same id */
    int64_t began_ms, first_ms;
    json_t *refusals, *failures, *tries;
    size_t outcomes[DRY_RUN_FAILED + 1];
    bool is_cut;           /* more letters fit than were looked at: a limit, or the deadline: */
    bool is_late;
    struct selection_place at; /* the last letter that was looked at */
};

int replay_no_memory(struct mr_error **error);

/* ---- replay_writer.c ---- */

/* From here on no earlier replay of these letters writes any more. Nothing happens for a trial. */
int replay_open_writer(struct replaying *replaying, struct mr_error **error);

/* ---- replay_write.c ---- */

/* The batch as one transaction with the replay's sum, and its end. Where Kafka refuses a record of it, each letter is written by itself,
 * and those at fault are refused. Into the pipeline before that: then -1 also means that this did not
 * get to its end; what did is counted and marked. */
int replay_write(struct replaying *replaying, const char *state, struct mr_error **error);
void replay_clear(struct replaying *replaying);

/* ---- replay_tell.c ---- */

/* The member that counts what was done: "replayed", "discarded". */
const char *replay_sum_name(const struct replaying *replaying);
/* Of the whole replay, so far. */
json_t *replay_sum(const struct replaying *replaying, const char *state);
/* What an earlier run under this id had come to. */
void replay_remember(struct replaying *replaying);
/* Text for free(). Takes `json`; NULL: no memory. */
char *replay_dump(json_t *json);
/* Counts it, and tells it while there is room. */
int replay_refuse(struct replaying *replaying, int32_t partition, int64_t offset, const char *why, struct mr_error **error);
int replay_tell_failure(struct replaying *replaying, const struct settled *settled, const struct sink_feed_item *item, struct mr_error **error);
/* In one message, for those who show no causes. */
void replay_tell_error(const struct mr_error *failure, enum mr_error_code code, struct mr_error **error);
/* `failure` NULL: there was none. */
json_t *replay_answer(const struct replaying *replaying, const struct mr_error *failure);

#endif
