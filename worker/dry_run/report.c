/* One record through the pipeline, and what became of it. */
#include "dry_run/dry_run_internal.h"

#include <millrace/error.h>
#include <stdlib.h>

#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "dry_run/encode.h"
#include "kafka/producer.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define TOPIC_NAME_MAX 249 /* Kafka's rule */

static const char *const OUTCOMES[] = {
    [DRY_RUN_PASSED] = "passed", [DRY_RUN_DROPPED] = "dropped", [DRY_RUN_SKIPPED] = "skipped", [DRY_RUN_FAILED] = "failed"};

/* What comes out ---------------------------------------------------------------------------------------------- */

struct passing {
    struct dry_run *dry_run;
    struct mr_batch *batch;
    enum dry_run_outcome outcome;
    json_t *output;            /* with PASSED */
    struct mr_error *error;    /* with FAILED */
};

static void run_sink(struct passing *passing)
{
    struct sink_output output;
    sink_output_init(&output);
    if (sink_pipeline_run(passing->dry_run->sink, passing->batch, &output, &passing->error) != 0)
        passing->outcome = DRY_RUN_FAILED;
    else if (output.skipped > 0)
        passing->outcome = DRY_RUN_SKIPPED;
    else
        passing->outcome = output.records.count == 0 ? DRY_RUN_DROPPED : DRY_RUN_PASSED;
    passing->output = json_array();
    bool is_full = false;
    for (size_t i = 0; passing->outcome == DRY_RUN_PASSED && i < output.records.count && !is_full; i++) {
        is_full = trace_is_full(&passing->dry_run->trace);
        passing->output = encode_and(passing->output, trace_record(&passing->dry_run->trace, output.records.items[i]));
    }
    sink_output_release(&output);
}

static json_t *produced_headers(struct trace *trace, const struct outgoing *item)
{
    json_t *list = json_array();
    for (size_t i = 0; i < item->header_count && list != NULL; i++) {
        bool was_full = trace_is_full(trace);
        json_t *header = encode_with(json_object(), "key", encode_text_or_null(item->headers[i].name));
        list = encode_and(list, encode_with(header, "value", trace_bytes(trace, item->headers[i].value)));
        if (was_full) /* one word is enough for all that follow */
            break;
    }
    return list;
}

static json_t *produced(struct trace *trace, const struct outgoing *item)
{
    if (trace_is_full(trace))
        return trace_cut();
    json_t *json = encode_with(json_object(), "topic", encode_text_or_null(item->topic));
    json = encode_with(json, "partition", item->partition < 0 ? json_null() : json_integer(item->partition));
    json = encode_with(json, "timestamp", item->timestamp_ms < 0 ? json_null() : encode_integer_text(item->timestamp_ms));
    json = encode_with(json, "key", trace_bytes(trace, item->key));
    json = encode_with(json, "value", trace_bytes(trace, item->value));
    return encode_with(json, "headers", produced_headers(trace, item));
}

/* What brokers take. A topic that they refuse ends the task when it is asked for, whatever errors.tolerance says. */
static bool is_topic_name(const char *name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length <= TOPIC_NAME_MAX && strspn(name, legal) == length && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static void check_topics(struct passing *passing, const struct outgoing_list *list)
{
    for (size_t i = 0; passing->outcome == DRY_RUN_PASSED && i < list->count; i++) {
        const struct outgoing *item = &list->items[i];
        if (item->kind != OUTGOING_SEND || is_topic_name(item->topic))
            continue;
        passing->outcome = DRY_RUN_FAILED;
        mr_error_set(&passing->error, MR_ERR_CONNECT, "'%.100s' is no legal name of a topic (1 to %d of a-z A-Z 0-9 . _ -): Kafka would refuse it",
                     item->topic, TOPIC_NAME_MAX);
    }
}

static void run_source(struct passing *passing)
{
    struct outgoing_list list;
    outgoing_list_init(&list);
    passing->outcome = DRY_RUN_PASSED;
    if (source_pipeline_run(passing->dry_run->source, passing->batch, &list, &passing->error) != 0)
        passing->outcome = DRY_RUN_FAILED;
    else if (list.count == 1 && list.items[0].kind == OUTGOING_DROPPED)
        passing->outcome = list.items[0].failed ? DRY_RUN_SKIPPED : DRY_RUN_DROPPED;
    check_topics(passing, &list);
    passing->output = json_array();
    bool is_full = false;
    for (size_t i = 0; passing->outcome == DRY_RUN_PASSED && i < list.count && !is_full; i++) {
        is_full = trace_is_full(&passing->dry_run->trace);
        passing->output = encode_and(passing->output, produced(&passing->dry_run->trace, &list.items[i]));
    }
    outgoing_list_release(&list);
}

/* What went wrong --------------------------------------------------------------------------------------------- */

static bool has_failed(const struct passing *passing)
{
    return passing->outcome == DRY_RUN_SKIPPED || passing->outcome == DRY_RUN_FAILED;
}

/* What the policy would have done besides; a failure that it does not cover ends the task, whatever it says. */
static json_t *treatment_of(const struct passing *passing)
{
    const struct connector_errors *errors = &passing->dry_run->config->errors;
    const struct trace *trace = &passing->dry_run->trace;
    bool is_covered = trace->failure != NULL;
    json_t *json = encode_with(json_object(), "tolerance", json_string(errors->tolerate_all ? "all" : "none"));
    json = encode_with(json, "covers", json_boolean(is_covered));
    json = encode_with(json, "task", json_string(passing->outcome == DRY_RUN_SKIPPED ? "goes on" : "fails"));
    json = encode_with(json, "retries_ms", json_integer(trace->failure_is_retriable ? errors->retry_timeout_ms : 0));
    json = encode_with(json, "logged", json_boolean(is_covered && errors->log_enable));
    return encode_with(json, "dead_letter_topic", encode_text_or_null(is_covered ? errors->dead_letter_topic : NULL));
}

static json_t *add_failure(json_t *json, struct passing *passing)
{
    const struct trace *trace = &passing->dry_run->trace;
    if (!has_failed(passing))
        return json;
    json_t *error = trace->failure != NULL ? json_incref(trace->failure)
                                           : encode_with(json_object(), "stage", json_null());
    if (trace->failure == NULL && passing->error != NULL)
        error = trace_add_error(error, passing->error);
    json = encode_with(json, "error", error);
    return encode_with(json, "treatment", treatment_of(passing));
}

/* The last transform that let nothing out. */
static json_t *add_dropper(json_t *json, const struct passing *passing)
{
    const json_t *stages = passing->dry_run->trace.stages;
    for (size_t i = json_array_size(stages); passing->outcome == DRY_RUN_DROPPED && i > 0; i--) {
        const json_t *stage = json_array_get(stages, i - 1), *out = json_object_get(stage, "out");
        if (json_is_array(out) && json_array_size(out) == 0)
            return encode_with(json, "dropped_by", json_incref(json_object_get(stage, "alias")));
    }
    return json;
}

/* The whole --------------------------------------------------------------------------------------------------- */

static json_t *report_of(struct passing *passing, struct input *input)
{
    struct dry_run *dry_run = passing->dry_run;
    json_t *json = encode_with(json_object(), "record", json_integer((json_int_t)++dry_run->record_count));
    json = encode_with(json, "outcome", json_string(OUTCOMES[passing->outcome]));
    json = encode_with(json, "input", json_incref(input->json));
    json = encode_with(json, "stages", json_incref(dry_run->trace.stages));
    json = add_dropper(json, passing);
    json = encode_with(json, "output", passing->output);
    return add_failure(json, passing);
}

int report_make(struct dry_run *dry_run, struct input *input, struct dry_run_report *report, struct mr_error **error)
{
    struct passing passing = {.dry_run = dry_run, .batch = input->batch};
    trace_begin(&dry_run->trace, input->given);
    if (dry_run->sink != NULL)
        run_sink(&passing);
    else
        run_source(&passing);
    variables_hide_error(dry_run->raw, dry_run->resolved, &passing.error);
    *report = (struct dry_run_report){.outcome = passing.outcome, .json = report_of(&passing, input)};
    mr_error_drop(passing.error);
    trace_end(&dry_run->trace);
    input_release(input);
    if (report->json != NULL && mask_apply(&dry_run->mask, report->json))
        return 0;
    dry_run_report_release(report);
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the report of a record");
}

static int append(const char *text, size_t length, void *out)
{
    return str_buffer_append(out, text, length) ? 0 : -1;
}

bool dry_run_report_write_json(const struct dry_run_report *report, struct str_buffer *out)
{
    return json_dump_callback(report->json, append, out, JSON_COMPACT) == 0;
}

void dry_run_report_release(struct dry_run_report *report)
{
    json_decref(report->json);
    report->json = NULL;
}
