#include "json/offsets_body.h"

#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "json/body_internal.h"

#include "base/bans.h"

#define ARENA_MAX (64u << 20) /* values made of a body of HTTP_BODY_MAX */

struct offsets_reader {
    struct body_reader body;
    struct offsets_body *out;
    size_t capacity;
    bool has_list;
};

/* ---- one entry ---- */

/* An object, or null; NULL: broken or refused. */
static const struct mr_value *read_map(struct offsets_reader *reader, const char *field)
{
    struct json_in *in = &reader->body.in;
    enum json_in_kind kind = json_in_kind(in);
    const char *start = in->at;
    struct mr_error *error = NULL;
    if (kind != JSON_IN_OBJECT && kind != JSON_IN_NULL && kind != JSON_IN_NOTHING) {
        body_refuse(reader->body.problem, "\"%s\" must be an object or null", field);
        return NULL;
    }
    if (!json_in_skip(in))
        return NULL;
    struct mr_bytes text = {.data = start, .size = (size_t)(in->at - start)};
    const struct mr_value *map =
        mr_json_read(reader->out->arena, text, MR_JSON_COPY_TEXT | MR_JSON_WHOLE_TEXT, &error);
    if (map == NULL)
        body_refuse(reader->body.problem, "\"%s\": %s", field, mr_error_message(error));
    mr_error_drop(error);
    return map;
}

static bool read_field(struct offsets_reader *reader, struct offset_entry *entry)
{
    const char *field = str_buffer_text(&reader->body.name);
    if (strcmp(field, "partition") == 0)
        return (entry->partition = read_map(reader, "partition")) != NULL;
    if (strcmp(field, "offset") == 0)
        return (entry->offset = read_map(reader, "offset")) != NULL;
    return body_refuse(reader->body.problem, "Unknown field \"%.*s\"; there are \"partition\" and \"offset\"",
                       BODY_SHOWN_MAX, field);
}

static bool append(struct offsets_reader *reader, const struct offset_entry *entry)
{
    struct offsets_body *out = reader->out;
    if (out->count == reader->capacity) {
        size_t capacity = reader->capacity * 2 + 16;
        struct offset_entry *entries = mem_realloc(out->entries, capacity * sizeof(*entries));
        if (entries == NULL)
            return body_refuse_no_memory(reader->body.problem);
        out->entries = entries;
        reader->capacity = capacity;
    }
    out->entries[out->count++] = *entry;
    return true;
}

static bool read_entry(struct offsets_reader *reader)
{
    struct offset_entry entry = {.partition = mr_null(), .offset = mr_null()};
    if (json_in_kind(&reader->body.in) != JSON_IN_OBJECT)
        return body_refuse(reader->body.problem, "Each of \"offsets\" must be an object with \"partition\" and \"offset\"");
    json_in_enter(&reader->body.in, JSON_IN_OBJECT);
    while (json_in_next_member(&reader->body.in, &reader->body.name))
        if (!read_field(reader, &entry))
            return false;
    return !json_in_broken(&reader->body.in) && append(reader, &entry);
}

/* ---- all of them ---- */

static bool read_list(struct offsets_reader *reader)
{
    enum json_in_kind kind = json_in_kind(&reader->body.in);
    reader->out->count = 0;
    if (kind == JSON_IN_NULL)
        return json_in_skip(&reader->body.in);
    if (kind != JSON_IN_ARRAY)
        return body_refuse(reader->body.problem, "\"offsets\" must be a list");
    json_in_enter(&reader->body.in, JSON_IN_ARRAY);
    while (json_in_next_item(&reader->body.in))
        if (!read_entry(reader))
            return false;
    return true;
}

static bool read_fields(struct offsets_reader *reader)
{
    struct body_reader *body = &reader->body;
    while (json_in_next_member(&body->in, &body->name)) {
        if (strcmp(str_buffer_text(&body->name), "offsets") != 0)
            return body_refuse(body->problem, "Unknown field \"%.*s\"; there is only \"offsets\"", BODY_SHOWN_MAX,
                               str_buffer_text(&body->name));
        if (!read_list(reader))
            return false;
    }
    return json_in_end(&body->in);
}

/* ---- equal partitions ---- */

static bool hash_text_of(struct mr_arena *arena, const struct mr_value *value, uint64_t seed, uint64_t *hash)
{
    struct mr_bytes text;
    struct mr_error *error = NULL;
    if (mr_json_write(arena, NULL, value, 0, &text, &error) != 0) {
        mr_error_drop(error);
        return false;
    }
    *hash = hash_bytes(text.data, text.size, seed);
    return true;
}

/* The same in whatever order its members are. */
static bool hash_partition(struct mr_arena *arena, const struct mr_value *partition, uint64_t seed, uint64_t *hash)
{
    size_t count = mr_value_kind(partition) == MR_KIND_MAP ? mr_map_count(partition) : 0;
    *hash = seed + count;
    for (size_t i = 0; i < count; i++) {
        uint64_t member;
        if (!hash_text_of(arena, mr_map_key_at(partition, i), seed, &member) ||
            !hash_text_of(arena, mr_map_value_at(partition, i), member, &member))
            return false;
        *hash += member;
    }
    return true;
}

/* Places of entries by the hash of their partition: 0 is none, else the place plus one. */
struct place_table {
    uint32_t *places;
    size_t mask;
};

static struct offset_entry *find_equal(const struct offsets_body *body, struct place_table *table, uint64_t hash,
                                       const struct offset_entry *entry, size_t place)
{
    size_t at = (size_t)hash & table->mask;
    for (; table->places[at] != 0; at = (at + 1) & table->mask)
        if (mr_value_equals(body->entries[table->places[at] - 1].partition, entry->partition))
            return &body->entries[table->places[at] - 1];
    table->places[at] = (uint32_t)place + 1;
    return NULL;
}

static bool drop_repeated(struct offsets_body *body)
{
    struct place_table table = {.mask = 15};
    uint64_t seed = hash_seed(&table);
    size_t kept = 0;
    while (table.mask < body->count * 2)
        table.mask = table.mask * 2 + 1;
    table.places = mem_calloc(table.mask + 1, sizeof(*table.places));
    bool fine = table.places != NULL;
    for (size_t i = 0; fine && i < body->count; i++) {
        struct offset_entry entry = body->entries[i], *equal;
        uint64_t hash;
        fine = hash_partition(body->arena, entry.partition, seed, &hash);
        if (fine && (equal = find_equal(body, &table, hash, &entry, kept)) != NULL)
            equal->offset = entry.offset;
        else if (fine)
            body->entries[kept++] = entry;
    }
    body->count = kept;
    mem_free(table.places);
    return fine;
}

/* ---- the whole ---- */

static bool finish(struct offsets_reader *reader)
{
    if (!body_is_fine(&reader->body))
        return false;
    if (reader->out->count == 0)
        return body_refuse(reader->body.problem,
                           "Partitions / offsets need to be provided for an alter offsets request");
    return drop_repeated(reader->out) || body_refuse_no_memory(reader->body.problem);
}

bool offsets_body_read(struct offsets_body *body, const char *text, size_t length, struct body_problem *problem)
{
    struct offsets_reader reader = {.out = body};
    *body = (struct offsets_body){.arena = mr_arena_create(ARENA_MAX)};
    body_reader_init(&reader.body, text, length, problem);
    if (body->arena == NULL)
        body_refuse_no_memory(problem);
    else if (body_enter_object(&reader.body, "an object with \"offsets\""))
        read_fields(&reader);
    bool fine = finish(&reader);
    body_reader_release(&reader.body);
    if (!fine)
        offsets_body_release(body);
    return fine;
}

void offsets_body_release(struct offsets_body *body)
{
    mem_free(body->entries);
    mr_arena_destroy(body->arena);
    *body = (struct offsets_body){.arena = NULL};
}
