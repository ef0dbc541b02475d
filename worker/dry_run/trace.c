/* What passes each stage, as JSON, while it passes: a transform may change a record in place. */
#include "dry_run/dry_run_internal.h"

#include <millrace/converter.h>
#include <millrace/error.h>
#include <string.h>

#include "base/utf8.h"
#include "dry_run/encode.h"
#include "dry_run/weigh.h"
#include "errors/tolerance.h"
#include "loader/loader.h"

#include "base/bans.h"

#define CAUSES_MAX 20
#define STAGE_BYTES 256   /* of a stage's own words */
#define STAGE_MEMORY 2048 /* the same while it is JSON */

void trace_reset(struct trace *trace)
{
    trace->shown = trace->held = 0;
    trace->is_cut = false;
}

void trace_begin(struct trace *trace, const struct mr_record *given)
{
    trace->stages = json_array();
    trace->open = NULL;
    trace->failure = NULL;
    trace->failure_is_retriable = false;
    trace->given = given;
    trace->given_headers = 0;
}

void trace_end(struct trace *trace)
{
    json_decref(trace->stages);
    json_decref(trace->open);
    json_decref(trace->failure);
    trace->stages = trace->open = trace->failure = NULL;
    trace->given = NULL;
}

/* Data -------------------------------------------------------------------------------------------------------- */

bool trace_is_full(const struct trace *trace)
{
    return trace->shown >= trace->shown_max || trace->held >= trace->held_max || trace->shown_all >= trace->shown_all_max;
}

static void count(struct trace *trace, size_t bytes)
{
    trace->shown += bytes;
    trace->shown_all += bytes;
}

json_t *trace_cut(void)
{
    return encode_with(json_object(), "cut", json_true());
}

/* Takes note of what was weighed. Where that is more than there is room for nothing more is shown of this record. */
static bool hold(struct trace *trace, bool fits, size_t left)
{
    trace->held = fits ? trace->held_max - left : trace->held_max;
    return fits;
}

static json_t *counted(struct trace *trace, json_t *json)
{
    if (json == NULL)
        return NULL;
    count(trace, json_dumpb(json, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY));
    if (!trace_is_full(trace))
        return json;
    json_decref(json);
    return trace_cut();
}

json_t *trace_record(struct trace *trace, const struct mr_record *record)
{
    if (trace_is_full(trace))
        return trace_cut();
    size_t left = trace->held_max - trace->held;
    bool fits = weigh_record(record, &left);
    return hold(trace, fits, left) ? counted(trace, encode_record(record)) : trace_cut();
}

json_t *trace_bytes(struct trace *trace, struct mr_bytes bytes)
{
    if (trace_is_full(trace))
        return bytes.data == NULL ? json_null() : trace_cut();
    size_t left = trace->held_max - trace->held;
    bool fits = weigh_bytes(bytes, &left);
    if (!hold(trace, fits, left))
        return trace_cut();
    if (bytes.data == NULL)
        return counted(trace, json_null());
    json_t *json = json_object();
    if (utf8_valid(bytes.data, bytes.size))
        json = encode_with(json, "text", encode_text(bytes));
    return counted(trace, encode_with(json, "bytes", encode_bytes(bytes)));
}

static json_t *datum(struct trace *trace, const struct mr_schema *schema, const struct mr_value *value)
{
    if (trace_is_full(trace))
        return trace_cut();
    size_t left = trace->held_max - trace->held;
    bool fits = weigh_datum(schema, value, &left);
    if (!hold(trace, fits, left))
        return trace_cut();
    json_t *json = encode_with(json_object(), "schema", encode_schema(schema));
    return counted(trace, encode_with(json, "value", value == NULL ? json_null() : encode_value(value, schema)));
}

static json_t *records(struct trace *trace, struct mr_record *const *list, size_t record_count)
{
    json_t *json = json_array();
    for (size_t i = 0; i < record_count && json != NULL; i++) {
        bool was_full = trace_is_full(trace);
        json = encode_and(json, trace_record(trace, list[i]));
        if (was_full) /* one word is enough for all that follow */
            break;
    }
    return json;
}

json_t *trace_add_error(json_t *json, const struct mr_error *error)
{
    size_t left = CAUSES_MAX;
    json_t *causes = json_array();
    json = encode_with(json, "exception", encode_text_or_null(mr_error_class_name(error)));
    json = encode_with(json, "message", encode_text_or_null(mr_error_message(error)));
    for (error = mr_error_cause(error); error != NULL && left > 0; error = mr_error_cause(error), left--)
        causes = encode_and(causes, encode_text_or_null(mr_error_message(error)));
    return encode_with(json, "causes", causes);
}

/* Stages ------------------------------------------------------------------------------------------------------ */

static json_t *stage_of(enum stage stage, const char *alias, const char *class_name)
{
    json_t *json = encode_with(json_object(), "stage", json_string(stage_name(stage)));
    if (alias != NULL)
        json = encode_with(json, "alias", encode_text_or_null(alias));
    return encode_with(json, "class", encode_text_or_null(class_name));
}

/* Where there is only one nobody asks which it was. */
static bool has_others(const struct loader *loader, const char *class_name, const char *version)
{
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (strcmp(plugin->class_name, class_name) == 0 && loader_version_compare(plugin->version, version) != 0)
            return true;
    }
    return false;
}

static json_t *add_version(const struct trace *trace, json_t *json, const char *class_name, const char *version)
{
    if (version == NULL || !(trace->tells_versions || has_others(trace->loader, class_name, version)))
        return json;
    return encode_with(json, "version", encode_text_or_null(version));
}

static json_t *open_stage(const struct trace *trace, const struct observed_stage *stage)
{
    return add_version(trace, stage_of(stage->stage, stage->alias, stage->class_name), stage->class_name, stage->version);
}

static void open_put(struct trace *trace, const char *name, json_t *value)
{
    trace->open = encode_with(trace->open, name, value);
}

static void open_end(struct trace *trace)
{
    if (trace->is_cut) {
        json_decref(trace->open);
        trace->open = NULL;
        return;
    }
    trace->stages = encode_and(trace->stages, trace->open);
    trace->open = NULL;
    count(trace, STAGE_BYTES);
    trace->held += STAGE_MEMORY;
    trace->is_cut = trace_is_full(trace);
    if (trace->is_cut)
        trace->stages = encode_and(trace->stages, trace_cut());
}

static void on_record(void *argument, const struct observed_stage *stage, const struct mr_record *record)
{
    struct trace *trace = argument;
    json_decref(trace->open);
    trace->open = open_stage(trace, stage);
    open_put(trace, "in", trace_record(trace, record));
    places_look(&trace->places, stage, record);
}

static void on_test(void *argument, const struct observed_stage *stage, bool holds, bool applies, bool failed)
{
    struct trace *trace = argument;
    json_t *test = encode_with(json_object(), "class", encode_text_or_null(stage->predicate));
    test = add_version(trace, test, stage->predicate, stage->predicate_version);
    test = encode_with(test, "holds", failed ? json_null() : json_boolean(holds));
    open_put(trace, "predicate", encode_with(test, "negate", json_boolean(stage->negate)));
    if (failed)
        open_put(trace, "failed", json_true());
    else
        open_put(trace, "applied", json_boolean(applies));
    if (!failed && applies)
        return;
    places_count(&trace->places, stage, false);
    open_end(trace);
}

static void on_records(void *argument, const struct observed_stage *stage, struct mr_record *const *list, size_t list_count,
                       bool failed)
{
    struct trace *trace = argument;
    places_count(&trace->places, stage, true);
    if (failed)
        open_put(trace, "failed", json_true());
    else
        open_put(trace, "out", records(trace, list, list_count));
    open_end(trace);
}

static void on_datum(void *argument, const struct observed_stage *stage, const struct observed_datum *seen)
{
    struct trace *trace = argument;
    json_t *bytes = seen->failed && !trace->is_sink ? NULL : trace_bytes(trace, seen->bytes);
    json_t *value = seen->failed && trace->is_sink ? NULL : datum(trace, seen->schema, seen->value);
    trace->open = open_stage(trace, stage);
    if (seen->header_key != NULL)
        open_put(trace, "header", encode_text_or_null(seen->header_key));
    open_put(trace, "in", trace->is_sink ? bytes : value);
    if (seen->failed)
        open_put(trace, "failed", json_true());
    else
        open_put(trace, "out", trace->is_sink ? value : bytes);
    open_end(trace);
}

static bool give(void *argument, const struct observed_stage *stage, const struct mr_converter_place *place,
                 const struct mr_schema **schema, const struct mr_value **value)
{
    struct trace *trace = argument;
    const struct mr_record *given = trace->given;
    if (given == NULL)
        return false;
    if (place->header_key != NULL) {
        *schema = mr_record_header_schema(given, trace->given_headers);
        *value = mr_record_header_value(given, trace->given_headers++);
    } else if (stage->stage == STAGE_KEY_CONVERTER) {
        *schema = mr_record_key_schema(given);
        *value = mr_record_key(given);
    } else {
        *schema = mr_record_value_schema(given);
        *value = mr_record_value(given);
    }
    return true;
}

struct pipeline_observer trace_observer(struct trace *trace)
{
    return (struct pipeline_observer){.argument = trace,
                                      .on_record = on_record,
                                      .on_test = on_test,
                                      .on_records = on_records,
                                      .give = give,
                                      .on_datum = on_datum};
}

void trace_failed(void *argument, const struct operation *operation, const struct mr_error *error)
{
    struct trace *trace = argument;
    json_decref(trace->failure);
    trace->failure = trace_add_error(stage_of(operation->stage, operation->alias, operation->class_name), error);
    trace->failure_is_retriable = mr_error_is_retriable(error);
}
