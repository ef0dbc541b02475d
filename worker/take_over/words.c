/* Texts in reports, and reports as text. */
#include <stdarg.h>

#include "base/str_buffer.h"
#include "base/utf8.h"
#include "take_over/take_over_internal.h"

#include "base/bans.h"

bool words_add(json_t *list, const char *format, ...)
{
    struct str_buffer text;
    va_list args;
    str_buffer_init(&text, TAKE_OVER_WORDS_MAX);
    va_start(args, format);
    str_buffer_vprintf(&text, format, args);
    va_end(args);
    json_t *item = str_buffer_failed(&text) ? NULL : json_stringn(str_buffer_text(&text), utf8_valid_length(str_buffer_text(&text), text.length));
    str_buffer_release(&text);
    return json_array_append_new(list, item) == 0;
}

void words_write(const json_t *list, const char *mark, struct str_buffer *out)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
        str_buffer_printf(out, "%s%s\n", mark, json_string_value(item));
}

const char *words_in(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text == NULL ? "-" : text;
}

json_int_t number_in(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}
