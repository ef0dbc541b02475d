/* A record as it is given: consumed, as text, or in the form of the corpus. */
#include "dry_run/dry_run_internal.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <millrace/json.h>
#include <string.h>

#include "base/clock.h"
#include "config/worker_config.h"
#include "dry_run/decode.h"
#include "dry_run/encode.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define VALUES_BYTES_MAX ((size_t)512 << 20) /* of one record in memory, as it is given */
#define SHARE_PER_BUFFER_BYTE 4              /* as a task: what transforms and converters may make of one record */
#define PARSE_FLAGS (JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES)

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a record");
}

static int input_init(struct input *input, const struct dry_run *dry_run, struct mr_error **error)
{
    uint64_t budget = dry_run->worker->task_buffer_bytes;
    *input = (struct input){.batch = mr_batch_create(SIZE_MAX / 2), .values = mr_batch_create(VALUES_BYTES_MAX)};
    if (input->batch == NULL || input->values == NULL) {
        input_release(input);
        return no_memory(error);
    }
    if (budget > 0 && budget <= SIZE_MAX / 4 / SHARE_PER_BUFFER_BYTE) {
        input->batch->share_bytes = (size_t)budget * SHARE_PER_BUFFER_BYTE;
        input->batch->work_bytes_max = SIZE_MAX / 2;
    }
    return 0;
}

void input_release(struct input *input)
{
    json_decref(input->json);
    mr_batch_drop(input->batch);
    mr_batch_drop(input->values);
    *input = (struct input){.json = NULL};
}

/* As consumed ------------------------------------------------------------------------------------------------- */

static json_t *shown_headers(struct trace *trace, const struct record_origin *origin)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < origin->header_count && list != NULL; i++) {
        bool was_full = trace_is_full(trace);
        json_t *header = encode_with(json_object(), "key", encode_text_or_null(origin->headers[i].key));
        list = encode_and(list, encode_with(header, "value", trace_bytes(trace, origin->headers[i].value)));
        if (was_full) /* one word is enough for all that follow */
            break;
    }
    return list;
}

static json_t *shown_origin(struct trace *trace, const struct record_origin *origin)
{
    json_t *json = encode_with(json_object(), "topic", encode_text_or_null(origin->topic));
    json = encode_with(json, "partition", json_integer(origin->partition));
    json = encode_with(json, "offset", encode_integer_text(origin->offset));
    json = encode_with(json, "timestamp", origin->timestamp_ms == -1 ? json_null() : encode_integer_text(origin->timestamp_ms));
    json = encode_with(json, "key", trace_bytes(trace, origin->key));
    json = encode_with(json, "value", trace_bytes(trace, origin->value));
    return encode_with(json, "headers", shown_headers(trace, origin));
}

static int append_origin(struct input *input, const struct record_origin *origin, struct mr_error **error)
{
    struct mr_record *record = mr_batch_append(input->batch);
    if (record == NULL || record_set_origin(record, origin) != 0)
        return mr_arena_failed(mr_batch_arena(input->batch), error);
    return 0;
}

int input_of_origin(struct input *input, struct dry_run *dry_run, const struct record_origin *origin, struct mr_error **error)
{
    if (input_init(input, dry_run, error) != 0)
        return -1;
    input->json = shown_origin(&dry_run->trace, origin);
    if (input->json != NULL && append_origin(input, origin, error) == 0)
        return 0;
    no_memory(error);
    input_release(input);
    return -1;
}

/* As text ----------------------------------------------------------------------------------------------------- */

/* Of one line. */
struct reading {
    struct input *input;
    struct dry_run *dry_run;
    const json_t *json;
    struct mr_arena *arena; /* of the values */
    struct mr_error **error;
};

/* The text itself, or the compact JSON of anything else; null: data NULL. */
static int bytes_of(const struct reading *reading, const json_t *json, struct mr_bytes *bytes)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17);
    *bytes = (struct mr_bytes){.data = NULL};
    if (json == NULL || json_is_null(json))
        return 0;
    size_t size = json_is_string(json) ? json_string_length(json) : json_dumpb(json, NULL, 0, flags);
    char *copy = mr_arena_alloc(reading->arena, size + 1);
    if (copy == NULL)
        return mr_arena_failed(reading->arena, reading->error);
    if (json_is_string(json))
        memcpy(copy, json_string_value(json), size);
    else if (size == 0 || json_dumpb(json, copy, size, flags) != size)
        return no_memory(reading->error);
    *bytes = (struct mr_bytes){.data = copy, .size = size};
    return 0;
}

/* For a source: a text is a string with its schema, the rest has none. */
static const struct mr_value *value_of(const struct reading *reading, const json_t *json, const struct mr_schema **schema)
{
    struct mr_bytes bytes;
    *schema = json_is_string(json) ? mr_schema_primitive(MR_TYPE_STRING, false) : NULL;
    if (bytes_of(reading, json, &bytes) != 0)
        return NULL;
    if (bytes.data == NULL)
        return mr_null();
    const struct mr_value *value = json_is_string(json) ? mr_string_copy(reading->arena, bytes.data, bytes.size)
                                                        : mr_json_read(reading->arena, bytes, MR_JSON_WHOLE_TEXT, reading->error);
    if (value == NULL)
        mr_arena_failed(reading->arena, reading->error);
    return value;
}

static int check_members(const struct reading *reading)
{
    static const char *const known[] = {"key", "value", "headers", "topic", "partition", "offset", "timestamp"};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)reading->json, name, value)
    {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], name) != 0)
            i++;
        if (i == sizeof(known) / sizeof(known[0]))
            return mr_error_set(reading->error, MR_ERR_DATA, "unknown member \"%.100s\"; a record has key, value, headers, topic, "
                                "partition, offset and timestamp, or, with exact values, \"kind\"", name);
    }
    const json_t *topic = json_object_get(reading->json, "topic");
    if (topic != NULL && !json_is_null(topic) && (!json_is_string(topic) || json_string_length(topic) == 0))
        return mr_error_set(reading->error, MR_ERR_DATA, "\"topic\" is a text");
    return 0;
}

static int integer_member(const struct reading *reading, const char *name, int64_t most, int64_t *number)
{
    const json_t *json = json_object_get(reading->json, name);
    if (json == NULL || json_is_null(json))
        return 0;
    struct mr_error *why = NULL;
    if (decode_integer(json, 0, most, number, &why) == 0)
        return 0;
    mr_error_set(reading->error, mr_error_code(why), "\"%s\": %s", name, mr_error_message(why));
    mr_error_drop(why);
    return -1;
}

static const char *topic_of(const struct reading *reading)
{
    const char *topic = json_string_value(json_object_get(reading->json, "topic"));
    return topic != NULL ? mr_arena_text(reading->arena, topic) : reading->dry_run->topic;
}

/* One of the headers: {"name": value} in order, or [{"key","value"}], whose keys may repeat. */
typedef int header_fn(void *argument, const struct reading *reading, const char *key, const json_t *value);

static int each_header(const struct reading *reading, header_fn *each, void *argument)
{
    json_t *headers = json_object_get(reading->json, "headers"), *item;
    const char *name;
    size_t i;
    int status = 0;
    if (headers != NULL && !json_is_null(headers) && !json_is_object(headers) && !json_is_array(headers))
        return mr_error_set(reading->error, MR_ERR_DATA, "headers are {\"name\": value} or [{\"key\", \"value\"}]");
    json_object_foreach(headers, name, item)
    {
        if (status == 0)
            status = each(argument, reading, name, item);
    }
    if (!json_is_array(headers))
        return status;
    json_array_foreach(headers, i, item)
    {
        const char *key = json_string_value(json_object_get(item, "key"));
        if (status == 0 && key == NULL)
            status = mr_error_set(reading->error, MR_ERR_DATA, "a header of a list is {\"key\", \"value\"}");
        if (status == 0)
            status = each(argument, reading, key, json_object_get(item, "value"));
    }
    return status;
}

static size_t header_count(const struct reading *reading)
{
    const json_t *headers = json_object_get(reading->json, "headers");
    return json_is_array(headers) ? json_array_size(headers) : json_object_size(headers);
}

struct raw_headers {
    struct record_raw_header *items;
    size_t count;
};

static int add_raw_header(void *argument, const struct reading *reading, const char *key, const json_t *value)
{
    struct raw_headers *headers = argument;
    struct record_raw_header *header = &headers->items[headers->count++];
    header->key = mr_arena_text(reading->arena, key);
    if (header->key == NULL)
        return mr_arena_failed(reading->arena, reading->error);
    return bytes_of(reading, value, &header->value);
}

static int add_header(void *argument, const struct reading *reading, const char *key, const json_t *json)
{
    struct mr_record *record = argument;
    const struct mr_schema *schema;
    const struct mr_value *value = value_of(reading, json, &schema);
    if (value == NULL)
        return -1;
    return mr_record_add_header(record, key, schema, value) == 0 ? 0 : mr_arena_failed(&record->batch->arena, reading->error);
}

static int sink_of_text(const struct reading *reading)
{
    size_t count = header_count(reading);
    struct raw_headers headers = {.items = mr_arena_alloc(reading->arena, (count + 1) * sizeof(*headers.items))};
    int64_t partition = 0, offset = (int64_t)reading->dry_run->record_count, timestamp_ms = clock_wall_ms(NULL);
    if (headers.items == NULL || count > RECORD_HEADERS_MAX)
        return mr_error_set(reading->error, MR_ERR_DATA, "a record has at most %d headers", RECORD_HEADERS_MAX);
    struct record_origin origin = {.topic = topic_of(reading), .timestamp_type = MR_TIMESTAMP_CREATE_TIME};
    if (origin.topic == NULL || bytes_of(reading, json_object_get(reading->json, "key"), &origin.key) != 0 ||
        bytes_of(reading, json_object_get(reading->json, "value"), &origin.value) != 0 ||
        each_header(reading, add_raw_header, &headers) != 0 ||
        integer_member(reading, "partition", INT32_MAX, &partition) != 0 ||
        integer_member(reading, "offset", INT64_MAX, &offset) != 0 ||
        integer_member(reading, "timestamp", INT64_MAX, &timestamp_ms) != 0)
        return mr_arena_failed(reading->arena, reading->error);
    origin.partition = (int32_t)partition;
    origin.offset = offset;
    origin.timestamp_ms = timestamp_ms;
    origin.headers = headers.items;
    origin.header_count = (uint32_t)headers.count;
    reading->input->json = shown_origin(&reading->dry_run->trace, &origin);
    return append_origin(reading->input, &origin, reading->error);
}

static int source_of_text(const struct reading *reading)
{
    struct mr_record *record = mr_batch_append(reading->input->batch);
    const struct mr_schema *key_schema, *value_schema;
    int64_t partition = MR_PARTITION_NONE, timestamp_ms = -1;
    const struct mr_value *key = value_of(reading, json_object_get(reading->json, "key"), &key_schema);
    const struct mr_value *value = key == NULL ? NULL : value_of(reading, json_object_get(reading->json, "value"), &value_schema);
    const char *topic = topic_of(reading);
    if (value == NULL || record == NULL || topic == NULL || mr_record_set_topic(record, topic) != 0 ||
        mr_record_set_key(record, key_schema, key) != 0 || mr_record_set_value(record, value_schema, value) != 0 ||
        each_header(reading, add_header, record) != 0 ||
        integer_member(reading, "partition", INT32_MAX, &partition) != 0 ||
        integer_member(reading, "timestamp", INT64_MAX, &timestamp_ms) != 0)
        return mr_arena_failed(mr_batch_arena(reading->input->batch), reading->error);
    mr_record_set_partition(record, (int32_t)partition);
    if (timestamp_ms >= 0)
        mr_record_set_timestamp_ms(record, timestamp_ms);
    reading->input->json = trace_record(&reading->dry_run->trace, record);
    return 0;
}

/* In the form of the corpus ----------------------------------------------------------------------------------- */

/* Its values are there already: the consumed record has no bytes, but as many headers. */
static int sink_of_given(const struct reading *reading, const struct mr_record *given)
{
    size_t count = mr_record_header_count(given);
    struct record_raw_header *headers = mr_arena_alloc(reading->arena, (count + 1) * sizeof(*headers));
    if (headers == NULL)
        return mr_arena_failed(reading->arena, reading->error);
    for (size_t i = 0; i < count; i++)
        headers[i] = (struct record_raw_header){.key = mr_record_header_key(given, i)};
    int32_t partition = mr_record_partition(given);
    const struct record_origin origin = {
        .topic = mr_record_topic(given) != NULL ? mr_record_topic(given) : reading->dry_run->topic,
        .partition = partition == MR_PARTITION_NONE ? 0 : partition,
        .offset = mr_record_offset(given),
        .timestamp_ms = mr_record_has_timestamp(given) ? mr_record_timestamp_ms(given) : -1,
        .timestamp_type = mr_record_has_timestamp(given) ? MR_TIMESTAMP_CREATE_TIME : MR_TIMESTAMP_NONE,
        .headers = headers,
        .header_count = (uint32_t)count,
    };
    reading->input->given = given;
    return append_origin(reading->input, &origin, reading->error);
}

static int record_of_corpus(const struct reading *reading)
{
    bool is_sink = dry_run_is_sink(reading->dry_run);
    struct input *input = reading->input;
    const char *kind = json_string_value(json_object_get(reading->json, "kind"));
    if (kind != NULL && strcmp(kind, is_sink ? "source" : "sink") == 0)
        return mr_error_set(reading->error, MR_ERR_DATA, "the record is of a %s, the connector is a %s; write \"kind\":\"%s\"", kind,
                            is_sink ? "sink" : "source", is_sink ? "sink" : "source");
    struct mr_record *record = decode_record(is_sink ? input->values : input->batch, reading->json, reading->error);
    if (record == NULL)
        return -1;
    if (!is_sink && mr_record_topic(record) == NULL && mr_record_set_topic(record, reading->dry_run->topic) != 0)
        return mr_arena_failed(mr_batch_arena(input->batch), reading->error);
    input->json = trace_record(&reading->dry_run->trace, record);
    return is_sink ? sink_of_given(reading, record) : 0;
}

static int read_object(const struct reading *reading)
{
    if (!json_is_object(reading->json))
        return mr_error_set(reading->error, MR_ERR_DATA, "a record is a JSON object: {\"key\": ..., \"value\": ...}");
    if (json_object_get(reading->json, "kind") != NULL)
        return record_of_corpus(reading);
    if (check_members(reading) != 0)
        return -1;
    return dry_run_is_sink(reading->dry_run) ? sink_of_text(reading) : source_of_text(reading);
}

int input_of_text(struct input *input, struct dry_run *dry_run, const char *text, size_t length, struct mr_error **error)
{
    json_error_t why;
    if (length > DRY_RUN_LINE_MAX)
        return mr_error_set(error, MR_ERR_DATA, "a record has at most %u bytes of JSON", DRY_RUN_LINE_MAX);
    json_t *json = json_loadb(text, length, PARSE_FLAGS, &why);
    if (json == NULL)
        return mr_error_set(error, MR_ERR_DATA, "no JSON: %.200s (column %d); a record is a JSON object on a line of its own", why.text,
                            why.column);
    int status = input_init(input, dry_run, error);
    if (status == 0) {
        const struct reading reading = {
            .input = input, .dry_run = dry_run, .json = json, .arena = mr_batch_arena(input->values), .error = error};
        status = read_object(&reading);
        if (status == 0 && input->json == NULL)
            status = no_memory(error);
        if (status != 0)
            input_release(input);
    }
    json_decref(json);
    return status;
}
