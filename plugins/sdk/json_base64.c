/* Base64 the way Jackson reads it (MIME alphabet): blanks count only between groups of four, padding is required, and
 * a padded group may be followed by others. */
#include "sdk/json_internal.h"

#include "base/bans.h"

enum { BAD_CHARACTER = -1, PADDING = -2 };

static int value_of(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : c == '=' ? PADDING : BAD_CHARACTER;
}

/* Four characters to one, two or three bytes; 0: they are no group. */
static size_t group_read(const unsigned char *at, unsigned char *out)
{
    int values[4];
    for (int i = 0; i < 4; i++)
        values[i] = value_of(at[i]);
    if (values[0] < 0 || values[1] < 0 || values[2] == BAD_CHARACTER || values[3] == BAD_CHARACTER)
        return 0;
    if (values[2] == PADDING && values[3] != PADDING)
        return 0;
    out[0] = (unsigned char)(values[0] << 2 | values[1] >> 4);
    if (values[2] == PADDING)
        return 1;
    out[1] = (unsigned char)(values[1] << 4 | values[2] >> 2);
    if (values[3] == PADDING)
        return 2;
    out[2] = (unsigned char)(values[2] << 6 | values[3]);
    return 3;
}

bool json_base64_read(struct mr_bytes text, unsigned char *out, size_t *size)
{
    const unsigned char *at = text.data, *end = at + text.size;
    *size = 0;
    for (;;) {
        while (at < end && *at <= ' ')
            at++;
        if (at == end)
            return true;
        size_t count = end - at < 4 ? 0 : group_read(at, out + *size);
        if (count == 0)
            return false;
        *size += count;
        at += 4;
    }
}
