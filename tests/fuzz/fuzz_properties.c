/*
 * The .properties parser. Whatever it accepts is valid UTF-8 and, written out again with every ASCII character escaped,
 * reads as the same map; whatever it refuses it explains.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/properties.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/utf8.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void write_escaped(struct str_buffer *out, const char *text)
{
    must(utf8_valid(text, strlen(text)));
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x80)
            str_buffer_printf(out, "\\u%04x", (unsigned)*text);
        else
            str_buffer_append_char(out, *text);
}

static void read_back(const struct string_map *map)
{
    struct str_buffer out;
    char why[200];
    str_buffer_init(&out, 64u << 20);
    for (size_t i = 0; i < string_map_count(map); i++) {
        write_escaped(&out, string_map_key(map, i));
        str_buffer_append_text(&out, " = ");
        write_escaped(&out, string_map_value(map, i));
        str_buffer_append_char(&out, '\n');
    }
    must(!str_buffer_failed(&out));
    struct string_map *again = properties_parse(str_buffer_text(&out), out.length, PROPERTIES_UTF8, why, sizeof(why));
    must(again != NULL && string_map_equals(map, again));
    string_map_destroy(again);
    str_buffer_release(&out);
}

static void parse(const char *text, size_t length, enum properties_charset charset)
{
    char why[200] = "";
    struct string_map *map = properties_parse(text, length, charset, why, sizeof(why));
    if (map == NULL) {
        must(strncmp(why, "line ", 5) == 0);
        return;
    }
    read_back(map);
    string_map_destroy(map);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    parse((const char *)bytes, length, PROPERTIES_LATIN1);
    parse((const char *)bytes, length, PROPERTIES_UTF8);
    return 0;
}
