#include "errors/record_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <millrace/number_text.h>

#include "base/str_buffer.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define TEXT_DEPTH_MAX 32 /* deeper values print as "…" */

static void append_value(struct str_buffer *text, const struct mr_value *value, int depth);

static void append_array(struct str_buffer *text, const struct mr_value *array, int depth)
{
    str_buffer_append_char(text, '[');
    for (size_t i = 0; i < mr_array_count(array) && !str_buffer_failed(text); i++) {
        str_buffer_append_text(text, i == 0 ? "" : ", ");
        append_value(text, mr_array_at(array, i), depth);
    }
    str_buffer_append_char(text, ']');
}

static void append_map(struct str_buffer *text, const struct mr_value *map, int depth)
{
    str_buffer_append_char(text, '{');
    for (size_t i = 0; i < mr_map_count(map) && !str_buffer_failed(text); i++) {
        str_buffer_append_text(text, i == 0 ? "" : ", ");
        append_value(text, mr_map_key_at(map, i), depth);
        str_buffer_append_char(text, '=');
        append_value(text, mr_map_value_at(map, i), depth);
    }
    str_buffer_append_char(text, '}');
}

static void append_struct(struct str_buffer *text, const struct mr_value *structure, int depth)
{
    const struct mr_schema *schema = mr_struct_schema(structure);
    const char *comma = "";
    str_buffer_append_text(text, "Struct{");
    for (size_t i = 0; i < mr_schema_field_count(schema) && !str_buffer_failed(text); i++) {
        const struct mr_value *field = mr_struct_at(structure, i);
        if (value_is_null(field))
            continue;
        str_buffer_printf(text, "%s%s=", comma, mr_schema_field_name(schema, i));
        append_value(text, field, depth);
        comma = ",";
    }
    str_buffer_append_char(text, '}');
}

static void append_number(struct str_buffer *text, const struct mr_value *value)
{
    char digits[MR_NUMBER_TEXT_MAX];
    size_t length = 0;
    if (value_kind(value) == MR_KIND_FLOAT32)
        length = mr_float32_text(value->float32, digits);
    else if (value_kind(value) == MR_KIND_FLOAT64)
        length = mr_float64_text(value->float64, digits);
    else
        length = mr_int64_text(value->integer, digits);
    str_buffer_append(text, digits, length);
}

static void append_decimal(struct str_buffer *text, const struct mr_value *value)
{
    struct mr_arena *arena = mr_arena_create(1 << 20);
    struct mr_bytes digits;
    if (arena != NULL && mr_decimal_text(arena, value, &digits, NULL) == 0)
        str_buffer_append(text, digits.data, digits.size);
    else
        str_buffer_append_text(text, "?");
    mr_arena_destroy(arena);
}

static void append_value(struct str_buffer *text, const struct mr_value *value, int depth)
{
    if (depth > TEXT_DEPTH_MAX) {
        str_buffer_append_text(text, "…");
        return;
    }
    switch (value_kind(value)) {
    case MR_KIND_NULL: str_buffer_append_text(text, "null"); break;
    case MR_KIND_BOOLEAN: str_buffer_append_text(text, value->boolean ? "true" : "false"); break;
    case MR_KIND_STRING: str_buffer_append(text, value->bytes, value->length); break;
    case MR_KIND_BYTES: str_buffer_printf(text, "byte[%" PRIu32 "]", value->length); break;
    case MR_KIND_ARRAY: append_array(text, value, depth + 1); break;
    case MR_KIND_MAP: append_map(text, value, depth + 1); break;
    case MR_KIND_STRUCT: append_struct(text, value, depth + 1); break;
    case MR_KIND_DECIMAL:
    case MR_KIND_BIGINT: append_decimal(text, value); break;
    default: append_number(text, value); break;
    }
}

static void append_schema(struct str_buffer *text, const struct mr_schema *schema)
{
    if (schema == NULL) {
        str_buffer_append_text(text, "null");
        return;
    }
    const char *name = mr_schema_name(schema);
    str_buffer_append_text(text, "Schema{");
    if (name != NULL)
        str_buffer_printf(text, "%s:", name);
    for (const char *type = mr_type_name(mr_schema_type(schema)); *type != '\0'; type++)
        str_buffer_append_char(text, (char)toupper((unsigned char)*type));
    str_buffer_append_char(text, '}');
}

static void append_headers(struct str_buffer *text, const struct record_content *content)
{
    str_buffer_append_text(text, content->header_count == 0 ? "" : "[");
    for (uint32_t i = 0; i < content->header_count && !str_buffer_failed(text); i++) {
        const struct record_header *header = &content->headers[i];
        str_buffer_printf(text, "%sConnectHeader(key=%s, value=", i == 0 ? "" : ", ", header->key);
        append_value(text, header->value, 0);
        str_buffer_append_text(text, ", schema=");
        append_schema(text, header->schema);
        str_buffer_append_char(text, ')');
    }
    str_buffer_append_text(text, content->header_count == 0 ? "" : "]");
}

static void append_number_or_null(struct str_buffer *text, const char *name, bool is_there, int64_t number)
{
    if (is_there)
        str_buffer_printf(text, ", %s=%" PRId64, name, number);
    else
        str_buffer_printf(text, ", %s=null", name);
}

static void append_source(struct str_buffer *text, const struct mr_record *record)
{
    str_buffer_append_text(text, "SourceRecord{sourcePartition=");
    append_value(text, mr_record_source_partition(record), 0);
    str_buffer_append_text(text, ", sourceOffset=");
    append_value(text, mr_record_source_offset(record), 0);
}

void record_text_source_place(struct str_buffer *text, const struct mr_record *record)
{
    append_source(text, record);
    if (record->content.topic != NULL)
        str_buffer_printf(text, ", topic='%s'", record->content.topic);
    str_buffer_append_char(text, '}');
}

void record_text_source(struct str_buffer *text, const struct mr_record *record)
{
    const struct record_content *content = &record->content;
    append_source(text, record);
    str_buffer_printf(text, "} ConnectRecord{topic='%s'", content->topic == NULL ? "null" : content->topic);
    append_number_or_null(text, "kafkaPartition", content->partition >= 0, content->partition);
    str_buffer_append_text(text, ", key=");
    append_value(text, content->key, 0);
    str_buffer_append_text(text, ", keySchema=");
    append_schema(text, content->key_schema);
    str_buffer_append_text(text, ", value=");
    append_value(text, content->value, 0);
    str_buffer_append_text(text, ", valueSchema=");
    append_schema(text, content->value_schema);
    append_number_or_null(text, "timestamp", content->has_timestamp, content->timestamp_ms);
    str_buffer_append_text(text, ", headers=ConnectHeaders(headers=");
    append_headers(text, content);
    str_buffer_append_text(text, ")}");
}

void record_text_origin(struct str_buffer *text, const struct record_origin *origin)
{
    str_buffer_printf(text, "{topic='%s', partition=%" PRId32 ", offset=%" PRId64, origin->topic, origin->partition,
                      origin->offset);
    if (origin->timestamp_type != MR_TIMESTAMP_NONE)
        str_buffer_printf(text, ", timestamp=%" PRId64 ", timestampType=%s", origin->timestamp_ms,
                          origin->timestamp_type == MR_TIMESTAMP_CREATE_TIME ? "CreateTime" : "LogAppendTime");
    str_buffer_append_char(text, '}');
}
