#include "sdk/record_internal.h"

#include <assert.h>

#include "base/bans.h"

static struct mr_arena *arena_of(const struct mr_record *record)
{
    return &record->batch->arena;
}

struct mr_batch *mr_record_batch(const struct mr_record *record)
{
    return record->batch;
}

struct mr_arena *mr_record_arena(const struct mr_record *record)
{
    return arena_of(record);
}

/* Destination ----------------------------------------------------------------------------------------------- */

const char *mr_record_topic(const struct mr_record *record)
{
    return record->content.topic;
}

int mr_record_set_topic(struct mr_record *record, const char *topic)
{
    return mr_record_set_topic_ref(record, mr_arena_text(arena_of(record), topic));
}

int mr_record_set_topic_ref(struct mr_record *record, const char *topic)
{
    if (topic == NULL)
        return record_left_unfinished(record);
    record->content.topic = topic;
    return 0;
}

int32_t mr_record_partition(const struct mr_record *record)
{
    return record->content.partition;
}

void mr_record_set_partition(struct mr_record *record, int32_t partition)
{
    record->content.partition = partition < 0 ? MR_PARTITION_NONE : partition;
}

/* Timestamp ------------------------------------------------------------------------------------------------- */

bool mr_record_has_timestamp(const struct mr_record *record)
{
    return record->content.has_timestamp;
}

int64_t mr_record_timestamp_ms(const struct mr_record *record)
{
    return record->content.has_timestamp ? record->content.timestamp_ms : 0;
}

enum mr_timestamp_type mr_record_timestamp_type(const struct mr_record *record)
{
    return (enum mr_timestamp_type)record->content.timestamp_type;
}

void mr_record_set_timestamp_ms(struct mr_record *record, int64_t timestamp_ms)
{
    record->content.has_timestamp = true;
    record->content.timestamp_ms = timestamp_ms;
    if (record->kind != RECORD_SINK)
        record->content.timestamp_type = MR_TIMESTAMP_CREATE_TIME;
}

void mr_record_clear_timestamp(struct mr_record *record)
{
    record->content.has_timestamp = false;
    record->content.timestamp_ms = 0;
    if (record->kind != RECORD_SINK)
        record->content.timestamp_type = MR_TIMESTAMP_NONE;
}

/* Key and value --------------------------------------------------------------------------------------------- */

const struct mr_schema *mr_record_key_schema(const struct mr_record *record)
{
    return record->content.key_schema;
}

const struct mr_value *mr_record_key(const struct mr_record *record)
{
    return record->content.key;
}

const struct mr_schema *mr_record_value_schema(const struct mr_record *record)
{
    return record->content.value_schema;
}

const struct mr_value *mr_record_value(const struct mr_record *record)
{
    return record->content.value;
}

int mr_record_set_key(struct mr_record *record, const struct mr_schema *schema, const struct mr_value *key)
{
    if (key == NULL || mr_arena_keep_schema(arena_of(record), schema) < 0)
        return record_left_unfinished(record);
    record_set_key_kept(record, schema, key);
    return 0;
}

int mr_record_set_value(struct mr_record *record, const struct mr_schema *schema, const struct mr_value *value)
{
    if (value == NULL || mr_arena_keep_schema(arena_of(record), schema) < 0)
        return record_left_unfinished(record);
    record_set_value_kept(record, schema, value);
    return 0;
}

/* Source ---------------------------------------------------------------------------------------------------- */

const struct mr_value *mr_record_source_partition(const struct mr_record *record)
{
    return record->kind == RECORD_SINK ? mr_null() : record->content.source_partition;
}

const struct mr_value *mr_record_source_offset(const struct mr_record *record)
{
    return record->kind == RECORD_SINK ? mr_null() : record->content.source_offset;
}

int mr_record_set_source(struct mr_record *record, const struct mr_value *source_partition,
    const struct mr_value *source_offset)
{
    if (source_partition == NULL || source_offset == NULL)
        return record_left_unfinished(record);
    if (record->kind == RECORD_SINK)
        return 0; /* it has an origin, and that is not for plugins to change */
    record->content.source_partition = source_partition;
    record->content.source_offset = source_offset;
    return 0;
}

/* Origin ---------------------------------------------------------------------------------------------------- */

int record_set_origin(struct mr_record *record, const struct record_origin *origin)
{
    assert(record->kind != RECORD_PROGRESS);
    struct record_origin *mine = arena_alloc(arena_of(record), sizeof(*mine));
    if (mine == NULL)
        return -1;
    *mine = *origin;
    record->kind = RECORD_SINK;
    struct record_content *content = &record->content;
    content->origin = mine;
    content->topic = origin->topic;
    content->partition = origin->partition;
    content->has_timestamp = origin->timestamp_ms >= 0;
    content->timestamp_ms = content->has_timestamp ? origin->timestamp_ms : 0;
    content->timestamp_type = origin->timestamp_type;
    return 0;
}

bool mr_record_is_sink(const struct mr_record *record)
{
    return record->kind == RECORD_SINK;
}

int64_t mr_record_offset(const struct mr_record *record)
{
    const struct record_origin *origin = record_origin(record);
    return origin == NULL ? -1 : origin->offset;
}

const char *mr_record_origin_topic(const struct mr_record *record)
{
    const struct record_origin *origin = record_origin(record);
    return origin == NULL ? NULL : origin->topic;
}

int32_t mr_record_origin_partition(const struct mr_record *record)
{
    const struct record_origin *origin = record_origin(record);
    return origin == NULL ? MR_PARTITION_NONE : origin->partition;
}

struct mr_bytes mr_record_origin_key(const struct mr_record *record)
{
    const struct record_origin *origin = record_origin(record);
    return origin == NULL ? (struct mr_bytes){.data = NULL, .size = 0} : origin->key;
}

struct mr_bytes mr_record_origin_value(const struct mr_record *record)
{
    const struct record_origin *origin = record_origin(record);
    return origin == NULL ? (struct mr_bytes){.data = NULL, .size = 0} : origin->value;
}
