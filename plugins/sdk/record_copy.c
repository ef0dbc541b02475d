/* Copies: in the same batch by reference, into another batch in full. */
#include "sdk/record_internal.h"

#include "base/bans.h"

struct mr_record *mr_record_copy(const struct mr_record *record)
{
    struct mr_record *copy = batch_add(record->batch, &record->batch->copies, record_kind(record));
    if (copy == NULL)
        return NULL;
    /* The header array now has two readers; noting it in the first is no change that its holder could see. */
    ((struct mr_record *)record)->content.headers_shared = true;
    copy->content = record->content;
    copy->original = record->original;
    return copy;
}

/* Copies into the arena of another batch until the first one fails; then all are NULL. */
struct mover {
    struct mr_arena *arena;
    bool has_failed;
};

static const char *move_text(struct mover *mover, const char *text)
{
    const char *copy = text == NULL || mover->has_failed ? NULL : mr_arena_text(mover->arena, text);
    mover->has_failed |= text != NULL && copy == NULL;
    return copy;
}

static const struct mr_value *move_value(struct mover *mover, const struct mr_value *value)
{
    const struct mr_value *copy = value == NULL || mover->has_failed ? NULL : mr_value_copy(mover->arena, value);
    mover->has_failed |= value != NULL && copy == NULL;
    return copy;
}

static struct mr_bytes move_bytes(struct mover *mover, struct mr_bytes bytes)
{
    if (bytes.data == NULL || mover->has_failed)
        return (struct mr_bytes){.data = NULL, .size = 0};
    bytes.data = mr_arena_copy(mover->arena, bytes.data, bytes.size);
    mover->has_failed |= bytes.data == NULL;
    return bytes;
}

static void move_schema(struct mover *mover, const struct mr_schema *schema)
{
    mover->has_failed |= mr_arena_keep_schema(mover->arena, schema) < 0;
}

static void *move_room(struct mover *mover, size_t count, size_t size)
{
    if (count == 0 || mover->has_failed)
        return NULL;
    void *room = mr_arena_alloc(mover->arena, count * size);
    mover->has_failed |= room == NULL;
    return room;
}

static void move_headers(struct mover *mover, struct record_content *content)
{
    struct record_header *headers = move_room(mover, content->header_count, sizeof(*headers));
    for (uint32_t i = 0; headers != NULL && i < content->header_count; i++) {
        const struct record_header *header = &content->headers[i];
        move_schema(mover, header->schema);
        headers[i] = (struct record_header){.key = move_text(mover, header->key), .schema = header->schema,
            .value = move_value(mover, header->value)};
    }
    content->headers = headers;
    content->header_capacity = content->header_count;
    content->headers_shared = false;
}

static const struct record_origin *move_origin(struct mover *mover, const struct record_origin *origin)
{
    struct record_origin *copy = move_room(mover, 1, sizeof(*copy));
    if (copy == NULL)
        return NULL;
    *copy = *origin;
    copy->topic = move_text(mover, origin->topic);
    copy->key = move_bytes(mover, origin->key);
    copy->value = move_bytes(mover, origin->value);
    struct record_raw_header *headers = move_room(mover, origin->header_count, sizeof(*headers));
    for (uint32_t i = 0; headers != NULL && i < origin->header_count; i++)
        headers[i] = (struct record_raw_header){.key = move_text(mover, origin->headers[i].key),
            .value = move_bytes(mover, origin->headers[i].value)};
    copy->headers = headers;
    return copy;
}

struct mr_record *mr_record_copy_into(struct mr_batch *batch, const struct mr_record *record)
{
    struct mover mover = {.arena = &batch->arena};
    struct record_content content = record->content;
    content.topic = move_text(&mover, content.topic);
    move_schema(&mover, content.key_schema);
    move_schema(&mover, content.value_schema);
    content.key = move_value(&mover, content.key);
    content.value = move_value(&mover, content.value);
    move_headers(&mover, &content);
    if (record->kind == RECORD_SINK) {
        content.origin = move_origin(&mover, record->content.origin);
    } else {
        content.source_partition = move_value(&mover, record->content.source_partition);
        content.source_offset = move_value(&mover, record->content.source_offset);
    }
    struct mr_record *copy = mover.has_failed ? NULL : batch_add(batch, &batch->entries, record_kind(record));
    if (copy != NULL)
        copy->content = content;
    return copy;
}
