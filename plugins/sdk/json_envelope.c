/*
 * {"schema":…,"payload":…}. Whoever writes many records writes the same schema text again and again: the text of the last
 * one is compared in place, which finds its end as well (an object ends where it ends, whatever follows); others are
 * found by hash. The usual order and nothing but the two members is read in one pass; anything else from the start again,
 * by the rules for any object.
 */
#include "sdk/json_cache.h"
#include "sdk/json_internal.h"

#include "base/mem.h"
#include "base/bans.h"

struct mr_json_envelope {
    uint32_t flags;
    struct json_cache schemas; /* by text */
    struct json_cache heads;   /* by schema: everything up to the payload */
};

struct mr_json_envelope *mr_json_envelope_create(uint32_t flags, size_t cache_entries)
{
    struct mr_json_envelope *envelope = mem_alloc(sizeof(*envelope));
    if (envelope == NULL)
        return NULL;
    envelope->flags = flags & ~JSON_RAW_DEFAULTS;
    json_cache_init(&envelope->schemas, true, cache_entries);
    json_cache_init(&envelope->heads, false, cache_entries);
    return envelope;
}

void mr_json_envelope_destroy(struct mr_json_envelope *envelope)
{
    if (envelope == NULL)
        return;
    json_cache_release(&envelope->schemas);
    json_cache_release(&envelope->heads);
    mem_free(envelope);
}

/* Reading --------------------------------------------------------------------------------------------------- */

enum envelope_pass { ENVELOPE_BROKEN = -1, ENVELOPE_READ = 0, ENVELOPE_UNUSUAL = 1 };

/* What reading an envelope comes to. The schema belongs to the arena. */
struct envelope_content {
    const struct mr_schema *schema;
    struct mr_value payload;
    enum json_outcome outcome; /* of the payload */
};

/* The schema that a checked text means; NULL with an error. */
static const struct mr_schema *schema_of_text(struct mr_json_envelope *envelope, struct json_reader *reader,
                                              const char *text, size_t size)
{
    const struct json_cache_entry *known = json_cache_find_text(&envelope->schemas, text, size);
    const struct mr_schema *schema;
    if (known != NULL)
        return mr_arena_keep_schema(reader->arena, known->schema) == 0 ? known->schema : NULL;
    schema = json_schema_parse((struct mr_bytes){text, size}, envelope->flags & MR_JSON_KEEP_NULLS, 1, reader->error);
    if (schema == NULL)
        return NULL;
    json_cache_put(&envelope->schemas, schema, text, size);
    int kept = mr_arena_keep_schema(reader->arena, schema);
    mr_schema_drop(schema);
    return kept == 0 ? schema : NULL;
}

/* At the value of "schema". `*schema` NULL: schemaless. */
static enum json_outcome schema_read(struct mr_json_envelope *envelope, struct json_reader *reader,
                                     const struct mr_schema **schema)
{
    const struct json_cache_entry *last = envelope->schemas.last;
    struct mr_value cell;
    *schema = NULL;
    if (last != NULL && (size_t)(reader->end - reader->at) >= last->size &&
        memcmp(reader->at, last->text, last->size) == 0) {
        reader->at += last->size;
        *schema = last->schema;
        return mr_arena_keep_schema(reader->arena, last->schema) == 0 ? JSON_FINE : json_no_memory(reader);
    }
    if (json_peek(reader) == 'n')
        return json_literal(reader, &cell);
    const char *start = reader->at;
    if (json_skip(reader) != JSON_FINE)
        return JSON_BROKEN;
    *schema = schema_of_text(envelope, reader, start, (size_t)(reader->at - start));
    return *schema != NULL ? JSON_FINE : *reader->error != NULL ? JSON_BAD : json_no_memory(reader);
}

static bool literal_pass(struct json_reader *reader, const char *literal, size_t size)
{
    json_blanks_pass(reader);
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, literal, size) != 0)
        return false;
    reader->at += size;
    json_blanks_pass(reader);
    return true;
}

#define LITERAL_PASS(reader, literal) literal_pass((reader), (literal), sizeof(literal) - 1)

static enum envelope_pass usual_read(struct mr_json_envelope *envelope, struct json_reader *reader,
                                     struct envelope_content *content)
{
    if (!LITERAL_PASS(reader, "{") || !LITERAL_PASS(reader, "\"schema\"") || !LITERAL_PASS(reader, ":"))
        return ENVELOPE_UNUSUAL;
    reader->depth = 1;
    if (schema_read(envelope, reader, &content->schema) != JSON_FINE)
        return ENVELOPE_UNUSUAL;
    if (!LITERAL_PASS(reader, ",") || !LITERAL_PASS(reader, "\"payload\"") || !LITERAL_PASS(reader, ":"))
        return ENVELOPE_UNUSUAL;
    content->outcome = json_value_as(reader, content->schema, &content->payload);
    if (content->outcome == JSON_BROKEN)
        return ENVELOPE_BROKEN;
    return LITERAL_PASS(reader, "}") ? ENVELOPE_READ : ENVELOPE_UNUSUAL;
}

/* Where the last member of each name begins. */
struct envelope_places {
    const char *schema, *payload;
    bool has_others;
};

static enum json_outcome places_find(struct json_reader *reader, struct envelope_places *places)
{
    struct mr_bytes name;
    json_blanks_pass(reader);
    if (json_peek(reader) != '{') {
        places->has_others = true;
        return reader->at == reader->end ? JSON_FINE : json_skip(reader);
    }
    int more = json_open(reader, '}');
    while (more > 0) {
        if (json_peek(reader) != '"')
            return json_broken(reader, "the name of a member");
        if (json_string_read(reader, &name) != JSON_FINE || json_colon(reader) != JSON_FINE)
            return JSON_BROKEN;
        if (name.size == 6 && memcmp(name.data, "schema", 6) == 0)
            places->schema = reader->at;
        else if (name.size == 7 && memcmp(name.data, "payload", 7) == 0)
            places->payload = reader->at;
        else
            places->has_others = true;
        if (json_skip(reader) != JSON_FINE)
            return JSON_BROKEN;
        more = json_next(reader, '}');
    }
    return more < 0 ? JSON_BROKEN : JSON_FINE;
}

static enum envelope_pass any_read(struct mr_json_envelope *envelope, struct json_reader *reader,
                                   struct envelope_content *content)
{
    struct envelope_places places = {.schema = NULL};
    if (places_find(reader, &places) != JSON_FINE)
        return ENVELOPE_BROKEN;
    if (places.schema == NULL || places.payload == NULL || places.has_others) {
        mr_error_set(
            reader->error, MR_ERR_DATA,
            "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not contain additional fields. "
            "If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.");
        return ENVELOPE_BROKEN;
    }
    const char *behind = reader->at;
    reader->depth = 1;
    reader->at = places.schema;
    if (schema_read(envelope, reader, &content->schema) != JSON_FINE)
        return ENVELOPE_BROKEN;
    reader->at = places.payload;
    content->outcome = json_value_as(reader, content->schema, &content->payload);
    reader->at = behind;
    return content->outcome == JSON_BROKEN ? ENVELOPE_BROKEN : ENVELOPE_READ;
}

static bool content_read(struct mr_json_envelope *envelope, struct mr_arena *arena, struct mr_bytes text,
                         struct envelope_content *content, struct mr_error **mistake)
{
    struct json_reader reader;
    json_reader_init(&reader, arena, text, envelope->flags, mistake);
    enum envelope_pass pass = usual_read(envelope, &reader, content);
    if (pass == ENVELOPE_UNUSUAL) {
        json_reader_release(&reader);
        mr_error_clear(mistake);
        json_reader_init(&reader, arena, text, envelope->flags, mistake);
        pass = any_read(envelope, &reader, content);
    }
    bool is_fine = pass == ENVELOPE_READ && content->outcome != JSON_BAD;
    if (is_fine && (envelope->flags & MR_JSON_WHOLE_TEXT) != 0) {
        json_blanks_pass(&reader);
        is_fine = reader.at == reader.end || json_broken(&reader, "the end of the text") == JSON_FINE;
    }
    json_reader_release(&reader);
    return is_fine;
}

int mr_json_envelope_read(struct mr_json_envelope *envelope, struct mr_arena *arena, struct mr_bytes text,
                          const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    struct envelope_content content = {.schema = NULL};
    struct mr_error *mistake = NULL;
    if (json_text_prepare(arena, &text, envelope->flags, error) != 0)
        return -1;
    if (!content_read(envelope, arena, text, &content, &mistake)) {
        json_error_hand_on(error, mistake);
        return -1;
    }
    if (mistake != NULL)
        mr_error_clear(&mistake);
    struct mr_value *cell = arena_alloc(arena, sizeof(*cell));
    if (cell == NULL)
        return mr_arena_failed(arena, error);
    *cell = content.payload;
    *schema = content.schema;
    *value = cell;
    return 0;
}

/* Writing --------------------------------------------------------------------------------------------------- */

/* Everything in front of the payload. */
static int head_put(struct mr_json_envelope *envelope, struct json_writer *writer, const struct mr_schema *schema)
{
    if (schema == NULL)
        return JSON_PUT(writer, "{\"schema\":null,\"payload\":");
    const struct json_cache_entry *known = json_cache_find_schema(&envelope->heads, schema);
    if (known != NULL)
        return json_put(writer, known->text, known->size);
    if (JSON_PUT(writer, "{\"schema\":") != 0 || json_put_schema(writer, schema, NULL) != 0 ||
        JSON_PUT(writer, ",\"payload\":") != 0)
        return -1;
    json_cache_put(&envelope->heads, schema, writer->start, (size_t)(writer->at - writer->start));
    return 0;
}

int mr_json_envelope_write(struct mr_json_envelope *envelope, struct mr_arena *arena, const struct mr_schema *schema,
                           const struct mr_value *value, struct mr_bytes *text, struct mr_error **error)
{
    struct json_writer writer;
    if (json_writer_init(&writer, arena, envelope->flags, error) != 0)
        return -1;
    writer.depth = 1;
    if (head_put(envelope, &writer, schema) != 0 || json_put_value(&writer, schema, value) != 0 ||
        json_put_char(&writer, '}') != 0)
        return -1;
    json_writer_finish(&writer, text);
    return 0;
}
