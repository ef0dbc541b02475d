/*
 * Replay and discard. One order of things, which is what makes a letter go back once:
 *   1. the writer is opened: whatever an earlier replay of this topic had under way is ended by the brokers, and it writes no more;
 *   2. the marks are read: all that was ever committed;
 *   3. the letters are read, up to the end that was there; each that fits and has no mark goes into a batch;
 *   4. a batch is one transaction: records, marks, and what the replay has come to. Into the pipeline the records go before it, and are
 *      safe: a process that dies in between repeats them.
 */
#include "dead_letters/replay_internal.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/thread.h"
#include "dry_run/dry_run.h"
#include "dry_run/encode.h"

#include "base/bans.h"

#define PAUSE_MAX_MS 1000   /* between two transactions; a rate below one a second comes in several */
#define ID_BYTES 8

/* As many as the rate allows by now. */
static void keep_rate(const struct replaying *replaying)
{
    int64_t rate = replaying->selection->rate;
    if (rate == 0)
        return;
    int64_t due_ms = replaying->first_ms + (int64_t)(replaying->settled + replaying->failed) * 1000 / rate;
    for (int64_t now_ms = clock_monotonic_ms(NULL); now_ms < due_ms && now_ms < replaying->letters->deadline_ms - REPLAY_END_MS;
         now_ms = clock_monotonic_ms(NULL)) {
        int64_t wait_ms = due_ms - now_ms < PAUSE_MAX_MS ? due_ms - now_ms : PAUSE_MAX_MS;
        nanosleep(&(struct timespec){.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000}, NULL);
    }
}

/* A letter ----------------------------------------------------------------------------------------------------- */

static int add_to_batch(struct replaying *replaying, const struct letter_view *view, const struct resend_to *to, struct mr_error **error)
{
    struct settled *settled = &replaying->batch[replaying->batch_count];
    struct resend *resend = replaying->discards ? NULL : resend_create(view, replaying->selection, to);
    if (!replaying->discards && resend == NULL)
        return replay_no_memory(error);
    *settled = (struct settled){.resend = resend,
                                .partition = view->record->partition,
                                .offset = view->record->offset,
                                .print = view->print,
                                .attempts = view->attempts,
                                .state = replaying->discards ? MARK_DISCARDED : MARK_REPLAYED};
    marks_letter_key(settled->key, settled->partition, settled->offset);
    replaying->batch_count++;
    replaying->batch_bytes += resend == NULL ? 0 : resend->bytes;
    return 0;
}

/* Has it been dealt with, or has it come back from this very replay? */
static bool is_done(const struct replaying *replaying, const struct letter_view *view, const struct mark *mark)
{
    if (!replaying->discards && strcmp(view->replay, replaying->id) == 0)
        return true;
    if (mark == NULL || mark->state == MARK_NONE)
        return false;
    return !replaying->selection->again || strcmp(mark->id, replaying->id) == 0;
}

/* One that failed under this id is counted already, and open for the next replay. */
static bool has_failed_before(const struct replaying *replaying, const struct mark *mark)
{
    return !replaying->discards && mark != NULL && mark->state == MARK_NONE && strcmp(mark->id, replaying->id) == 0;
}

static int try_letter(struct replaying *replaying, const struct letter_view *view, const struct resend_to *to, struct mr_error **error)
{
    int outcome = DRY_RUN_FAILED;
    struct resend *resend = resend_create(view, replaying->selection, to);
    json_t *report = resend == NULL ? NULL : resend_try(replaying->letters, resend, &outcome, error);
    if (resend == NULL)
        replay_no_memory(error);
    mem_free(resend);
    if (report == NULL)
        return -1;
    replaying->outcomes[outcome]++;
    json_t *json = encode_with(json_object(), "partition", json_integer(view->record->partition));
    json = encode_with(json, "offset", json_integer(view->record->offset));
    json = encode_with(encode_with(json, "to", json_string(to->topic)), "report", report);
    return json != NULL && json_array_append_new(replaying->tries, json) == 0 ? 0 : replay_no_memory(error);
}

static bool is_enough(struct replaying *replaying)
{
    size_t most = replaying->selection->limit == 0 ? SIZE_MAX : (size_t)replaying->selection->limit;
    if (replaying->selection->is_trial && most > DEAD_LETTERS_TRIED_MAX)
        most = DEAD_LETTERS_TRIED_MAX;
    return replaying->selected >= most;
}

/* Asked for each record: those that are passed over take their time as well. */
static bool is_late(struct replaying *replaying, const struct topic_tail_record *record)
{
    replaying->at = (struct selection_place){record->partition, record->offset};
    replaying->is_late = clock_monotonic_ms(NULL) > replaying->letters->deadline_ms - REPLAY_END_MS;
    replaying->is_cut = replaying->is_cut || replaying->is_late;
    return replaying->is_late;
}

static int settle(struct replaying *replaying, const struct letter_view *view, const struct resend_to *to, struct mr_error **error)
{
    if (replaying->selection->is_trial)
        return replaying->discards ? 0 : try_letter(replaying, view, to, error);
    if (add_to_batch(replaying, view, to, error) != 0)
        return -1;
    if (replaying->batch_count < replaying->batch_max && replaying->batch_bytes < DEAD_LETTERS_BATCH_BYTES_MAX)
        return 0;
    if (replay_write(replaying, "running", error) != 0)
        return -1;
    keep_rate(replaying);
    return 0;
}

static int look(void *argument, const struct topic_tail_record *record, struct mr_error **error)
{
    struct replaying *replaying = argument;
    struct letter_view view;
    struct resend_to to = {.partition = -1, .id = replaying->id, .letters = replaying->letters->topic};
    int status = 0;
    if (selection_is_past(replaying->selection, record->partition, record->offset))
        return 1;
    if (is_late(replaying, record))
        return 1;
    letter_view_read(&view, record);
    if (!selection_fits(replaying->selection, &view))
        return 0;
    const struct mark *mark = marks_find(&replaying->marks, &view);
    view.attempts = marks_attempts(mark, &view);
    if (is_done(replaying, &view, mark)) {
        replaying->done_before++;
        return 0;
    }
    if (has_failed_before(replaying, mark))
        return 0;
    if (is_enough(replaying)) {
        replaying->is_cut = true;
        return 1;
    }
    const char *why = replaying->discards ? target_keeps(replaying->letters, &view, replaying->selection)
                                          : target_find(replaying->letters, &view, replaying->selection, &to, &status, error);
    if (status != 0)
        return -1;
    if (why != NULL)
        return replay_refuse(replaying, record->partition, record->offset, why, error);
    replaying->selected++;
    return settle(replaying, &view, &to, error);
}

/* The whole ---------------------------------------------------------------------------------------------------- */

static int make_id(struct replaying *replaying, struct mr_error **error)
{
    unsigned char bytes[ID_BYTES];
    if (replaying->selection->id != NULL) {
        snprintf(replaying->id, sizeof(replaying->id), "%s", replaying->selection->id);
        return 0;
    }
    if (!random_fill(bytes, sizeof(bytes)))
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "the system gives no random bytes for the id of a replay");
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(replaying->id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int check_pipeline(const struct replaying *replaying, struct mr_error **error)
{
    const struct selection *selection = replaying->selection;
    if (strcmp(selection->into, "pipeline") != 0)
        return mr_error_set(error, MR_ERR_CONFIG, "\"into\" must be \"pipeline\"");
    if (selection->to != NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "give \"to\", a topic, or \"into\", the connector's pipeline, not both");
    return letters_may_deliver(replaying->letters, selection->is_trial, error);
}

static int check(const struct replaying *replaying, struct mr_error **error)
{
    const struct selection *selection = replaying->selection;
    if (!selection_is_explicit(selection))
        return mr_error_set(error, MR_ERR_CONFIG, "say which letters: \"letters\", \"group\", another filter, or \"all\"");
    bool is_of_replay = selection->to != NULL || selection->into != NULL || selection->edits_key || selection->edits_value || selection->rate != 0;
    if (replaying->discards && is_of_replay)
        return mr_error_set(error, MR_ERR_CONFIG, "\"to\", \"into\", \"key\", \"value\" and \"rate\" are of a replay");
    return selection->into == NULL ? 0 : check_pipeline(replaying, error);
}

/* -1: nothing was written under this call. */
static int prepare(struct replaying *replaying, struct mr_error **error)
{
    int64_t rate = replaying->selection->rate;
    replaying->batch_max = rate == 0 || rate > DEAD_LETTERS_BATCH_MAX ? DEAD_LETTERS_BATCH_MAX : (size_t)rate;
    replaying->began_ms = clock_wall_ms(NULL);
    replaying->refusals = json_array();
    replaying->failures = json_array();
    replaying->tries = json_array();
    if (replaying->refusals == NULL || replaying->failures == NULL || replaying->tries == NULL)
        return replay_no_memory(error);
    if (check(replaying, error) != 0 || make_id(replaying, error) != 0)
        return -1;
    marks_init(&replaying->marks, replaying->id);
    if (replay_open_writer(replaying, error) != 0 || letters_read_marks(replaying->letters, &replaying->marks, error) != 0)
        return -1;
    replay_remember(replaying);
    replaying->first_ms = clock_monotonic_ms(NULL);
    return 0;
}

/* Whoever asks again would come no further: such an answer must not say that there is more. */
static int check_progress(const struct replaying *replaying, struct mr_error **error)
{
    if (!replaying->is_late || replaying->settled + replaying->failed > 0 || (replaying->selection->is_trial && replaying->selected > 0))
        return 0;
    return mr_error_set(error, MR_ERR_TIMEOUT, "the topic has more letters than could be looked at in time, and none so far was one to take: "
                        "give \"partition\" and \"from\", of each partition (partition %" PRId32 " was read up to offset %" PRId64 ")",
                        replaying->at.partition, replaying->at.offset);
}

static int run(struct replaying *replaying, struct mr_error **error)
{
    if (letters_scan(replaying->letters, replaying->selection, SIZE_MAX, look, replaying, error) != 0)
        return -1;
    if (!replaying->selection->is_trial && replay_write(replaying, replaying->is_cut ? "running" : "done", error) != 0)
        return -1;
    return check_progress(replaying, error);
}

static json_t *replay(struct dead_letters *letters, const struct selection *selection, bool discards, struct mr_error **error)
{
    struct mr_error *failure = NULL;
    json_t *json = NULL;
    struct replaying *replaying = mem_calloc(1, sizeof(*replaying));
    if (replaying == NULL) {
        replay_no_memory(error);
        return NULL;
    }
    replaying->letters = letters;
    replaying->selection = selection;
    replaying->discards = discards;
    if (prepare(replaying, &failure) == 0)
        run(replaying, &failure);
    if (failure == NULL || replaying->settled + replaying->failed > 0)
        json = replay_answer(replaying, failure);
    if (json == NULL && failure == NULL)
        replay_no_memory(&failure);
    if (json == NULL)
        replay_tell_error(failure, mr_error_code(failure), error);
    mr_error_drop(failure);
    replay_clear(replaying);
    fenced_writer_close(replaying->writer);
    marks_release(&replaying->marks);
    json_decref(replaying->refusals);
    json_decref(replaying->failures);
    json_decref(replaying->tries);
    mem_free(replaying->items);
    mem_free(replaying);
    return json;
}

json_t *dead_letters_replay(struct dead_letters *letters, const struct selection *selection, struct mr_error **error)
{
    return replay(letters, selection, false, error);
}

json_t *dead_letters_discard(struct dead_letters *letters, const struct selection *selection, struct mr_error **error)
{
    return replay(letters, selection, true, error);
}

json_t *dead_letters_find_replay(struct dead_letters *letters, const char *id, struct mr_error **error)
{
    struct marks marks;
    json_t *json = NULL;
    marks_init(&marks, id);
    if (letters_read_marks(letters, &marks, error) == 0 && (json = json_incref(marks.replay)) == NULL)
        mr_error_set(error, MR_ERR_NOT_FOUND, "there is no replay %.64s of the letters of topic %s", id, letters->topic);
    marks_release(&marks);
    return json;
}
