/* Strings as Jackson writes them with Kafka's settings: short escapes, \u00XX for other controls, two escapes for a
 * character beyond the BMP, everything else as it is. */
#include "sdk/json_internal.h"

#include "base/utf8.h"
#include "base/bans.h"

/* 0: as it is; 1: \u00XX; 2: the first byte of a character beyond the BMP; else the letter of a short escape. */
enum { PLAIN = 0, CONTROL = 1, BEYOND_BMP = 2 };
static const unsigned char ESCAPES[256] = {
    [0 ... 7] = CONTROL,
    ['\b'] = 'b',
    ['\t'] = 't',
    ['\n'] = 'n',
    [0x0B] = CONTROL,
    ['\f'] = 'f',
    ['\r'] = 'r',
    [0x0E ... 0x1F] = CONTROL,
    ['"'] = '"',
    ['\\'] = '\\',
    [0xF0 ... 0xFF] = BEYOND_BMP,
};

static const char HEX[] = "0123456789ABCDEF";

static char *unit_write(char *at, uint32_t unit)
{
    *at++ = '\\';
    *at++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *at++ = HEX[unit >> shift & 15];
    return at;
}

#define ESCAPED_MAX 12

/* One character that needs an escape; at most ESCAPED_MAX bytes. Returns the bytes it took from `text`. */
static size_t escape_write(struct json_writer *writer, const char *text, size_t size)
{
    unsigned char escape = ESCAPES[(unsigned char)*text];
    if (escape > BEYOND_BMP) {
        *writer->at++ = '\\';
        *writer->at++ = (char)escape;
        return 1;
    }
    if (escape == CONTROL) {
        writer->at = unit_write(writer->at, (unsigned char)*text);
        return 1;
    }
    uint32_t character;
    size_t taken = utf8_decode(text, size, &character);
    if (taken != 4) {
        writer->at += utf8_encode(UTF8_REPLACEMENT, writer->at); /* not UTF-8, whoever made it */
        return 1;
    }
    writer->at = unit_write(writer->at, 0xD800 + ((character - 0x10000) >> 10));
    writer->at = unit_write(writer->at, 0xDC00 + ((character - 0x10000) & 0x3FF));
    return 4;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/* The first bytes of a word, at most seven; the rest is 0. */
static uint64_t few_read(const char *text, size_t size)
{
    if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, text, 4);
        memcpy(&last, text + size - 4, 4);
        return first | (uint64_t)last << 8 * (size - 4);
    }
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)(unsigned char)text[i] << 8 * i;
    return word;
}

/* A high bit for each byte that begins a character beyond the BMP. */
static uint64_t beyond_bmp_bytes(uint64_t word)
{
    return word & word << 1 & word << 2 & word << 3 & JSON_HIGHS;
}

/* Copies up to eight bytes as far as they are plain, and maybe some that do not count. */
static inline size_t plain_copy(char *out, const char *text, size_t size)
{
    uint64_t word, counting = UINT64_MAX;
    if (size >= 8) {
        memcpy(&word, text, 8);
        size = 8;
    } else {
        word = few_read(text, size);
        counting >>= 8 * (8 - size);
    }
    memcpy(out, &word, 8);
    uint64_t special = (json_special_bytes(word) | beyond_bmp_bytes(word)) & counting;
    return special == 0 ? size : (size_t)__builtin_ctzll(special) >> 3;
}

#else

static size_t plain_copy(char *out, const char *text, size_t size)
{
    size_t count = 0;
    for (; count < size && count < 8 && ESCAPES[(unsigned char)text[count]] == PLAIN; count++)
        out[count] = text[count];
    return count;
}

#endif

/* What it takes to write a string that needs no more escapes: plain_copy's eight bytes and the quotes. */
#define BEYOND_TEXT 10

int json_put_text(struct json_writer *writer, const char *text, size_t size)
{
    if (json_room(writer, size + BEYOND_TEXT) != 0)
        return -1;
    *writer->at++ = '"';
    while (size > 0) {
        size_t plain = plain_copy(writer->at, text, size);
        writer->at += plain;
        text += plain;
        size -= plain;
        if (plain == 8 || size == 0)
            continue;
        if (json_room(writer, size + ESCAPED_MAX + BEYOND_TEXT) != 0)
            return -1;
        size_t taken = escape_write(writer, text, size);
        text += taken;
        size -= taken;
    }
    *writer->at++ = '"';
    return 0;
}
