/*
 * dead_letters: a connector's dead letters, for whoever looks after them (docs/dead-letters.md): what lies there and why, what became of
 * each, and back with those whose cause is mended.
 *
 * A replayed record is the original in key, value, headers and timestamp, with one more header, the mark (letter.h). It and the mark of
 * its letter (marks.h) are written in one transaction; whoever opens a replay of the same letter topic ends an earlier one that is still
 * under way. So a process may die at any moment: what it had committed is marked, the rest is as if it had never been touched.
 * Or it goes into the connector's pipeline ("into"), past all topics: in this process, by a task of the plugin that has no consumer
 * (task/sink_feed.h). Its mark is written when the plugin has said that it is safe: a process that dies repeats a batch at most. One that
 * fails again stays open where it is, with a mark that counts the attempt.
 *
 * Whether the caller may do this is asked before. Life: _open → calls → _close. Thread: one at a time, one that may wait; deadlines are
 * absolute on clock_monotonic_ms(NULL).
 */
#ifndef DEAD_LETTERS_DEAD_LETTERS_H
#define DEAD_LETTERS_DEAD_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dead_letters;
struct graveyard;
struct json_t;
struct loader;
struct mr_error;
struct selection;
struct str_buffer;
struct string_map;
struct variables;
struct worker_config;

#define DEAD_LETTERS_SHOWN 20          /* letters in a list, unless a limit is given */
#define DEAD_LETTERS_SHOWN_MAX 1000
#define DEAD_LETTERS_SCAN_MAX 100000   /* of each partition, the newest: what a list looks at */
#define DEAD_LETTERS_GROUPS_MAX 1000   /* in a list; letters of further causes are counted in sum */
#define DEAD_LETTERS_ROW_TEXT_MAX 1024 /* bytes of a text of the context in a list: its page has some megabytes at most */
#define DEAD_LETTERS_VALUE_MAX (256u << 10) /* bytes of a key, value or header that are shown */
#define DEAD_LETTERS_TRIED_MAX 100     /* letters of one dry run */
#define DEAD_LETTERS_BATCH_MAX 100     /* letters of one transaction, and their bytes: */
#define DEAD_LETTERS_BATCH_BYTES_MAX ((size_t)4 << 20)
#define DEAD_LETTERS_REFUSALS_MAX 100  /* that are told one by one */

/* Borrowed during _open, but for loader, worker, variables and graveyard, which outlive the result. */
struct dead_letters_setup {
    const struct loader *loader;
    const struct worker_config *worker;
    const struct variables *variables; /* NULL: references stay text */
    const struct string_map *config;   /* of the connector, as written */
    const struct string_map *task_config; /* of one of its tasks, as written: for replays into the pipeline; NULL: none is known */
    struct graveyard *graveyard;
    int64_t deadline_ms; /* a replay that is not done by then stops between two transactions and says so */
    const char *who;     /* for the marks */
    const char *request; /* id under which the audit has it; NULL: none */
};

/* NULL: MR_ERR_CONFIG: the connector names no dead letter topic, or its configuration cannot be used. */
struct dead_letters *dead_letters_open(const struct dead_letters_setup *setup, struct mr_error **error);
/* NULL is fine. Waits for nobody but the connector's plugin, whose task is stopped if letters went into its pipeline. */
void dead_letters_close(struct dead_letters *letters);
/* Letters that go into the pipeline: nothing more is begun, and the plugin is asked to let go (request_stop), which may hang: for a job
 * thread. thread: any, until _close. */
void dead_letters_interrupt(struct dead_letters *letters);
const char *dead_letters_topic(const struct dead_letters *letters);
/* As dead_letters_open finds it: mem_free. NULL: the configuration names none, or no memory. No client, no plugin. */
char *dead_letters_topic_of(const struct string_map *config);

/* Answers are JSON objects, the caller's to json_decref; docs/dead-letters.md has their members.
 * NULL: MR_ERR_CONFIG, MR_ERR_NOT_FOUND (no topic, no such letter, no such replay), MR_ERR_CONFLICT (another replay began meanwhile),
 * MR_ERR_NOT_SUPPORTED (no transactions), MR_ERR_TIMEOUT, … */
struct json_t *dead_letters_list(struct dead_letters *letters, const struct selection *selection, struct mr_error **error);
struct json_t *dead_letters_show(struct dead_letters *letters, int32_t partition, int64_t offset, struct mr_error **error);
/* A failure after the first transaction is no NULL: "state" is "failed" then, and "error" says why. */
struct json_t *dead_letters_replay(struct dead_letters *letters, const struct selection *selection, struct mr_error **error);
struct json_t *dead_letters_discard(struct dead_letters *letters, const struct selection *selection, struct mr_error **error);
struct json_t *dead_letters_find_replay(struct dead_letters *letters, const char *id, struct mr_error **error);

/* The same for people. false: the buffer has failed. */
bool dead_letters_write_list(const struct json_t *answer, struct str_buffer *out);
bool dead_letters_write_letter(const struct json_t *answer, struct str_buffer *out);
bool dead_letters_write_replay(const struct json_t *answer, struct str_buffer *out);

#endif
