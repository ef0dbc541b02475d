/*
 * Where JSON is written to: a piece at the end of the arena, stretched in place while the chunk has room, moved to a
 * larger piece otherwise, and cut to size at the end.
 */
#include "sdk/json_internal.h"

#include "base/bans.h"

#define FIRST_ROOM_BYTES ((size_t)512)

static size_t rounded(size_t size)
{
    return (size + (ARENA_ALIGNMENT - 1)) & ~(ARENA_ALIGNMENT - 1);
}

int json_writer_init(struct json_writer *writer, struct mr_arena *arena, uint32_t flags, struct mr_error **error)
{
    char *start = arena_alloc(arena, FIRST_ROOM_BYTES);
    *writer = (struct json_writer){.at = start,
                                   .end = start == NULL ? NULL : start + FIRST_ROOM_BYTES,
                                   .start = start,
                                   .arena = arena,
                                   .error = error,
                                   .flags = flags};
    return start == NULL ? mr_arena_failed(arena, error) : 0;
}

/* Is the writer's piece the last one handed out? */
static bool is_last_piece(const struct json_writer *writer)
{
    return (char *)writer->arena->next == writer->end;
}

int json_writer_grow(struct json_writer *writer, size_t more)
{
    size_t used = (size_t)(writer->at - writer->start);
    size_t room = rounded(used + (used > more ? used : more));
    struct mr_arena *arena = writer->arena;
    size_t extra = room - (size_t)(writer->end - writer->start);
    if (is_last_piece(writer) && (size_t)(arena->end - arena->next) >= extra) {
        ARENA_UNPOISON(arena->next, extra);
        arena->next += extra;
        writer->end += extra;
        return 0;
    }
    char *piece = room < more ? NULL : arena_alloc(arena, room);
    if (piece == NULL)
        return mr_arena_failed(arena, writer->error);
    memcpy(piece, writer->start, used);
    writer->start = piece;
    writer->at = piece + used;
    writer->end = piece + room;
    return 0;
}

void json_writer_finish(struct json_writer *writer, struct mr_bytes *text)
{
    size_t used = (size_t)(writer->at - writer->start);
    if (is_last_piece(writer)) {
        writer->arena->next = (unsigned char *)writer->start + rounded(used == 0 ? 1 : used);
        ARENA_POISON(writer->arena->next, (size_t)(writer->end - (char *)writer->arena->next));
    }
    *text = (struct mr_bytes){.data = writer->start, .size = used};
}
