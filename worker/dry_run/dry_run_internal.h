/* dry_run_internal: one dry run, and what its files do of it. */
#ifndef DRY_RUN_DRY_RUN_INTERNAL_H
#define DRY_RUN_DRY_RUN_INTERNAL_H

#include <jansson.h>
#include <millrace/record.h>

#include "base/ptr_array.h"
#include "config/connector_config.h"
#include "dry_run/dry_run.h"
#include "dry_run/places.h"
#include "pipeline/observer.h"
#include "pipeline/sink_pipeline.h"
#include "pipeline/source_pipeline.h"

struct operation;
struct tolerance;

/* ---- mask.c: what no report may hold ---- */

struct mask {
    char **texts;
    size_t count;
};

/* `resolved`: what the references of `raw` became. -1: no memory. */
int mask_init(struct mask *mask, const struct loader *loader, const struct string_map *raw,
              const struct string_map *resolved, struct mr_error **error);
void mask_release(struct mask *mask);
/* Hides in all texts of it, and in bytes in base64 beside them. false: no memory. */
bool mask_apply(const struct mask *mask, json_t *json);

/* ---- trace.c: what the observer is told of one record ---- */

struct trace {
    json_t *stages; /* NULL: no memory */
    json_t *open;   /* the transform at work */
    json_t *failure; /* of the error policy: {"stage",…}; NULL: it was not asked */
    bool failure_is_retriable;
    const struct mr_record *given; /* a sink record whose values are there already; NULL: none */
    size_t given_headers;          /* handed out so far */
    bool is_sink;
    size_t shown, shown_max;       /* of the record at work; bytes */
    size_t shown_all, shown_all_max;
    size_t held, held_max;         /* memory of the report of the record at work, roughly */
    bool is_cut;                   /* no more stages are told */
    const struct loader *loader;   /* tells how many versions of a class there are */
    bool tells_versions;           /* of all classes; else of those that there are several of */
    struct places places;
};

/* Before anything of a record is shown. */
void trace_reset(struct trace *trace);
void trace_begin(struct trace *trace, const struct mr_record *given);
void trace_end(struct trace *trace);
struct pipeline_observer trace_observer(struct trace *trace);
void trace_failed(void *trace, const struct operation *operation, const struct mr_error *error);
bool trace_is_full(const struct trace *trace);
json_t *trace_cut(void);
/* Data for a report, or {"cut":true} where there is too much already. */
json_t *trace_record(struct trace *trace, const struct mr_record *record);
json_t *trace_bytes(struct trace *trace, struct mr_bytes bytes); /* {"text","bytes"}; null */
/* Words with all causes: {"exception","message","causes":[…]}. Takes `json`, an object to add to. */
json_t *trace_add_error(json_t *json, const struct mr_error *error);

/* ---- input.c: a record as it is given ---- */

struct input {
    struct mr_batch *batch;  /* of one record: what the pipeline runs over */
    struct mr_batch *values; /* holds `given` */
    const struct mr_record *given;
    json_t *json;            /* as the report shows it */
};

/* -1: nothing to release. */
int input_of_text(struct input *input, struct dry_run *dry_run, const char *text, size_t length, struct mr_error **error);
int input_of_origin(struct input *input, struct dry_run *dry_run, const struct record_origin *origin, struct mr_error **error);
void input_release(struct input *input);

/* ---- the whole ---- */

struct dry_run {
    const struct loader *loader;
    const struct worker_config *worker;
    struct string_map *raw, *resolved;
    struct connector_config *config;
    struct ptr_array hints; /* char * */
    struct mask mask;
    struct trace trace;
    struct pipeline_observer observer;
    struct tolerance *tolerance;
    struct sink_pipeline *sink; /* one of the two */
    struct source_pipeline *source;
    const char *topic;          /* of records that name none */
    uint64_t record_count;
};

/* report.c: runs the pipeline over it and fills the report. Takes the input. */
int report_make(struct dry_run *dry_run, struct input *input, struct dry_run_report *report, struct mr_error **error);

#endif
