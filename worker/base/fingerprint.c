#include "base/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/string_map.h"

#include "base/bans.h"

/* FNV-1a. NULL differs from "". */
static uint64_t stable_hash(uint64_t hash, const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return text == NULL ? hash : (hash ^ 0xFF) * 0x100000001B3u;
}

void fingerprint(const struct string_map *map, char text[FINGERPRINT_SIZE])
{
    uint64_t sum = 0; /* whatever the order */

    for (size_t i = 0; i < string_map_count(map); i++)
        sum += stable_hash(stable_hash(0xCBF29CE484222325u, string_map_key(map, i)), string_map_value(map, i));
    snprintf(text, FINGERPRINT_SIZE, "%016" PRIx64, sum);
}
