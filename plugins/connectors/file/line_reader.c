#include "line_reader.h"

#include <stdlib.h>
#include <string.h>

#define REST_FIRST_BYTES 512u
#define REST_KEEP_BYTES 65536u

void line_reader_init(struct line_reader *reader, size_t line_max_bytes)
{
    *reader = (struct line_reader){.line_max_bytes = line_max_bytes};
}

void line_reader_release(struct line_reader *reader)
{
    free(reader->rest);
    *reader = (struct line_reader){0};
}

void line_reader_clear(struct line_reader *reader)
{
    reader->rest_size = 0;
    if (reader->rest_capacity <= REST_KEEP_BYTES)
        return;
    free(reader->rest);
    reader->rest = NULL;
    reader->rest_capacity = 0;
}

/* The first line end in the text: its place and length; 0: none, or a \r as the very last byte. */
static size_t find_end(const unsigned char *text, size_t size, size_t *at)
{
    const unsigned char *newline = memchr(text, '\n', size);
    size_t length = newline == NULL ? size : (size_t)(newline - text);
    const unsigned char *carriage = memchr(text, '\r', length);

    if (carriage != NULL) {
        *at = (size_t)(carriage - text);
        if (*at + 1 == size)
            return 0;
        return text[*at + 1] == '\n' ? 2 : 1;
    }
    *at = length;
    return newline == NULL ? 0 : 1;
}

static int too_long(const struct line_reader *reader, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONNECT,
                        "a line is longer than %zu bytes: raise millrace.line.max.bytes, or end the line",
                        reader->line_max_bytes);
}

static int keep(struct line_reader *reader, const unsigned char *bytes, size_t size, struct mr_error **error)
{
    size_t wanted = reader->rest_size + size;

    if (wanted > reader->line_max_bytes + 1) /* a \r may be among them */
        return too_long(reader, error);
    if (wanted > reader->rest_capacity) {
        size_t capacity = reader->rest_capacity == 0 ? REST_FIRST_BYTES : reader->rest_capacity;
        unsigned char *grown;

        while (capacity < wanted)
            capacity *= 2;
        grown = realloc(reader->rest, capacity);
        if (grown == NULL)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a line of %zu bytes", wanted);
        reader->rest = grown;
        reader->rest_capacity = capacity;
    }
    if (size > 0)
        memcpy(reader->rest + reader->rest_size, bytes, size);
    reader->rest_size = wanted;
    return 0;
}

static int give(const struct line_reader *reader, const unsigned char *text, size_t size, struct mr_bytes *line,
                struct mr_error **error)
{
    if (size > reader->line_max_bytes)
        return too_long(reader, error);
    *line = (struct mr_bytes){.data = text, .size = size};
    return 1;
}

static int give_copy(const struct line_reader *reader, struct mr_arena *arena, size_t size, struct mr_bytes *line,
                     struct mr_error **error)
{
    const unsigned char *copy;

    if (size > reader->line_max_bytes)
        return too_long(reader, error);
    copy = size == 0 ? (const unsigned char *)"" : mr_arena_copy(arena, reader->rest, size);
    return copy == NULL ? mr_arena_failed(arena, error) : give(reader, copy, size, line, error);
}

/* The rest ends with \r: the next byte says whether it is the whole end. Else its end is looked for in the block. */
static int next_after_rest(struct line_reader *reader, struct line_block *block, struct mr_arena *arena,
                           struct mr_bytes *line, size_t *consumed, struct mr_error **error)
{
    size_t left = (size_t)(block->end - block->at), before = reader->rest_size, at = 0, end;
    bool ends_already = reader->rest[before - 1] == '\r';
    int status;

    end = ends_already ? *block->at == '\n' : find_end(block->at, left, &at);
    if (!ends_already && end == 0)
        at = left; /* with a \r that may be the last byte */
    if (keep(reader, block->at, at, error) != 0)
        return -1;
    block->at += at + end;
    if (!ends_already && end == 0)
        return 0;
    *consumed = before + at + end;
    status = give_copy(reader, arena, before + at - ends_already, line, error);
    line_reader_clear(reader);
    return status;
}

int line_reader_next(struct line_reader *reader, struct line_block *block, struct mr_arena *arena,
                     struct mr_bytes *line, size_t *consumed, struct mr_error **error)
{
    size_t left = (size_t)(block->end - block->at), at, end;
    const unsigned char *text = block->at;

    if (left == 0)
        return 0;
    if (reader->rest_size > 0)
        return next_after_rest(reader, block, arena, line, consumed, error);
    end = find_end(text, left, &at);
    if (end == 0) {
        block->at = block->end;
        return keep(reader, text, left, error);
    }
    block->at += at + end;
    *consumed = at + end;
    return give(reader, text, at, line, error);
}

int line_reader_finish(struct line_reader *reader, struct mr_arena *arena, struct mr_bytes *line, size_t *consumed,
                       struct mr_error **error)
{
    size_t size = reader->rest_size;
    int status;

    if (size == 0)
        return 0;
    *consumed = size;
    if (reader->rest[size - 1] == '\r')
        size--;
    status = give_copy(reader, arena, size, line, error);
    line_reader_clear(reader);
    return status;
}
