#include "literal.h"

#include "digit.h"
#include "literal_internal.h"
#include "text.h"

#include <string.h>

/* Tokens ---------------------------------------------------------------------------------------------------- */

/* Walks through the text. `at` is behind the token that was looked at, which may be still to be taken. */
struct reader {
    struct mr_arena *arena;
    const char *text;
    size_t size, at;
    bool has_token;
    struct mr_bytes token; /* looked at, not taken */
    int depth;
};

static bool is_delimiter(char character)
{
    switch (character) {
    case ':':
    case ',':
    case '{':
    case '}':
    case '[':
    case ']':
    case '"': return true;
    default: return false;
    }
}

/* A delimiter that no backslash escapes, or all up to the next one. Backslashes stay. */
static struct mr_bytes cut_token(struct reader *reader)
{
    size_t start = reader->at, at = start;
    bool is_escaped = false;
    for (; at < reader->size; at++) {
        char character = reader->text[at];
        if (is_delimiter(character) && !is_escaped) {
            at += at == start ? 1 : 0;
            break;
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    reader->at = at;
    return (struct mr_bytes){.data = reader->text + start, .size = at - start};
}

static bool has_more(const struct reader *reader)
{
    return reader->has_token || reader->at < reader->size;
}

static struct mr_bytes take_token(struct reader *reader)
{
    struct mr_bytes token = reader->has_token ? reader->token : cut_token(reader);
    reader->has_token = false;
    return token;
}

static size_t mark(const struct reader *reader)
{
    return reader->at - (reader->has_token ? reader->token.size : 0);
}

static void rewind_to(struct reader *reader, size_t position)
{
    reader->at = position;
    reader->has_token = false;
}

/* Without what Java's trim takes: all up to U+0020. */
static struct mr_bytes trim(struct mr_bytes text)
{
    const unsigned char *start = text.data, *end = start + text.size;
    while (start < end && *start <= ' ')
        start++;
    while (end > start && end[-1] <= ' ')
        end--;
    return (struct mr_bytes){.data = start, .size = (size_t)(end - start)};
}

/* The next token without blanks around it, not taken. Blank tokens before it are lost. */
static struct mr_bytes look(struct reader *reader)
{
    if (!reader->has_token)
        reader->token = cut_token(reader);
    reader->has_token = true;
    struct mr_bytes trimmed = trim(reader->token);
    while (trimmed.size == 0 && reader->at < reader->size) {
        reader->token = cut_token(reader);
        trimmed = trim(reader->token);
    }
    return trimmed;
}

static bool is_text(struct mr_bytes text, const char *expected)
{
    return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

/* Is this the next token, blanks around it aside? Then it is taken. Blank tokens before it are lost either way. */
static bool take_if(struct reader *reader, const char *expected)
{
    if (!has_more(reader))
        return false;
    if (!is_text(look(reader), expected))
        return false;
    reader->has_token = false;
    return true;
}

/* Values ---------------------------------------------------------------------------------------------------- */

static enum literal_status parse(struct reader *reader, bool is_embedded, struct literal *literal);

static enum literal_status string(struct reader *reader, struct mr_bytes text, struct literal *literal)
{
    literal->schema = mr_schema_primitive(MR_TYPE_STRING, false);
    literal->value = mr_string_ref(reader->arena, text.size == 0 ? "" : text.data, text.size);
    return literal->value == NULL ? LITERAL_NO_MEMORY : LITERAL_OK;
}

/* Up to the closing quote, or to the end of the text. */
static enum literal_status parse_quoted(struct reader *reader, struct literal *literal)
{
    struct text content = {.arena = reader->arena};
    while (has_more(reader) && !take_if(reader, "\"")) {
        struct mr_bytes token = take_token(reader);
        text_add(&content, token.data, token.size);
    }
    if (content.failed)
        return LITERAL_NO_MEMORY;
    struct mr_bytes bytes = {.data = content.data, .size = content.size};
    enum literal_status status = literal_temporal(reader->arena, bytes, literal);
    return status == LITERAL_NO ? string(reader, bytes, literal) : status;
}

/* null, true and false stand alone, or inside of something. */
static bool take_word(struct reader *reader, bool is_embedded, const char *word)
{
    size_t start = mark(reader);
    if (take_if(reader, word) && (is_embedded || !has_more(reader)))
        return true;
    rewind_to(reader, start);
    return false;
}

/* Colons divide tokens: a time has five. */
static enum literal_status parse_temporal(struct reader *reader, struct mr_bytes token, struct literal *literal)
{
    size_t position = mark(reader);
    int taken = 0;
    for (; taken < 4 && has_more(reader); taken++)
        take_token(reader);
    if (taken == 4 && token.size + (reader->at - position) >= LITERAL_TEMPORAL_BYTES_MIN) {
        const char *rest = reader->text + position;
        struct text joined = {.arena = reader->arena};
        text_add(&joined, token.data, token.size);
        text_add(&joined, rest, reader->at - position);
        if (joined.failed)
            return LITERAL_NO_MEMORY;
        struct mr_bytes bytes = {.data = joined.data, .size = joined.size};
        enum literal_status status = literal_temporal(reader->arena, bytes, literal);
        if (status != LITERAL_NO)
            return status;
    }
    rewind_to(reader, position);
    return literal_temporal(reader->arena, token, literal);
}

static enum literal_status parse_token(struct reader *reader, bool is_embedded, struct literal *literal)
{
    struct mr_bytes raw = take_token(reader), token = trim(raw);
    if (token.size == 0)
        return string(reader, raw, literal);
    char first = *(const char *)token.data, ascii;
    bool is_digit = digit_at(token.data, token.size, &ascii) > 0;
    enum literal_status status = is_digit ? parse_temporal(reader, token, literal) : LITERAL_NO;
    if (status == LITERAL_NO && (is_digit || first == '+' || first == '-'))
        status = literal_number(reader->arena, token, literal);
    if (status != LITERAL_NO || is_embedded)
        return status;
    return string(reader, (struct mr_bytes){.data = reader->text, .size = reader->size}, literal);
}

/* Containers ------------------------------------------------------------------------------------------------ */

/* The reference is the arena's. */
static enum literal_status keep(struct reader *reader, const struct mr_schema *schema)
{
    int kept = schema == NULL ? -1 : mr_arena_keep_schema(reader->arena, schema);
    mr_schema_drop(schema);
    return kept < 0 ? LITERAL_NO_MEMORY : LITERAL_OK;
}

static enum literal_status finish_array(struct reader *reader, const struct literal_common *common, struct mr_value *read,
                                        struct literal *literal)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_ARRAY);
    if (common->schema != NULL)
        mr_schema_builder_set_element(builder, common->schema);
    literal->schema = mr_schema_builder_build(builder, NULL);
    literal->value = read;
    enum literal_status status = keep(reader, literal->schema);
    if (status != LITERAL_OK || common->schema == NULL)
        return status;
    struct mr_value *array = mr_array_create(reader->arena, mr_array_count(read));
    if (array == NULL)
        return LITERAL_NO_MEMORY;
    for (size_t i = 0; i < mr_array_count(read) && status == LITERAL_OK; i++) {
        const struct mr_value *element;
        status = literal_convert(reader->arena, common->schema, mr_array_at(read, i), &element);
        if (status == LITERAL_OK && mr_array_append(reader->arena, array, element) < 0)
            status = LITERAL_NO_MEMORY;
    }
    literal->value = array;
    return status;
}

static const struct mr_value *value_of(const struct literal *literal)
{
    return literal->value == NULL ? mr_null() : literal->value;
}

static enum literal_status parse_array(struct reader *reader, struct literal *literal)
{
    struct literal_common common = {.schema = NULL};
    struct mr_value *read = mr_array_create(reader->arena, 4);
    if (read == NULL)
        return LITERAL_NO_MEMORY;
    while (has_more(reader)) {
        if (take_if(reader, "]"))
            return finish_array(reader, &common, read, literal);
        if (take_if(reader, ","))
            return LITERAL_NO; /* an empty element */
        struct literal element = {.schema = NULL};
        enum literal_status status = parse(reader, true, &element);
        if (status != LITERAL_OK)
            return status;
        literal_common_add(&common, element.schema);
        if (mr_array_append(reader->arena, read, value_of(&element)) < 0)
            return LITERAL_NO_MEMORY;
        size_t position = mark(reader);
        if (take_if(reader, "]"))
            rewind_to(reader, position);
        else if (!take_if(reader, ","))
            return LITERAL_NO;
    }
    return LITERAL_NO; /* never closed */
}

struct entries {
    struct literal_common keys, values;
    struct mr_value *read;
};

static enum literal_status convert_entry(struct reader *reader, const struct entries *entries, size_t i,
                                         struct mr_value *map)
{
    const struct mr_value *key = mr_map_key_at(entries->read, i), *value = mr_map_value_at(entries->read, i);
    enum literal_status status = literal_convert(reader->arena, entries->keys.schema, key, &key);
    if (status == LITERAL_OK && entries->values.schema != NULL)
        status = literal_convert(reader->arena, entries->values.schema, value, &value);
    if (status == LITERAL_OK && mr_map_put(reader->arena, map, key, value) < 0)
        status = LITERAL_NO_MEMORY;
    return status;
}

static enum literal_status finish_map(struct reader *reader, const struct entries *entries, struct literal *literal)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_MAP);
    if (entries->keys.schema != NULL)
        mr_schema_builder_set_key(builder, entries->keys.schema);
    if (entries->keys.schema != NULL && entries->values.schema != NULL)
        mr_schema_builder_set_element(builder, entries->values.schema);
    literal->schema = mr_schema_builder_build(builder, NULL);
    literal->value = entries->read;
    enum literal_status status = keep(reader, literal->schema);
    if (status != LITERAL_OK || entries->keys.schema == NULL)
        return status;
    struct mr_value *map = mr_map_create(reader->arena, mr_map_count(entries->read));
    if (map == NULL)
        return LITERAL_NO_MEMORY;
    for (size_t i = 0; i < mr_map_count(entries->read) && status == LITERAL_OK; i++)
        status = convert_entry(reader, entries, i, map);
    literal->value = map;
    return status;
}

static enum literal_status parse_entry(struct reader *reader, struct entries *entries)
{
    struct literal key = {.schema = NULL}, value = {.schema = NULL};
    enum literal_status status = parse(reader, true, &key);
    if (status != LITERAL_OK)
        return status;
    if (key.value == NULL || !take_if(reader, ":"))
        return LITERAL_NO;
    status = parse(reader, true, &value);
    if (status != LITERAL_OK)
        return status;
    take_if(reader, ",");
    literal_common_add(&entries->keys, key.schema);
    literal_common_add(&entries->values, value.schema);
    return mr_map_put(reader->arena, entries->read, key.value, value_of(&value)) < 0 ? LITERAL_NO_MEMORY : LITERAL_OK;
}

static enum literal_status parse_map(struct reader *reader, struct literal *literal)
{
    struct entries entries = {.read = mr_map_create(reader->arena, 4)};
    if (entries.read == NULL)
        return LITERAL_NO_MEMORY;
    while (has_more(reader)) {
        if (take_if(reader, "}"))
            return finish_map(reader, &entries, literal);
        if (take_if(reader, ","))
            return LITERAL_NO; /* an empty entry */
        enum literal_status status = parse_entry(reader, &entries);
        if (status != LITERAL_OK)
            return status;
    }
    return LITERAL_NO; /* never closed */
}

/* LITERAL_NO with the reader back at the start: no container, or a broken one. */
static enum literal_status parse_container(struct reader *reader, struct literal *literal)
{
    size_t start = mark(reader);
    bool is_array = take_if(reader, "["), is_map = !is_array && take_if(reader, "{");
    if (!is_array && !is_map)
        return LITERAL_NO;
    if (reader->depth == LITERAL_DEPTH_MAX)
        return LITERAL_NO_DEPTH;
    reader->depth++;
    enum literal_status status = is_array ? parse_array(reader, literal) : parse_map(reader, literal);
    reader->depth--;
    if (status == LITERAL_NO)
        rewind_to(reader, start);
    return status;
}

/* LITERAL_NO: none of the three words. */
static enum literal_status parse_word(struct reader *reader, bool is_embedded, struct literal *literal)
{
    if (take_word(reader, is_embedded, "null"))
        return LITERAL_OK;
    bool is_true = take_word(reader, is_embedded, "true");
    if (!is_true && !take_word(reader, is_embedded, "false"))
        return LITERAL_NO;
    *literal = (struct literal){.schema = mr_schema_primitive(MR_TYPE_BOOLEAN, false), .value = mr_boolean(is_true)};
    return LITERAL_OK;
}

static enum literal_status parse(struct reader *reader, bool is_embedded, struct literal *literal)
{
    *literal = (struct literal){.schema = NULL};
    if (!has_more(reader))
        return LITERAL_OK;
    if (is_embedded && take_if(reader, "\""))
        return parse_quoted(reader, literal);
    size_t start = mark(reader);
    struct mr_bytes next = look(reader);
    bool is_container = is_text(next, "[") || is_text(next, "{");
    if (!is_container && !is_text(next, "null") && !is_text(next, "true") && !is_text(next, "false"))
        return parse_token(reader, is_embedded, literal);
    rewind_to(reader, start);
    enum literal_status status = is_container ? LITERAL_NO : parse_word(reader, is_embedded, literal);
    if (status == LITERAL_NO)
        status = parse_container(reader, literal);
    if (status == LITERAL_NO) {
        *literal = (struct literal){.schema = NULL};
        status = parse_token(reader, is_embedded, literal);
    }
    return status;
}

enum literal_result literal_read(struct mr_arena *arena, struct mr_bytes text, const struct mr_schema **schema,
                                 const struct mr_value **value, struct mr_error **error)
{
    struct reader reader = {.arena = arena, .text = text.data, .size = text.size};
    struct literal literal = {.schema = NULL};
    enum literal_status status = text.size == 0 ? string(&reader, text, &literal) : parse(&reader, false, &literal);
    if (status == LITERAL_NO_MEMORY) {
        mr_arena_failed(arena, error);
        return LITERAL_FAILED;
    }
    if (status == LITERAL_NO_DEPTH)
        return LITERAL_TOO_DEEP;
    *schema = literal.schema;
    *value = value_of(&literal);
    return LITERAL_READ;
}
