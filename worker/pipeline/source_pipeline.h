/*
 * source_pipeline: from what a source polled to what can be produced: transforms, then header, key and value converters.
 *
 * Runs over a batch on the task's thread. The error policy sees single records: a record whose stage fails is retried,
 * skipped (and reported), or ends the run. Nothing is copied: bytes live in the batch's arena or where the values refer to.
 *
 * A transform may make many records of one: each becomes an item of its own, with `record->original` the polled one; the
 * polled record is acknowledged when all of its items are. The polled record itself is never changed: transforms work on
 * copies, so commit_record and error reports see what the task polled.
 */
#ifndef PIPELINE_SOURCE_PIPELINE_H
#define PIPELINE_SOURCE_PIPELINE_H

#include <millrace/abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct converters;
struct loader;
struct mr_batch;
struct mr_error;
struct mr_record;
struct pipeline_observer;
struct mr_future;
struct producer_header;
struct producer_record;
struct source_pipeline;
struct string_map;
struct tolerance;

struct source_pipeline_setup {
    const struct loader *loader;        /* outlives the pipeline */
    const struct string_map *connector; /* the connector's configuration, references resolved; read during create */
    const struct string_map *worker;    /* the worker's properties; NULL: none */
    struct tolerance *tolerance;        /* outlives the pipeline; dead letters are made with our converters from now on */
};

struct source_pipeline *source_pipeline_create(const struct source_pipeline_setup *setup, struct mr_error **error);
/* Lets somebody look on (observer.h). -1: no memory, the pipeline is of no use then. */
int source_pipeline_observe(struct source_pipeline *pipeline, const struct pipeline_observer *observer,
                            struct mr_error **error);

enum outgoing_kind {
    OUTGOING_SEND,
    OUTGOING_DROPPED, /* filtered by a transform, or skipped by the error policy: nothing to send */
    OUTGOING_PROGRESS /* a marker: only source partition and offset */
};

/* In the order polled; the items of one polled record stand together. */
struct outgoing {
    struct mr_record *record; /* record->original is the entry of the batch; for DROPPED and PROGRESS the entry itself */
    enum outgoing_kind kind;
    bool failed;              /* DROPPED: by the error policy, not by a transform */
    struct mr_future *letter; /* its dead letter: done when that is safe. The list's, until it is taken. NULL: nothing to wait for */
    const char *topic;
    int32_t partition;        /* -1: by key */
    int64_t timestamp_ms;     /* -1: none */
    struct mr_bytes key, value;
    const struct producer_header *headers;
    size_t header_count;
};

struct outgoing_list {
    struct outgoing *items;
    size_t count, capacity;
    size_t letter_count; /* items that have one */
};

void outgoing_list_init(struct outgoing_list *list);
void outgoing_list_release(struct outgoing_list *list);
/* Forgets the items from `count` on. */
void outgoing_list_cut(struct outgoing_list *list, size_t count);
struct mr_future *outgoing_list_take_letter(struct outgoing_list *list, struct outgoing *item);

/* Empties `list`, then fills it. -1: the task fails with that error; the items of the records before the failing one are in
 * the list and are still to be sent. A record without topic, or with a negative timestamp, is such an error. */
int source_pipeline_run(struct source_pipeline *pipeline, struct mr_batch *batch, struct outgoing_list *list,
                        struct mr_error **error);

/* Kafka refused a record for good (stage KAFKA_PRODUCE): reported by the error policy. 0: tolerated, the record counts as
 * dropped when *letter (yours to drop; NULL: nothing to wait for) is done; -1: the task fails with that error. */
struct refusal {
    const struct mr_record *record;
    const struct producer_record *sent;
    const char *words; /* NULL: none */
};
int source_pipeline_produce_failed(struct source_pipeline *pipeline, const struct refusal *refusal, struct mr_future **letter,
                                   struct mr_error **error);
void source_pipeline_destroy(struct source_pipeline *pipeline);
const struct converters *source_pipeline_converters(const struct source_pipeline *pipeline); /* live as long as it does, as does */
const struct chain *source_pipeline_chain(const struct source_pipeline *pipeline);

#endif
