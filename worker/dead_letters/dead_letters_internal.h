/* dead_letters_internal: one connector's letters, and what the files of this room do of them. */
#ifndef DEAD_LETTERS_DEAD_LETTERS_INTERNAL_H
#define DEAD_LETTERS_DEAD_LETTERS_INTERNAL_H

#include <jansson.h>
#include <pthread.h>

#include "dead_letters/dead_letters.h"
#include "dead_letters/letter.h"
#include "dead_letters/marks.h"
#include "dead_letters/selection.h"
#include "kafka/fenced_writer.h"
#include "kafka/topic_tail.h"

struct admin;
struct client_config;
struct connector_config;
struct dry_run;
struct java_regex;
struct record_origin;
struct record_raw_header;
struct sink_feed;
struct sink_feed_item;

struct dead_letters {
    const struct loader *loader;
    const struct worker_config *worker;
    const struct variables *variables;
    struct graveyard *graveyard;
    int64_t deadline_ms;
    char *who, *request; /* request NULL: none */
    struct string_map *raw, *resolved;
    struct connector_config *config;
    char *topic, *marks_topic;
    struct client_config *consumer;
    struct admin *admin;              /* NULL: not needed so far */
    struct string_map *partitions;    /* topic → how many, in decimal digits; "0": it is not there */
    struct java_regex *topics_regex;  /* NULL: none, or not needed so far */
    struct dry_run *dry_run;          /* NULL: not needed so far */
    struct string_map *task_config;   /* raw; NULL: none is known */
    struct string_map *task_resolved;
    pthread_mutex_t feed_lock;        /* an interruption against the end of the feed */
    struct sink_feed *feed;           /* NULL: not needed so far */
    bool is_interrupted;
};

/* ---- studio.c ---- */

struct admin *letters_admin(struct dead_letters *letters, struct mr_error **error);
struct client_config *letters_producer(struct dead_letters *letters, struct mr_error **error);
/* Of the present configuration. NULL: why there is none. */
struct dry_run *letters_dry_run(struct dead_letters *letters, struct mr_error **error);
/* -1: nobody can be asked. 0 partitions: there is no such topic. */
int letters_partitions(struct dead_letters *letters, const char *topic, int32_t *count, struct mr_error **error);
int letters_make_marks_topic(struct dead_letters *letters, struct mr_error **error);
/* Calls `each` for the letters that a selection's places leave. `last` of each partition. */
int letters_scan(struct dead_letters *letters, const struct selection *selection, size_t last, topic_tail_each_fn *each,
                 void *argument, struct mr_error **error);
int letters_read_marks(struct dead_letters *letters, struct marks *marks, struct mr_error **error);

/* ---- encode.c: letters as JSON ---- */

json_t *letter_json_bytes(struct mr_bytes bytes, size_t most); /* {"text"} or {"base64"}, "size", "cut"; null */
json_t *letter_json_context(const struct letter_view *view, enum letter_field field, size_t most); /* cut text; null */
/* Its texts are cut to DEAD_LETTERS_ROW_TEXT_MAX. */
json_t *letter_json_row(const struct letter_view *view, const struct mark *mark);
/* The row, and all of it. */
json_t *letter_json_whole(const struct letter_view *view, const struct mark *mark);

/* ---- resend.c: the record that goes back ---- */

/* One block, with the entry's bytes behind it. */
struct resend {
    struct fenced_writer_entry entry;
    int32_t partition; /* where its record was read; those of the letter where that is not known */
    int64_t offset;
    size_t bytes;
};
struct resend_to {
    const char *topic;     /* copied */
    int32_t partition;     /* -1: by key */
    const char *id;        /* of the replay; NULL: it gets no mark */
    const char *letters;   /* the topic of the letter */
};
/* mem_free. NULL: no memory. */
struct resend *resend_create(const struct letter_view *view, const struct selection *selection, const struct resend_to *to);
/* The same as it was consumed. `headers` is its array, mem_free, also when that is no memory (false). */
bool resend_origin(const struct resend *resend, struct record_origin *origin, struct record_raw_header **headers);
/* The report of a dry run over what would go back. `outcome` may be NULL. NULL: why it could not be tried. */
json_t *resend_try(struct dead_letters *letters, const struct resend *resend, int *outcome, struct mr_error **error);

/* ---- deliver.c: straight into the connector's pipeline ---- */

/* Can it be done at all? A dry run needs no task. */
int letters_may_deliver(const struct dead_letters *letters, bool is_trial, struct mr_error **error);
/* As sink_feed_put; the plugin's task is made when it is needed first. */
int letters_deliver(struct dead_letters *letters, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error);
void letters_end_feed(struct dead_letters *letters);

/* ---- target.c: may this letter go back, and where to ---- */

/* Does the connector read that topic? */
bool target_reads(struct dead_letters *letters, const char *topic);
/* Why not; NULL: it may. `to` is filled. -1 in *status: nobody could be asked. Thread as ever. */
const char *target_find(struct dead_letters *letters, const struct letter_view *view, const struct selection *selection,
                        struct resend_to *to, int *status, struct mr_error **error);
/* Why it may not be discarded; NULL: it may. */
const char *target_keeps(const struct dead_letters *letters, const struct letter_view *view, const struct selection *selection);

#endif
