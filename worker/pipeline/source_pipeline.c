#include "pipeline/source_pipeline.h"

#include <inttypes.h>
#include <millrace/converter.h>
#include <millrace/host.h>

#include "base/mem.h"
#include "base/plugin_call.h"
#include "kafka/producer.h"
#include "pipeline/converters.h"
#include "pipeline/observer.h"
#include "pipeline/policy.h"
#include "pipeline/source_letter_internal.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define LIST_KEEP_MAX 16384 /* items; a list that was longer gives its memory back */
#define TASK_CLASS "org.apache.kafka.connect.runtime.WorkerSourceTask"

struct source_pipeline {
    struct converters converters;
    struct chain *chain;
    bool has_transforms;
    struct policy policy;
    const struct producer_record *refused; /* while one is reported that Kafka refused */
    struct record_array passed;      /* what the transforms made of one record */
    struct mr_converter_place place; /* of the record at work */
};

/* The list --------------------------------------------------------------------------------------------------- */

void outgoing_list_init(struct outgoing_list *list)
{
    *list = (struct outgoing_list){ .items = NULL };
}

struct mr_future *outgoing_list_take_letter(struct outgoing_list *list, struct outgoing *item)
{
    struct mr_future *letter = item->letter;
    item->letter = NULL;
    list->letter_count -= letter != NULL;
    return letter;
}

void outgoing_list_cut(struct outgoing_list *list, size_t count)
{
    for (size_t i = count; list->letter_count > 0 && i < list->count; i++)
        mr_future_drop(outgoing_list_take_letter(list, &list->items[i]));
    list->count = count;
}

void outgoing_list_release(struct outgoing_list *list)
{
    outgoing_list_cut(list, 0);
    mem_free(list->items);
    outgoing_list_init(list);
}

static int list_grow(struct outgoing_list *list, struct mr_error **error)
{
    size_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
    struct outgoing *items = mem_realloc(list->items, capacity * sizeof(*items));
    if (items == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for %zu records on their way out", capacity);
    list->items = items;
    list->capacity = capacity;
    return 0;
}

/* The next free item; NULL: no memory. */
static struct outgoing *list_next(struct outgoing_list *list, struct mr_error **error)
{
    if (__builtin_expect(list->count == list->capacity, 0) && list_grow(list, error) < 0)
        return NULL;
    return &list->items[list->count++];
}

static int push_without_send(struct outgoing_list *list, struct mr_record *record, enum outgoing_kind kind,
                             struct mr_error **error)
{
    struct outgoing *item = list_next(list, error);
    if (item == NULL)
        return -1;
    *item = (struct outgoing){ .record = record, .kind = kind, .partition = -1, .timestamp_ms = -1 };
    return 0;
}

/* The error policy gave it up; its letter goes with it. */
static int push_failed(struct source_pipeline *pipeline, struct outgoing_list *list, struct mr_record *record,
                       struct mr_error **error)
{
    struct mr_future *letter = pipeline->policy.letter;
    pipeline->policy.letter = NULL;
    if (push_without_send(list, record, OUTGOING_DROPPED, error) < 0) {
        mr_future_drop(letter);
        return -1;
    }
    list->items[list->count - 1].failed = true;
    list->items[list->count - 1].letter = letter;
    list->letter_count += letter != NULL;
    return 0;
}

/* Conversion ------------------------------------------------------------------------------------------------- */

/* One record on its way into one item. */
struct conversion {
    struct source_pipeline *pipeline;
    const struct mr_record *record;
    struct outgoing *item;
};

static int from_connect(const struct conversion *conversion, const struct converter *converter,
                        const struct mr_schema *schema, const struct mr_value *value, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    *bytes = (struct mr_bytes){ .data = NULL, .size = 0 };
    const struct plugin_call before = plugin_call_enter(converter->plugin, "from_connect");
    int status = converter->ops->from_connect(converter->self, &conversion->pipeline->place, schema, value,
                                              &conversion->record->batch->arena, bytes, error);
    plugin_call_leave(before);
    return status == 0 ? 0 : -1;
}

static int convert_headers(void *argument, struct mr_error **error)
{
    const struct conversion *conversion = argument;
    struct source_pipeline *pipeline = conversion->pipeline;
    const struct record_content *content = &conversion->record->content;
    struct mr_arena *arena = &conversion->record->batch->arena;
    struct producer_header *headers = arena_alloc(arena, content->header_count * sizeof(*headers));
    if (headers == NULL)
        return mr_arena_failed(arena, error);
    int result = 0;
    for (uint32_t i = 0; i < content->header_count && result == 0; i++) {
        const struct record_header *header = &content->headers[i];
        pipeline->place.header_key = header->key;
        headers[i].name = header->key;
        result = from_connect(conversion, &pipeline->converters.header, header->schema, header->value, &headers[i].value,
                              error);
    }
    pipeline->place.header_key = NULL;
    conversion->item->headers = headers;
    conversion->item->header_count = content->header_count;
    return result;
}

static int convert_key(void *argument, struct mr_error **error)
{
    const struct conversion *conversion = argument;
    const struct record_content *content = &conversion->record->content;
    return from_connect(conversion, &conversion->pipeline->converters.key, content->key_schema, content->key,
                        &conversion->item->key, error);
}

static int convert_value(void *argument, struct mr_error **error)
{
    const struct conversion *conversion = argument;
    const struct record_content *content = &conversion->record->content;
    return from_connect(conversion, &conversion->pipeline->converters.value, content->value_schema, content->value,
                        &conversion->item->value, error);
}

static enum tolerance_result recover(struct conversion *conversion, enum stage stage, const struct converter *converter,
                                     operation_run_fn *run, struct mr_error **error)
{
    const struct operation operation = {
        .stage = stage,
        .class_name = converter->class_name,
        .record = conversion->record->original,
        .run = run,
        .argument = conversion,
        .letter = &conversion->pipeline->policy.letter,
    };
    return tolerance_recover(conversion->pipeline->policy.tolerance, &operation, error);
}

/* In Kafka Connect's order: header, key, value. */
static enum tolerance_result convert(struct conversion *conversion, struct mr_error **error)
{
    const struct converters *converters = &conversion->pipeline->converters;
    enum tolerance_result result = TOLERANCE_RECOVERED;
    if (conversion->record->content.header_count > 0 && convert_headers(conversion, error) < 0)
        result = recover(conversion, STAGE_HEADER_CONVERTER, &converters->header, convert_headers, error);
    if (result == TOLERANCE_RECOVERED && __builtin_expect(convert_key(conversion, error) < 0, 0))
        result = recover(conversion, STAGE_KEY_CONVERTER, &converters->key, convert_key, error);
    if (result == TOLERANCE_RECOVERED && __builtin_expect(convert_value(conversion, error) < 0, 0))
        result = recover(conversion, STAGE_VALUE_CONVERTER, &converters->value, convert_value, error);
    return result;
}

/* What no error policy covers, as in Kafka Connect: a record that cannot be addressed. */
static int check_destination(const struct record_content *content, struct mr_error **error)
{
    if (content->topic == NULL)
        return mr_error_set(error, MR_ERR_CONNECT, "a source record has no topic; the task has to set one");
    if (!content->has_timestamp || content->timestamp_ms >= -1)
        return 0;
    mr_error_set(error, MR_ERR_DATA, "Invalid record timestamp %" PRId64 " of a record for topic %s",
                 content->timestamp_ms, content->topic);
    mr_error_set_class_name(*error, "org.apache.kafka.common.InvalidRecordException");
    return -1;
}

/* Adds the item that sends the record; with SKIPPED and FAILED it is the caller's to take it off again. */
static enum tolerance_result add_send(struct source_pipeline *pipeline, struct mr_record *record,
                                      struct outgoing_list *list, struct mr_error **error)
{
    const struct record_content *content = &record->content;
    struct outgoing *item = list_next(list, error);
    if (item == NULL || check_destination(content, error) < 0)
        return TOLERANCE_FAILED;
    *item = (struct outgoing){
        .record = record,
        .kind = OUTGOING_SEND,
        .topic = content->topic,
        .partition = content->partition < 0 ? -1 : content->partition,
        .timestamp_ms = content->has_timestamp ? content->timestamp_ms : -1,
    };
    pipeline->place.topic = content->topic;
    pipeline->place.record = record;
    struct conversion conversion = { .pipeline = pipeline, .record = record, .item = item };
    return convert(&conversion, error);
}

/* Records ---------------------------------------------------------------------------------------------------- */

/* All or nothing: of a record that was split, no part is sent when another one fails. */
static int add_all(struct source_pipeline *pipeline, struct mr_record *entry, struct mr_record *const *records,
                   size_t count, struct outgoing_list *list, struct mr_error **error)
{
    size_t before = list->count;
    enum tolerance_result result = TOLERANCE_RECOVERED;
    for (size_t i = 0; i < count && result == TOLERANCE_RECOVERED; i++)
        result = add_send(pipeline, records[i], list, error);
    if (result == TOLERANCE_RECOVERED)
        return 0;
    list->count = before;
    return result == TOLERANCE_SKIPPED ? push_failed(pipeline, list, entry, error) : -1;
}

static int run_record(struct source_pipeline *pipeline, struct mr_record *entry, struct outgoing_list *list,
                      struct mr_error **error)
{
    if (record_kind(entry) == RECORD_PROGRESS)
        return push_without_send(list, entry, OUTGOING_PROGRESS, error);
    batch_record_begin(entry->batch);
    if (!pipeline->has_transforms)
        return add_all(pipeline, entry, &entry, 1, list, error);
    pipeline->policy.record = entry;
    pipeline->passed.count = 0;
    switch (chain_apply(pipeline->chain, &pipeline->policy.chain, entry, &pipeline->passed, error)) {
    case CHAIN_PASSED: return add_all(pipeline, entry, pipeline->passed.items, pipeline->passed.count, list, error);
    case CHAIN_DROPPED: return push_without_send(list, entry, OUTGOING_DROPPED, error);
    case CHAIN_SKIPPED: return push_failed(pipeline, list, entry, error);
    case CHAIN_FAILED: break;
    }
    return -1;
}

int source_pipeline_run(struct source_pipeline *pipeline, struct mr_batch *batch, struct outgoing_list *list,
                        struct mr_error **error)
{
    struct mr_error *failure = NULL;
    uint32_t count = batch_entry_count(batch);
    int result = 0;
    outgoing_list_cut(list, 0);
    if (list->capacity > LIST_KEEP_MAX && count < LIST_KEEP_MAX)
        outgoing_list_release(list);
    for (uint32_t i = 0; i < count && result == 0; i++)
        result = run_record(pipeline, batch_entry_at(batch, i), list, &failure);
    pipeline->place.record = NULL;
    batch_work_end(batch);
    if (error != NULL && *error == NULL)
        *error = failure;
    else
        mr_error_drop(failure);
    return result;
}

/* What the error policy writes of a record. */
static int make_letter(void *argument, const struct mr_record *record, struct mr_arena *arena, struct source_letter *letter,
                       struct mr_error **error)
{
    const struct source_pipeline *pipeline = argument;
    if (pipeline->refused != NULL)
        return source_letter_of_refused(pipeline->refused, record, arena, letter, error);
    return source_letter_of_polled(&pipeline->converters, record, arena, letter, error);
}

int source_pipeline_produce_failed(struct source_pipeline *pipeline, const struct refusal *refusal, struct mr_future **letter,
                                   struct mr_error **error)
{
    const char *words = refusal->words;
    struct tolerance *tolerance = pipeline->policy.tolerance;
    struct mr_error *reason = NULL;
    mr_error_set(&reason, MR_ERR_CONNECT, "%s", words == NULL ? "Kafka refused the record and gave no reason" : words);
    mr_error_set_class_name(reason, "org.apache.kafka.common.KafkaException");
    const struct operation operation = { .stage = STAGE_KAFKA_PRODUCE, .class_name = TASK_CLASS,
                                         .record = refusal->record->original };
    int result = -1;
    *letter = NULL;
    if (tolerance_tolerates_all(tolerance)) {
        pipeline->refused = refusal->sent;
        result = tolerance_report(tolerance, &operation, reason, letter, error);
        pipeline->refused = NULL;
    } else if (error != NULL && *error == NULL) {
        tolerance_place_failure(&operation, &reason);
        mr_error_wrap(&reason, "Unrecoverable exception from producer send callback");
        mr_error_set_class_name(reason, "org.apache.kafka.connect.errors.ConnectException");
        *error = reason;
        return -1;
    }
    mr_error_drop(reason);
    return result;
}

/* Life ------------------------------------------------------------------------------------------------------- */

struct source_pipeline *source_pipeline_create(const struct source_pipeline_setup *setup, struct mr_error **error)
{
    struct source_pipeline *pipeline = mem_calloc(1, sizeof(*pipeline));
    const struct converters_setup converters = {
        .loader = setup->loader, .connector = setup->connector, .worker = setup->worker
    };
    if (pipeline == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the pipeline of a source task");
        return NULL;
    }
    if (converters_init(&pipeline->converters, &converters, error) < 0) {
        mem_free(pipeline);
        return NULL;
    }
    pipeline->chain = chain_create(setup->loader, setup->connector, error);
    if (pipeline->chain == NULL) {
        source_pipeline_destroy(pipeline);
        return NULL;
    }
    pipeline->has_transforms = chain_count(pipeline->chain) > 0;
    pipeline->place.size = sizeof(pipeline->place);
    policy_init(&pipeline->policy, setup->tolerance, true);
    tolerance_set_letters(setup->tolerance, make_letter, pipeline);
    return pipeline;
}

int source_pipeline_observe(struct source_pipeline *pipeline, const struct pipeline_observer *observer,
                            struct mr_error **error)
{
    return converters_observe(&pipeline->converters, observer, error) < 0 ? -1
                                                                          : chain_observe(pipeline->chain, observer, error);
}

void source_pipeline_destroy(struct source_pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    if (pipeline->policy.tolerance != NULL)
        tolerance_set_letters(pipeline->policy.tolerance, NULL, NULL);
    mr_future_drop(pipeline->policy.letter);
    chain_destroy(pipeline->chain);
    converters_release(&pipeline->converters);
    record_array_release(&pipeline->passed);
    mem_free(pipeline);
}

const struct converters *source_pipeline_converters(const struct source_pipeline *pipeline)
{
    return &pipeline->converters;
}

const struct chain *source_pipeline_chain(const struct source_pipeline *pipeline)
{
    return pipeline->chain;
}
