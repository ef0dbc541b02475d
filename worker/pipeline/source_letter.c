#include "pipeline/source_letter_internal.h"

#include <millrace/converter.h>
#include <millrace/json.h>
#include <string.h>

#include "base/plugin_call.h"
#include "errors/tolerance.h"
#include "kafka/producer.h"
#include "pipeline/converters.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

static const struct mr_bytes nothing = { .data = NULL, .size = 0 };

/* A converter that made the record fail is asked once more: it may be another part that it would not take. */
static bool by_converter(const struct converter *converter, const struct mr_converter_place *place,
                         const struct mr_schema *schema, const struct mr_value *value, struct mr_arena *arena,
                         struct mr_bytes *bytes)
{
    if (place->topic == NULL)
        return false; /* it may need one */
    *bytes = nothing;
    struct mr_error *ignored = NULL;
    const struct plugin_call before = plugin_call_enter(converter->plugin, "from_connect");
    int status = converter->ops->from_connect(converter->self, place, schema, value, arena, bytes, &ignored);
    plugin_call_leave(before);
    mr_error_drop(ignored);
    return status == 0;
}

static bool by_json(const struct mr_schema *schema, const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes)
{
    struct mr_error *ignored = NULL;
    *bytes = nothing;
    if (mr_value_is_null(value))
        return true;
    int status = mr_json_write(arena, schema, value, 0, bytes, &ignored);
    mr_error_clear(&ignored);
    if (status != 0 && schema != NULL) /* a value that is not what its schema says */
        status = mr_json_write(arena, NULL, value, 0, bytes, &ignored);
    mr_error_drop(ignored);
    if (status != 0)
        *bytes = nothing;
    return status == 0;
}

/* Returns how the bytes came about. */
static const char *represent(const struct converter *converter, const struct mr_converter_place *place,
                             const struct mr_schema *schema, const struct mr_value *value, struct mr_arena *arena,
                             struct mr_bytes *bytes)
{
    if (by_converter(converter, place, schema, value, arena, bytes))
        return LETTER_FORM_CONVERTER;
    return by_json(schema, value, arena, bytes) ? LETTER_FORM_JSON : LETTER_FORM_NONE;
}

static int represent_headers(const struct converters *converters, struct mr_converter_place *place,
                             const struct mr_record *record, struct mr_arena *arena, struct source_letter *letter,
                             struct mr_error **error)
{
    const struct record_content *content = &record->content;
    struct record_raw_header *headers = mr_arena_alloc(arena, content->header_count * sizeof(*headers) + 1);
    if (headers == NULL)
        return mr_arena_failed(arena, error);
    letter->headers_form = LETTER_FORM_CONVERTER;
    for (uint32_t i = 0; i < content->header_count; i++) {
        const struct record_header *header = &content->headers[i];
        place->header_key = headers[i].key = header->key;
        const char *form = represent(&converters->header, place, header->schema, header->value, arena, &headers[i].value);
        if (strcmp(form, LETTER_FORM_CONVERTER) != 0)
            letter->headers_form = form;
    }
    letter->headers = headers;
    letter->header_count = content->header_count;
    return 0;
}

static void add_source(const struct mr_record *record, struct mr_arena *arena, struct source_letter *letter)
{
    const struct record_content *content = &record->original->content;
    by_json(NULL, content->source_partition, arena, &letter->source_partition);
    by_json(NULL, content->source_offset, arena, &letter->source_offset);
}

int source_letter_of_polled(const struct converters *converters, const struct mr_record *record, struct mr_arena *arena,
                            struct source_letter *letter, struct mr_error **error)
{
    const struct record_content *content = &record->content;
    struct mr_converter_place place = { .size = sizeof(place), .topic = content->topic, .record = record };
    letter->topic = content->topic;
    letter->partition = content->partition < 0 ? -1 : content->partition;
    letter->timestamp_ms = content->has_timestamp && content->timestamp_ms >= 0 ? content->timestamp_ms : -1;
    letter->key_form = represent(&converters->key, &place, content->key_schema, content->key, arena, &letter->key);
    letter->value_form = represent(&converters->value, &place, content->value_schema, content->value, arena, &letter->value);
    add_source(record, arena, letter);
    return represent_headers(converters, &place, record, arena, letter, error);
}

int source_letter_of_refused(const struct producer_record *refused, const struct mr_record *record, struct mr_arena *arena,
                             struct source_letter *letter, struct mr_error **error)
{
    struct record_raw_header *headers = mr_arena_alloc(arena, refused->header_count * sizeof(*headers) + 1);
    if (headers == NULL)
        return mr_arena_failed(arena, error);
    for (size_t i = 0; i < refused->header_count; i++)
        headers[i] = (struct record_raw_header){ .key = refused->headers[i].name, .value = refused->headers[i].value };
    letter->topic = producer_topic_name(refused->topic);
    letter->partition = refused->partition;
    letter->timestamp_ms = refused->timestamp_ms;
    letter->key = refused->key;
    letter->value = refused->value;
    letter->headers = headers;
    letter->header_count = (uint32_t)refused->header_count;
    letter->key_form = letter->value_form = letter->headers_form = LETTER_FORM_CONVERTER;
    add_source(record, arena, letter);
    return 0;
}
