#include "pipeline/sink_pipeline.h"

#include <inttypes.h>
#include <millrace/converter.h>

#include "base/mem.h"
#include "base/plugin_call.h"
#include "pipeline/converters.h"
#include "pipeline/observer.h"
#include "pipeline/policy.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

struct sink_pipeline {
    struct converters converters;
    struct chain *chain;
    bool has_transforms;
    struct policy policy;
    struct mr_converter_place place; /* of the record at work */
};

/* Conversion ------------------------------------------------------------------------------------------------- */

struct datum {
    const struct mr_schema *schema;
    const struct mr_value *value;
};

static int ask(struct sink_pipeline *pipeline, const struct converter *converter, struct mr_bytes bytes, struct datum *datum,
               struct mr_error **error)
{
    struct mr_arena *arena = &pipeline->place.record->batch->arena;
    *datum = (struct datum){ .value = NULL };
    const struct plugin_call before = plugin_call_enter(converter->plugin, "to_connect");
    int status = converter->ops->to_connect(converter->self, &pipeline->place, bytes, arena, &datum->schema, &datum->value, error);
    plugin_call_leave(before);
    if (status != 0)
        return -1;
    if (__builtin_expect(datum->value == NULL, 0))
        return mr_error_set(error, MR_ERR_CONNECT, "%s returned no value; null is mr_null()", converter->class_name);
    return 0;
}

static inline int to_connect(struct sink_pipeline *pipeline, const struct converter *converter, struct mr_bytes bytes,
                             struct datum *datum, struct mr_error **error)
{
    if (bytes.data != NULL || converter->null == NULL)
        return ask(pipeline, converter, bytes, datum, error);
    *datum = (struct datum){ .schema = converter->null_schema, .value = converter->null };
    return 0;
}

typedef int convert_fn(struct sink_pipeline *pipeline, struct mr_record *record, struct mr_error **error);

static inline int convert_key(struct sink_pipeline *pipeline, struct mr_record *record, struct mr_error **error)
{
    struct datum key;
    if (to_connect(pipeline, &pipeline->converters.key, record->content.origin->key, &key, error) < 0)
        return -1;
    record_set_key_kept(record, key.schema, key.value);
    return 0;
}

static inline int convert_value(struct sink_pipeline *pipeline, struct mr_record *record, struct mr_error **error)
{
    struct datum value;
    if (to_connect(pipeline, &pipeline->converters.value, record->content.origin->value, &value, error) < 0)
        return -1;
    record_set_value_kept(record, value.schema, value.value);
    return 0;
}

static int convert_headers(struct sink_pipeline *pipeline, struct mr_record *record, struct mr_error **error)
{
    const struct record_origin *origin = record->content.origin;
    struct mr_arena *arena = &record->batch->arena;
    int result = 0;
    record->content.header_count = 0; /* of an earlier attempt */
    for (uint32_t i = 0; i < origin->header_count && result == 0; i++) {
        const struct record_raw_header *raw = &origin->headers[i];
        struct datum header;
        pipeline->place.header_key = raw->key;
        result = to_connect(pipeline, &pipeline->converters.header, raw->value, &header, error);
        if (result == 0 && record_add_header_ref(record, raw->key, header.schema, header.value) < 0)
            result = mr_arena_failed(arena, error);
    }
    pipeline->place.header_key = NULL;
    return result;
}

/* Failed conversions ----------------------------------------------------------------------------------------- */

struct attempt {
    struct sink_pipeline *pipeline;
    struct mr_record *record;
    convert_fn *convert;
};

static int convert_again(void *argument, struct mr_error **error)
{
    const struct attempt *attempt = argument;
    return attempt->convert(attempt->pipeline, attempt->record, error);
}

static enum tolerance_result recover(struct sink_pipeline *pipeline, struct mr_record *record, enum stage stage,
                                     struct mr_error **error)
{
    static convert_fn *const functions[] = {
        [STAGE_KEY_CONVERTER] = convert_key,
        [STAGE_VALUE_CONVERTER] = convert_value,
        [STAGE_HEADER_CONVERTER] = convert_headers,
    };
    const struct converters *converters = &pipeline->converters;
    struct attempt attempt = { .pipeline = pipeline, .record = record, .convert = functions[stage] };
    const struct operation operation = {
        .stage = stage,
        .class_name = stage == STAGE_KEY_CONVERTER     ? converters->key.class_name
                      : stage == STAGE_VALUE_CONVERTER ? converters->value.class_name
                                                       : converters->header.class_name,
        .record = record,
        .run = convert_again,
        .argument = &attempt,
    };
    return tolerance_recover(pipeline->policy.tolerance, &operation, error);
}

/* In Kafka Connect's order: one report for a record, the first stage that fails. */
static enum tolerance_result convert(struct sink_pipeline *pipeline, struct mr_record *record, struct mr_error **error)
{
    enum tolerance_result result = TOLERANCE_RECOVERED;
    if (__builtin_expect(convert_key(pipeline, record, error) < 0, 0))
        result = recover(pipeline, record, STAGE_KEY_CONVERTER, error);
    if (result == TOLERANCE_RECOVERED && __builtin_expect(convert_value(pipeline, record, error) < 0, 0))
        result = recover(pipeline, record, STAGE_VALUE_CONVERTER, error);
    if (result == TOLERANCE_RECOVERED && record->content.origin->header_count > 0 &&
        convert_headers(pipeline, record, error) < 0)
        result = recover(pipeline, record, STAGE_HEADER_CONVERTER, error);
    return result;
}

/* Records ---------------------------------------------------------------------------------------------------- */

static int check_timestamp(const struct record_origin *origin, struct mr_error **error)
{
    if (__builtin_expect(origin->timestamp_ms >= -1, 1))
        return 0;
    mr_error_set(error, MR_ERR_DATA, "Invalid record timestamp %" PRId64 " (%s-%" PRId32 ", offset %" PRId64 ")",
                 origin->timestamp_ms, origin->topic, origin->partition, origin->offset);
    mr_error_set_class_name(*error, "org.apache.kafka.common.InvalidRecordException");
    return -1;
}

static int run_record(struct sink_pipeline *pipeline, struct mr_record *record, struct sink_output *output,
                      struct mr_error **error)
{
    batch_record_begin(record->batch);
    pipeline->place.topic = record->content.origin->topic;
    pipeline->place.record = record;
    enum tolerance_result converted = convert(pipeline, record, error);
    if (converted == TOLERANCE_SKIPPED)
        output->skipped++;
    if (converted != TOLERANCE_RECOVERED)
        return converted == TOLERANCE_SKIPPED ? 0 : -1;
    if (check_timestamp(record->content.origin, error) < 0)
        return -1;
    if (!pipeline->has_transforms)
        return record_array_push(&output->records, record, error);
    pipeline->policy.record = record;
    switch (chain_apply(pipeline->chain, &pipeline->policy.chain, record, &output->records, error)) {
    case CHAIN_PASSED: break;
    case CHAIN_DROPPED: output->dropped++; break;
    case CHAIN_SKIPPED: output->skipped++; break;
    case CHAIN_FAILED: return -1;
    }
    return 0;
}

int sink_pipeline_run(struct sink_pipeline *pipeline, struct mr_batch *batch, struct sink_output *output,
                      struct mr_error **error)
{
    struct mr_error *failure = NULL;
    uint32_t count = batch_entry_count(batch);
    int result = 0;
    output->records.count = 0;
    output->dropped = output->skipped = 0;
    for (uint32_t i = 0; i < count && result == 0; i++)
        result = run_record(pipeline, batch_entry_at(batch, i), output, &failure);
    pipeline->place.record = NULL;
    if (error != NULL && *error == NULL)
        *error = failure;
    else
        mr_error_drop(failure);
    return result;
}

/* Records that the task built itself, on their way to the dead letters ----------------------------------------- */

static int to_bytes(const struct converter *converter, const struct mr_converter_place *place,
                    const struct mr_schema *schema, const struct mr_value *value, struct mr_arena *arena,
                    struct mr_bytes *bytes, struct mr_error **error)
{
    *bytes = (struct mr_bytes){ .data = NULL, .size = 0 };
    const struct plugin_call before = plugin_call_enter(converter->plugin, "from_connect");
    int status = converter->ops->from_connect(converter->self, place, schema, value, arena, bytes, error);
    plugin_call_leave(before);
    return status == 0 ? 0 : -1;
}

static int header_bytes(const struct sink_pipeline *pipeline, const struct mr_record *record, struct mr_arena *arena,
                        struct record_origin *origin, struct mr_error **error)
{
    const struct record_content *content = &record->content;
    struct record_raw_header *headers = mr_arena_alloc(arena, content->header_count * sizeof(*headers) + 1);
    if (headers == NULL)
        return mr_arena_failed(arena, error);
    for (uint32_t i = 0; i < content->header_count; i++) {
        const struct record_header *header = &content->headers[i];
        const struct mr_converter_place place = { .size = sizeof(place), .topic = content->topic,
                                                  .header_key = header->key, .record = record };
        headers[i].key = header->key;
        if (to_bytes(&pipeline->converters.header, &place, header->schema, header->value, arena, &headers[i].value,
                     error) < 0)
            return -1;
    }
    origin->headers = headers;
    origin->header_count = content->header_count;
    return 0;
}

static int serialize(void *argument, const struct mr_record *record, struct mr_arena *arena,
                     struct record_origin *origin, struct mr_error **error)
{
    const struct sink_pipeline *pipeline = argument;
    const struct record_content *content = &record->content;
    const struct mr_converter_place place = { .size = sizeof(place), .topic = content->topic, .record = record };
    origin->topic = content->topic;
    origin->partition = content->partition;
    origin->timestamp_ms = content->has_timestamp ? content->timestamp_ms : -1;
    origin->timestamp_type = content->timestamp_type;
    if (to_bytes(&pipeline->converters.key, &place, content->key_schema, content->key, arena, &origin->key, error) < 0 ||
        to_bytes(&pipeline->converters.value, &place, content->value_schema, content->value, arena, &origin->value,
                 error) < 0)
        return -1;
    return header_bytes(pipeline, record, arena, origin, error);
}

/* Life ------------------------------------------------------------------------------------------------------- */

struct sink_pipeline *sink_pipeline_create(const struct sink_pipeline_setup *setup, struct mr_error **error)
{
    struct sink_pipeline *pipeline = mem_calloc(1, sizeof(*pipeline));
    const struct converters_setup converters = {
        .loader = setup->loader, .connector = setup->connector, .worker = setup->worker
    };
    if (pipeline == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the pipeline of a sink task");
        return NULL;
    }
    if (converters_init(&pipeline->converters, &converters, error) < 0) {
        mem_free(pipeline);
        return NULL;
    }
    pipeline->chain = chain_create(setup->loader, setup->connector, error);
    if (pipeline->chain == NULL) {
        converters_release(&pipeline->converters);
        mem_free(pipeline);
        return NULL;
    }
    pipeline->has_transforms = chain_count(pipeline->chain) > 0;
    pipeline->place.size = sizeof(pipeline->place);
    policy_init(&pipeline->policy, setup->tolerance, false);
    tolerance_set_bytes(setup->tolerance, serialize, pipeline);
    return pipeline;
}

int sink_pipeline_observe(struct sink_pipeline *pipeline, const struct pipeline_observer *observer,
                         struct mr_error **error)
{
    return converters_observe(&pipeline->converters, observer, error) < 0 ? -1
                                                                          : chain_observe(pipeline->chain, observer, error);
}

void sink_pipeline_destroy(struct sink_pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    tolerance_set_bytes(pipeline->policy.tolerance, NULL, NULL);
    chain_destroy(pipeline->chain);
    converters_release(&pipeline->converters);
    mem_free(pipeline);
}

void sink_output_init(struct sink_output *output)
{
    *output = (struct sink_output){ .dropped = 0 };
    record_array_init(&output->records);
}

void sink_output_release(struct sink_output *output)
{
    record_array_release(&output->records);
}

const struct converters *sink_pipeline_converters(const struct sink_pipeline *pipeline)
{
    return &pipeline->converters;
}

const struct chain *sink_pipeline_chain(const struct sink_pipeline *pipeline)
{
    return pipeline->chain;
}
