/*
 * dry_run: what a connector's converters and transforms would make of records, stage by stage, without a task: no connector is
 * started, nothing is written, and nothing is read but records of a topic that is asked for (dry_run_topic).
 *
 * The pipeline is the one of a task (pipeline/sink_pipeline.h, source_pipeline.h) with its error policy, and somebody who looks on
 * (pipeline/observer.h). What differs from a task, and is told in the report instead: nothing is tried again, no dead letter and no
 * log line is written, and after a record that would fail the task the next one is looked at all the same.
 *
 * A record comes
 *  - as bytes that were consumed (dry_run_consumed; sinks);
 *  - as text of JSON (dry_run_text): {"key","value","headers","topic","partition","offset","timestamp"}. A text stands for its UTF-8
 *    bytes, anything else for its compact JSON text; for a source a text is a string, anything else a schemaless value;
 *  - or in the form of the corpus, with "kind" (decode.h): exact values with their schemas, as the converters of a sink or the
 *    task of a source would make them. The converters of a sink are then passed by.
 *
 * Reports hide ("[hidden]") what config providers answered, and literal passwords of the configuration, in texts and bytes of them;
 * not what a transform has made of those. Sizes: see the limits.
 *
 * Life: _create (calls plugin code: validation, creation) → records → _destroy. Thread: one at a time, one that may be blocked.
 */
#ifndef DRY_RUN_DRY_RUN_H
#define DRY_RUN_DRY_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dry_run;
struct graveyard;
struct json_t;
struct loader;
struct mr_error;
struct record_origin;
struct str_buffer;
struct string_map;
struct variables;
struct worker_config;

#define DRY_RUN_NAME "try"            /* of a connector whose configuration has no name */
#define DRY_RUN_LINE_MAX (64u << 20)  /* bytes of one record's text */
#define DRY_RUN_RECORDS_MAX 10000     /* of a file, or of a topic */
#define DRY_RUN_SHOWN_MAX (1u << 30)  /* bytes of one report in JSON, roughly */
#define DRY_RUN_HELD_MAX (512u << 20) /* bytes of memory of one report; some 700,000 numbers */
#define DRY_RUN_CUT_TEXT 200          /* bytes of a value in the report for people */

/* Borrowed during _create, but for loader and worker, which outlive the dry run. */
struct dry_run_setup {
    const struct loader *loader;
    const struct worker_config *worker;
    const struct variables *variables; /* NULL: references stay text */
    const struct string_map *config;   /* of the connector, as written */
    size_t shown_max, shown_all_max;   /* bytes of JSON of one report, of all; what is beyond is {"cut":true} */
    size_t held_max;                   /* bytes of memory of one report: what would be more is not made, and is {"cut":true} as well */
};

/* NULL: MR_ERR_CONFIG or MR_ERR_NOT_FOUND: what is wrong with the configuration, a line for each mistake and each hint. */
struct dry_run *dry_run_create(const struct dry_run_setup *setup, struct mr_error **error);
void dry_run_destroy(struct dry_run *dry_run); /* NULL is fine */

/* Options that have no effect, in words: misspelt ones, of transforms that are not listed, of a converter that is the worker's. */
size_t dry_run_hint_count(const struct dry_run *dry_run);
const char *dry_run_hint(const struct dry_run *dry_run, size_t i);
/* Behind the last record, once: adds what only records show, fields of transforms that were in none of them. */
void dry_run_end(struct dry_run *dry_run);
bool dry_run_write_hints(const struct dry_run *dry_run, struct str_buffer *out); /* ["…"]; false: the buffer has failed */

bool dry_run_is_sink(const struct dry_run *dry_run);

enum dry_run_outcome {
    DRY_RUN_PASSED,
    DRY_RUN_DROPPED, /* by a transform */
    DRY_RUN_SKIPPED, /* a stage failed; errors.tolerance=all */
    DRY_RUN_FAILED   /* a stage failed, and so would the task */
};

/* Of one record. */
struct dry_run_report {
    enum dry_run_outcome outcome;
    struct json_t *json;
};

/* -1: MR_ERR_DATA: the text is no record; or no memory. There is no report then. */
int dry_run_text(struct dry_run *dry_run, const char *text, size_t length, struct dry_run_report *report,
                 struct mr_error **error);
/* For sinks. The origin is only read. */
int dry_run_consumed(struct dry_run *dry_run, const struct record_origin *origin, struct dry_run_report *report,
                     struct mr_error **error);

/* false: the buffer has failed. */
bool dry_run_report_write_json(const struct dry_run_report *report, struct str_buffer *out); /* one line, without its end */
bool dry_run_report_write_text(const struct dry_run_report *report, struct str_buffer *out); /* for people; long values are cut */
void dry_run_report_release(struct dry_run_report *report);

/* The last records of a topic, of all its partitions, read by the connector's own consumer settings but as nobody's member. */
struct dry_run_topic {
    const char *topic;
    size_t last;
    size_t bytes_max;             /* of all; older ones are left out */
    int64_t deadline_ms;          /* clock_monotonic_ms */
    struct graveyard *graveyard;
};
/* Called for each in the order of their time; -1 ends it. Calls for none where the topic is empty. */
typedef int dry_run_each_fn(void *argument, struct dry_run *dry_run, const struct record_origin *origin, struct mr_error **error);
/* -1: MR_ERR_CONFIG for a source; no such topic; or the brokers do not answer. */
int dry_run_topic(struct dry_run *dry_run, const struct dry_run_topic *topic, dry_run_each_fn *each, void *argument,
                  struct mr_error **error);

#endif
