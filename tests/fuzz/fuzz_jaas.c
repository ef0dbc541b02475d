/*
 * The parser of JAAS entries and files. What it accepts names a module and, written out again with every value quoted, reads as the
 * same entry; what it refuses it explains, and leaves nothing behind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/jaas.h"
#include "base/str_buffer.h"
#include "base/string_map.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void append_quoted(struct str_buffer *text, const char *value)
{
    str_buffer_append_char(text, '"');
    for (; *value != '\0'; value++)
        str_buffer_printf(text, "\\%03o", (unsigned)(unsigned char)*value);
    str_buffer_append_char(text, '"');
}

static void read_back(const struct jaas_entry *entry)
{
    struct str_buffer text;
    struct jaas_entry again;
    char why[300];
    str_buffer_init(&text, 1u << 20);
    append_quoted(&text, entry->module);
    str_buffer_append_text(&text, " required");
    for (size_t i = 0; i < string_map_count(entry->options); i++) {
        str_buffer_append_char(&text, ' ');
        append_quoted(&text, string_map_key(entry->options, i));
        str_buffer_append_char(&text, '=');
        append_quoted(&text, string_map_value(entry->options, i));
    }
    str_buffer_append_char(&text, ';');
    if (text.length < JAAS_TEXT_MAX) {
        must(jaas_parse(&again, str_buffer_text(&text), why, sizeof why));
        must(strcmp(again.module, entry->module) == 0);
        must(string_map_equals(again.options, entry->options));
        jaas_entry_release(&again);
    }
    str_buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    for (int is_file = 0; is_file < 2; is_file++) {
        struct jaas_entry entry;
        char why[300] = "";
        if (is_file ? jaas_parse_file(&entry, text, "KafkaConnect", why, sizeof why) : jaas_parse(&entry, text, why, sizeof why)) {
            must(entry.module[0] != '\0');
            read_back(&entry);
            jaas_entry_release(&entry);
        } else {
            must(why[0] != '\0');
            must(entry.module == NULL && entry.options == NULL);
        }
    }
    free(text);
    return 0;
}
