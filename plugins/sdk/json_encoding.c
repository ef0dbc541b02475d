/*
 * The encoding of a JSON text, told from its first bytes as Jackson tells it: a byte order mark, or the zero bytes that
 * ASCII has in UTF-16 and UTF-32. Everything but UTF-8 is rare and transcoded into the arena first.
 */
#include "sdk/json_internal.h"

#include "base/utf8.h"
#include "base/bans.h"

struct encoding {
    unsigned unit_bytes; /* 1, 2 or 4; 0: an order of bytes that nobody uses */
    bool is_big_endian;
    unsigned mark_bytes; /* of the byte order mark */
};

static struct encoding encoding_of_quad(uint32_t quad)
{
    switch (quad) {
    case 0x0000FEFF:
        return (struct encoding){4, true, 4};
    case 0xFFFE0000:
        return (struct encoding){4, false, 4};
    case 0x0000FFFE:
    case 0xFEFF0000:
        return (struct encoding){.unit_bytes = 0};
    }
    if (quad >> 16 == 0xFEFF)
        return (struct encoding){2, true, 2};
    if (quad >> 16 == 0xFFFE)
        return (struct encoding){2, false, 2};
    if (quad >> 8 == 0xEFBBBF)
        return (struct encoding){1, true, 3};
    if (quad >> 8 == 0)
        return (struct encoding){4, true, 0};
    if ((quad & 0x00FFFFFF) == 0)
        return (struct encoding){4, false, 0};
    if ((quad & 0xFF00FFFF) == 0 || (quad & 0xFFFF00FF) == 0)
        return (struct encoding){.unit_bytes = 0};
    return (struct encoding){1, true, 0};
}

static struct encoding encoding_of(const unsigned char *bytes, size_t size)
{
    struct encoding encoding = {1, true, 0};
    if (size >= 4)
        encoding =
            encoding_of_quad((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
    if (encoding.unit_bytes == 1 && encoding.mark_bytes == 0 && size >= 2 && (bytes[0] == 0 || bytes[1] == 0))
        encoding = (struct encoding){2, bytes[0] == 0, 0};
    return encoding;
}

static uint32_t unit_at(const struct encoding *encoding, const unsigned char *at)
{
    uint32_t unit = 0;
    for (unsigned i = 0; i < encoding->unit_bytes; i++)
        unit = unit << 8 | at[encoding->is_big_endian ? i : encoding->unit_bytes - 1 - i];
    return unit;
}

/* One character. Returns the bytes it took. Half a surrogate pair counts as U+FFFD. */
static size_t character_read(const struct encoding *encoding, const unsigned char *at, size_t left, uint32_t *character)
{
    size_t unit_bytes = encoding->unit_bytes;
    *character = unit_at(encoding, at);
    if (unit_bytes == 2 && (*character & 0xFC00) == 0xD800 && left >= 4) {
        uint32_t low = unit_at(encoding, at + 2);
        if ((low & 0xFC00) == 0xDC00) {
            *character = 0x10000 + ((*character - 0xD800) << 10) + (low - 0xDC00);
            return 4;
        }
    }
    if (*character >= 0xD800 && *character <= 0xDFFF)
        *character = UTF8_REPLACEMENT;
    return unit_bytes;
}

static int transcode(struct mr_arena *arena, const struct encoding *encoding, struct mr_bytes *text,
                     struct mr_error **error)
{
    const unsigned char *at = text->data, *end = at + text->size;
    char *out = arena_alloc(arena, text->size / 2 * 3 + 3), *start = out; /* at most 3 bytes for a unit of 2 */
    if (out == NULL)
        return mr_arena_failed(arena, error);
    while ((size_t)(end - at) >= encoding->unit_bytes) {
        uint32_t character;
        at += character_read(encoding, at, (size_t)(end - at), &character);
        size_t written = utf8_encode(character, out);
        if (written == 0)
            return mr_error_set(error, MR_ERR_DATA, "The text is not JSON: no character has the number %u", character);
        out += written;
    }
    if (at < end && encoding->unit_bytes == 4)
        return mr_error_set(error, MR_ERR_DATA, "The text is not JSON: its UTF-32 ends inside a character");
    if (at < end)
        out += utf8_encode(UTF8_REPLACEMENT, out);
    *text = (struct mr_bytes){.data = start, .size = (size_t)(out - start)};
    return 0;
}

int json_encoding_detect(struct mr_arena *arena, struct mr_bytes *text, struct mr_error **error)
{
    const unsigned char *bytes = text->data;
    size_t size = text->size;
    if (size < 2 ||
        (bytes[0] < 0xEF && bytes[0] != 0 && bytes[1] != 0 && (size < 4 || (bytes[2] != 0 && bytes[3] != 0))))
        return 0;
    struct encoding encoding = encoding_of(bytes, size);
    if (encoding.unit_bytes == 0)
        return mr_error_set(error, MR_ERR_DATA, "The text is not JSON: its first bytes are of no known encoding");
    *text = (struct mr_bytes){.data = bytes + encoding.mark_bytes, .size = size - encoding.mark_bytes};
    return encoding.unit_bytes == 1 ? 0 : transcode(arena, &encoding, text, error);
}
