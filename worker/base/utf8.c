#include "base/utf8.h"

#include <string.h>

#include "base/bans.h"

static bool is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The table of RFC 3629 section 4: only the second byte's range depends on the first. 0: not a valid sequence. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    unsigned char first = at[0];
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (left < length)
        return 0;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_tail(at[i]))
            return 0;
    return length;
}

static const unsigned char *skip_ascii(const unsigned char *at, const unsigned char *end)
{
    uint64_t word;
    while (end - at >= 8) {
        memcpy(&word, at, 8);
        if ((word & 0x8080808080808080u) != 0)
            break;
        at += 8;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

size_t utf8_valid_length(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    if (length == 0)
        return 0;
    const unsigned char *end = at + length;
    while ((at = skip_ascii(at, end)) < end) {
        size_t taken = sequence_length(at, (size_t)(end - at));
        if (taken == 0)
            break;
        at += taken;
    }
    return (size_t)(at - (const unsigned char *)bytes);
}

bool utf8_valid(const void *bytes, size_t length)
{
    return utf8_valid_length(bytes, length) == length;
}

size_t utf8_decode(const void *bytes, size_t length, uint32_t *code_point)
{
    static const unsigned char first_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    const unsigned char *at = bytes;
    size_t taken = length == 0 ? 0 : sequence_length(at, length);
    if (taken == 0)
        return 0;
    uint32_t value = at[0] & first_bits[taken];
    for (size_t i = 1; i < taken; i++)
        value = value << 6 | (at[i] & 0x3Fu);
    *code_point = value;
    return taken;
}

size_t utf8_encode(uint32_t code_point, char out[4])
{
    static const unsigned char marks[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF))
        return 0;
    size_t length = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code_point >>= 6)
        out[i] = (char)(0x80 | (code_point & 0x3F));
    out[0] = (char)(marks[length] | code_point);
    return length;
}

size_t utf8_cut(const void *bytes, size_t length, size_t limit)
{
    const unsigned char *at = bytes;
    if (length <= limit)
        return length;
    while (limit > 0 && is_tail(at[limit]))
        limit--;
    return limit;
}
