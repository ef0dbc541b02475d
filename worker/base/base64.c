#include "base/base64.h"

#include <stdint.h>

#include "base/bans.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encoded_length(size_t length)
{
    return (length + 2) / 3 * 4;
}

size_t base64_decoded_max(size_t length)
{
    return length / 4 * 3;
}

size_t base64_encode(const void *bytes, size_t length, char *text)
{
    const unsigned char *at = bytes;
    char *out = text;
    for (; length >= 3; length -= 3, at += 3) {
        uint32_t group = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = ALPHABET[group >> shift & 63];
    }
    if (length > 0) {
        uint32_t group = (uint32_t)at[0] << 16 | (length > 1 ? (uint32_t)at[1] << 8 : 0);
        *out++ = ALPHABET[group >> 18];
        *out++ = ALPHABET[group >> 12 & 63];
        *out++ = length > 1 ? ALPHABET[group >> 6 & 63] : '=';
        *out++ = '=';
    }
    return (size_t)(out - text);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* `count` characters (2–4) give count - 1 bytes. */
static bool decode_group(const char *text, size_t count, unsigned char *out)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < count ? value_of(text[i]) : 0;
        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i + 1 < count; i++)
        out[i] = (unsigned char)(group >> (16 - 8 * i));
    return true;
}

bool base64_decode(const char *text, size_t length, void *bytes, size_t *decoded_length)
{
    unsigned char *out = bytes;
    *decoded_length = 0;
    if (length % 4 != 0)
        return false;
    for (size_t at = 0; at < length; at += 4) {
        size_t count = 4;
        if (at + 4 == length && text[at + 3] == '=')
            count = text[at + 2] == '=' ? 2 : 3;
        if (!decode_group(text + at, count, out))
            return false;
        out += count - 1;
    }
    *decoded_length = (size_t)(out - (unsigned char *)bytes);
    return true;
}
