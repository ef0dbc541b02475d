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

/* One character that needs an escape; at most 12 bytes. Returns the bytes it took from `text`. */
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

static size_t plain_count(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && ESCAPES[(unsigned char)text[count]] == PLAIN)
        count++;
    return count;
}

int json_put_text(struct json_writer *writer, const char *text, size_t size)
{
    if (json_room(writer, size + 2) != 0)
        return -1;
    *writer->at++ = '"';
    for (;;) {
        size_t plain = plain_count(text, size);
        if (json_put(writer, text, plain) != 0 || json_room(writer, 13) != 0)
            return -1;
        text += plain;
        size -= plain;
        if (size == 0)
            break;
        size_t taken = escape_write(writer, text, size);
        text += taken;
        size -= taken;
    }
    *writer->at++ = '"';
    return 0;
}
