/* Schemas to JSON, in JsonConverter's order of members. */
#include "sdk/json_internal.h"

#include "base/bans.h"

static const char *const TYPE_NAMES[] = {
    [MR_TYPE_INT8] = "int8",       [MR_TYPE_INT16] = "int16",   [MR_TYPE_INT32] = "int32",
    [MR_TYPE_INT64] = "int64",     [MR_TYPE_FLOAT32] = "float", [MR_TYPE_FLOAT64] = "double",
    [MR_TYPE_BOOLEAN] = "boolean", [MR_TYPE_STRING] = "string", [MR_TYPE_BYTES] = "bytes",
    [MR_TYPE_ARRAY] = "array",     [MR_TYPE_MAP] = "map",       [MR_TYPE_STRUCT] = "struct",
};

static int text_put(struct json_writer *writer, const char *text)
{
    return json_put_text(writer, text, strlen(text));
}

/* ,"name":"text" unless text is NULL */
static int text_member_put(struct json_writer *writer, const char *name, const char *text)
{
    if (text == NULL)
        return 0;
    if (json_put_char(writer, ',') != 0 || text_put(writer, name) != 0 || json_put_char(writer, ':') != 0)
        return -1;
    return text_put(writer, text);
}

static int fields_put(struct json_writer *writer, const struct mr_schema *schema)
{
    if (JSON_PUT(writer, ",\"fields\":[") != 0)
        return -1;
    for (uint32_t i = 0; i < schema->field_count; i++)
        if ((i > 0 && json_put_char(writer, ',') != 0) ||
            json_put_schema(writer, schema->fields[i].schema, schema->fields[i].name) != 0)
            return -1;
    return json_put_char(writer, ']');
}

static int children_put(struct json_writer *writer, const struct mr_schema *schema)
{
    if (schema->type == MR_TYPE_STRUCT)
        return fields_put(writer, schema);
    if (schema->type == MR_TYPE_ARRAY)
        return JSON_PUT(writer, ",\"items\":") == 0 ? json_put_schema(writer, schema->element, NULL) : -1;
    if (schema->type != MR_TYPE_MAP)
        return 0;
    if (JSON_PUT(writer, ",\"keys\":") != 0 || json_put_schema(writer, schema->key, NULL) != 0)
        return -1;
    return JSON_PUT(writer, ",\"values\":") == 0 ? json_put_schema(writer, schema->element, NULL) : -1;
}

static int version_put(struct json_writer *writer, const struct mr_schema *schema)
{
    if (!schema->has_version)
        return 0;
    if (JSON_PUT(writer, ",\"version\":") != 0 || json_room(writer, MR_NUMBER_TEXT_MAX) != 0)
        return -1;
    writer->at += mr_int64_text(schema->version, writer->at);
    return 0;
}

static int parameters_put(struct json_writer *writer, const struct mr_schema *schema)
{
    if (!schema->has_parameters)
        return 0;
    if (JSON_PUT(writer, ",\"parameters\":{") != 0)
        return -1;
    for (uint32_t i = 0; i < schema->parameter_count; i++)
        if ((i > 0 && json_put_char(writer, ',') != 0) || text_put(writer, schema->parameters[i].key) != 0 ||
            json_put_char(writer, ':') != 0 || text_put(writer, schema->parameters[i].value) != 0)
            return -1;
    return json_put_char(writer, '}');
}

static int default_put(struct json_writer *writer, const struct mr_schema *schema)
{
    if (schema->default_value == NULL)
        return 0;
    return JSON_PUT(writer, ",\"default\":") == 0 ? json_put_value(writer, schema, schema->default_value) : -1;
}

int json_put_schema(struct json_writer *writer, const struct mr_schema *schema, const char *field)
{
    if (schema == NULL)
        return JSON_PUT(writer, "null");
    if (JSON_PUT(writer, "{\"type\":") != 0 || text_put(writer, TYPE_NAMES[schema->type]) != 0 ||
        children_put(writer, schema) != 0)
        return -1;
    if ((schema->is_optional ? JSON_PUT(writer, ",\"optional\":true") : JSON_PUT(writer, ",\"optional\":false")) != 0)
        return -1;
    if (text_member_put(writer, "name", schema->name) != 0 || version_put(writer, schema) != 0 ||
        text_member_put(writer, "doc", schema->doc) != 0 || parameters_put(writer, schema) != 0 ||
        default_put(writer, schema) != 0 || text_member_put(writer, "field", field) != 0)
        return -1;
    return json_put_char(writer, '}');
}
