/*
 * observer: somebody looks on while records pass a pipeline: the dry run.
 *
 * It stands between the pipeline and its plugins, in their place: where nobody looks on, nothing of it is there and nothing is asked.
 * What the pipeline does is the same with it. Its functions are called in the order of what happens; a stage that is tried again is
 * told again. What they are shown lives during the call, records as long as their batch.
 *
 * Life: set up once, after the pipeline's creation and before its first run; borrowed, outlives the pipeline. Thread: the pipeline's.
 */
#ifndef PIPELINE_OBSERVER_H
#define PIPELINE_OBSERVER_H

#include <millrace/abi.h>
#include <stdbool.h>
#include <stddef.h>

#include "errors/stage.h"

struct chain;
struct converters;
struct mr_converter_place;
struct mr_error;
struct mr_record;
struct mr_schema;
struct mr_value;

/* Texts live as long as the pipeline. */
struct observed_stage {
    enum stage stage;      /* TRANSFORMATION or one of the converters */
    const char *class_name, *version; /* version NULL: none */
    const char *alias;     /* of a transform; else NULL */
    const char *predicate; /* the class of its predicate; NULL: none */
    const char *predicate_version;
    bool negate;
};

/* One datum through a converter. */
struct observed_datum {
    const char *header_key; /* NULL: key or value */
    struct mr_bytes bytes;  /* data NULL: null */
    const struct mr_schema *schema;
    const struct mr_value *value; /* NULL where the converter failed to make one */
    bool failed;
};

struct pipeline_observer {
    void *argument;
    /* A record comes to a transform; it may be changed in place from here on. */
    void (*on_record)(void *argument, const struct observed_stage *stage, const struct mr_record *record);
    /* The transform's predicate was asked, before the transform. `applies` false: the record passes it by, nothing more is told. */
    void (*on_test)(void *argument, const struct observed_stage *stage, bool holds, bool applies, bool failed);
    /* What the transform made of it: none, one or many. */
    void (*on_records)(void *argument, const struct observed_stage *stage, struct mr_record *const *records, size_t count,
                       bool failed);
    /* Is the value there already, so that nothing is to be converted to it? May be NULL. */
    bool (*give)(void *argument, const struct observed_stage *stage, const struct mr_converter_place *place,
                 const struct mr_schema **schema, const struct mr_value **value);
    void (*on_datum)(void *argument, const struct observed_stage *stage, const struct observed_datum *datum);
};

/* For the files of this room. -1: no memory. */
int chain_observe(struct chain *chain, const struct pipeline_observer *observer, struct mr_error **error);
int converters_observe(struct converters *converters, const struct pipeline_observer *observer, struct mr_error **error);

#endif
