/*
 * sink_pipeline: from what was consumed to what a sink task is given: key, value, then header converter, then transforms.
 *
 * Runs over a batch on the task's thread. The error policy sees single records: one whose stage fails is retried, skipped
 * (and reported), or ends the run. Nothing is copied: values refer to the consumed message or live in the batch's arena.
 *
 * Offsets are the task's business: every record of the batch counts as handled, whether it passed, was dropped by a
 * transform or was skipped; only tolerance_safe_offset holds back.
 */
#ifndef PIPELINE_SINK_PIPELINE_H
#define PIPELINE_SINK_PIPELINE_H

#include "pipeline/chain.h"

struct mr_batch;
struct pipeline_observer;
struct sink_pipeline;
struct tolerance;

struct sink_pipeline_setup {
    const struct loader *loader;        /* outlives the pipeline */
    const struct string_map *connector; /* the connector's configuration, references resolved; read during create */
    const struct string_map *worker;    /* the worker's properties; NULL: none */
    struct tolerance *tolerance;        /* outlives the pipeline; it serializes with our converters from now on */
};

struct sink_pipeline *sink_pipeline_create(const struct sink_pipeline_setup *setup, struct mr_error **error);
/* Lets somebody look on (observer.h). -1: no memory, the pipeline is of no use then. */
int sink_pipeline_observe(struct sink_pipeline *pipeline, const struct pipeline_observer *observer,
                         struct mr_error **error);
void sink_pipeline_destroy(struct sink_pipeline *pipeline);
const struct converters *sink_pipeline_converters(const struct sink_pipeline *pipeline); /* live as long as it does, as does */
const struct chain *sink_pipeline_chain(const struct sink_pipeline *pipeline);

struct sink_output {
    struct record_array records; /* for put, in order; record->original is the entry it came from */
    size_t dropped;              /* entries that a transform dropped */
    size_t skipped;              /* entries that the error policy gave up */
};
void sink_output_init(struct sink_output *output);
void sink_output_release(struct sink_output *output);

/* The batch holds records with an origin and nothing else (record_set_origin). Empties `output`, then fills it. -1: the
 * task fails with that error; output then holds what came before. A timestamp below -1 is such an error. */
int sink_pipeline_run(struct sink_pipeline *pipeline, struct mr_batch *batch, struct sink_output *output,
                      struct mr_error **error);

#endif
