/*
 * marks: what became of letters, in a topic of our own beside the letters' (name + ".marks"), compacted: a record for each letter that was
 * replayed or discarded, or failed again in the pipeline and stays open, and one for each replay. Marks are written in the very transaction that writes the replayed records, so a
 * letter with a mark was replayed once, and one without was not. (Of replays into the pipeline they are written when the plugin has said
 * that the records are safe: one without may have been put.)
 *
 * A mark counts only for the letter whose print it bears: a letter topic that was deleted and made anew begins at offset 0 again.
 *
 *   letter/P/O  {"state":"replayed"|"discarded"|"open","id","print","attempt","to"|"into","time","who","reason"}, of "open" also "stage","why"
 *   replay/ID   {"id","state":"running"|"done","replayed","discarded","refused","failed","began","time","who","request"}
 *
 * Life: _init → _read → … → _release. Thread: one at a time; _read waits for brokers.
 */
#ifndef DEAD_LETTERS_MARKS_H
#define DEAD_LETTERS_MARKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dead_letters/selection.h"

struct client_config;
struct graveyard;
struct letter_view;
struct mr_error;
struct topic_tail_record;

#define MARKS_SUFFIX ".marks"
#define MARKS_MAX 1000000 /* in memory; a topic that holds more is refused */
#define MARKS_KEY_MAX 96

enum mark_state { MARK_NONE, MARK_REPLAYED, MARK_DISCARDED };

struct mark {
    int32_t partition;
    int64_t offset;
    uint64_t print;
    uint64_t order; /* in the topic: the last counts */
    enum mark_state state; /* NONE: replays into the pipeline failed, and the letter is open */
    int32_t attempts;      /* of NONE: replays that came to this letter, with those of its header; else 0 */
    char id[SELECTION_ID_MAX + 1]; /* of the replay */
};

struct marks {
    struct mark *items; /* sorted by place once read, one for each */
    size_t count, capacity;
    uint64_t order;
    char wanted[MARKS_KEY_MAX]; /* the key of the replay that is asked for */
    json_t *replay;             /* what the topic says of it; NULL: nothing */
};

void marks_init(struct marks *marks, const char *replay_id); /* NULL: none is asked for */
void marks_release(struct marks *marks);

struct marks_source {
    const struct client_config *config; /* reads what is committed alone */
    struct graveyard *graveyard;
    const char *topic;
    int64_t deadline_ms;
};
/* A topic that is not there holds none. */
int marks_read(struct marks *marks, const struct marks_source *source, struct mr_error **error);
/* For tests and fuzzing: one record of the topic; those that are not of the form are passed over. -1: too many. */
int marks_add(struct marks *marks, const struct topic_tail_record *record, struct mr_error **error);
void marks_sort(struct marks *marks);

/* NULL: the letter has none. */
const struct mark *marks_find(const struct marks *marks, const struct letter_view *view);
/* Replays that came to this letter, also those into the pipeline that left it where it is. `mark` may be NULL. */
int32_t marks_attempts(const struct mark *mark, const struct letter_view *view);
const char *mark_state_name(enum mark_state state); /* "open", "replayed", "discarded" */

void marks_letter_key(char key[MARKS_KEY_MAX], int32_t partition, int64_t offset);
void marks_replay_key(char key[MARKS_KEY_MAX], const char *id);

#endif
