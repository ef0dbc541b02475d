#include "base/text_distance.h"

#include <ctype.h>
#include <stdbool.h>

#include "base/bans.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One row of the usual table at a time. */
size_t text_distance(const char *one, size_t one_length, const char *other, size_t other_length)
{
    size_t row[TEXT_DISTANCE_MAX_BYTES + 1];
    if (one_length > TEXT_DISTANCE_MAX_BYTES || other_length > TEXT_DISTANCE_MAX_BYTES)
        return TEXT_DISTANCE_FAR;
    for (size_t i = 0; i <= other_length; i++)
        row[i] = i;
    for (size_t i = 0; i < one_length; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < other_length; j++) {
            bool is_same = tolower((unsigned char)one[i]) == tolower((unsigned char)other[j]);
            size_t replaced = diagonal + (is_same ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = least(replaced, least(row[j], row[j + 1]) + 1);
        }
    }
    return row[other_length];
}
