/* Headers: an array in the arena. A snapshot or a copy of the record shares it; whoever changes it then makes his own. */
#include "sdk/record_internal.h"

#include "base/bans.h"

static struct mr_arena *arena_of(const struct mr_record *record)
{
    return &record->batch->arena;
}

/* An array of the record's own with room for `capacity` headers, at least those it has. */
static int headers_own(struct mr_record *record, size_t capacity)
{
    struct record_content *content = &record->content;
    struct record_header *headers = arena_alloc(arena_of(record), capacity * sizeof(*headers));
    if (headers == NULL)
        return -1;
    if (content->header_count > 0)
        memcpy(headers, content->headers, content->header_count * sizeof(*headers));
    content->headers = headers;
    content->header_capacity = (uint16_t)capacity;
    content->headers_shared = false;
    return 0;
}

static int headers_reserve_one(struct mr_record *record)
{
    const struct record_content *content = &record->content;
    if (content->header_count < content->header_capacity && !content->headers_shared)
        return 0;
    if (content->header_count == RECORD_HEADERS_MAX) {
        arena_of(record)->failure = ARENA_VALUE_TOO_LARGE;
        return -1;
    }
    size_t capacity = content->header_count < 2 ? 4 : (size_t)content->header_count * 2;
    return headers_own(record, capacity > RECORD_HEADERS_MAX ? RECORD_HEADERS_MAX : capacity);
}

int record_add_header_ref(struct mr_record *record, const char *key, const struct mr_schema *schema,
    const struct mr_value *value)
{
    if (key == NULL || value == NULL || mr_arena_keep_schema(arena_of(record), schema) < 0
        || headers_reserve_one(record) < 0)
        return record_left_unfinished(record);
    struct record_content *content = &record->content;
    content->headers[content->header_count++] = (struct record_header){.key = key, .schema = schema, .value = value};
    return 0;
}

int mr_record_add_header(struct mr_record *record, const char *key, const struct mr_schema *schema,
    const struct mr_value *value)
{
    if (value == NULL)
        return record_left_unfinished(record);
    return record_add_header_ref(record, mr_arena_text(arena_of(record), key), schema, value);
}

static bool has_header(const struct mr_record *record, const char *key)
{
    for (uint32_t i = 0; i < record->content.header_count; i++)
        if (strcmp(record->content.headers[i].key, key) == 0)
            return true;
    return false;
}

int mr_record_remove_headers(struct mr_record *record, const char *key)
{
    struct record_content *content = &record->content;
    if (key == NULL)
        return record_left_unfinished(record);
    if (!has_header(record, key))
        return 0;
    if (content->headers_shared && headers_own(record, content->header_count) < 0)
        return record_left_unfinished(record);
    uint16_t kept = 0;
    for (uint32_t i = 0; i < content->header_count; i++)
        if (strcmp(content->headers[i].key, key) != 0)
            content->headers[kept++] = content->headers[i];
    content->header_count = kept;
    return 0;
}

size_t mr_record_header_count(const struct mr_record *record)
{
    return record->content.header_count;
}

const char *mr_record_header_key(const struct mr_record *record, size_t index)
{
    return index < record->content.header_count ? record->content.headers[index].key : NULL;
}

const struct mr_schema *mr_record_header_schema(const struct mr_record *record, size_t index)
{
    return index < record->content.header_count ? record->content.headers[index].schema : NULL;
}

const struct mr_value *mr_record_header_value(const struct mr_record *record, size_t index)
{
    return index < record->content.header_count ? record->content.headers[index].value : NULL;
}
