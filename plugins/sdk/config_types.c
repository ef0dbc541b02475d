/* From text to typed values and back, by the rules of ConfigDef.parseType and ConfigDef.convertToString. */
#include "sdk/config_internal.h"

#include <millrace/number_text.h>
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/str_buffer.h"

#include "base/bans.h"

static const char *const type_names[] = {
    [MR_CONFIG_BOOLEAN] = "BOOLEAN", [MR_CONFIG_STRING] = "STRING", [MR_CONFIG_INT] = "INT",
    [MR_CONFIG_SHORT] = "SHORT",     [MR_CONFIG_LONG] = "LONG",     [MR_CONFIG_DOUBLE] = "DOUBLE",
    [MR_CONFIG_LIST] = "LIST",       [MR_CONFIG_CLASS] = "CLASS",   [MR_CONFIG_PASSWORD] = "PASSWORD",
};
static const char *const importance_names[] = {[MR_HIGH] = "HIGH", [MR_MEDIUM] = "MEDIUM", [MR_LOW] = "LOW"};
static const char *const width_names[] = {
    [MR_WIDTH_NONE] = "NONE", [MR_WIDTH_SHORT] = "SHORT", [MR_WIDTH_MEDIUM] = "MEDIUM", [MR_WIDTH_LONG] = "LONG"};

#define NAME_OF(table, value) ((size_t)(value) < sizeof(table) / sizeof((table)[0]) ? (table)[(size_t)(value)] : NULL)

const char *config_type_name(enum mr_config_type type)
{
    return NAME_OF(type_names, type);
}

const char *config_importance_name(enum mr_importance importance)
{
    return NAME_OF(importance_names, importance);
}

const char *config_width_name(enum mr_width width)
{
    return NAME_OF(width_names, width);
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
}

/* It may be a password. */
void config_value_release(struct config_value *value)
{
    for (size_t i = 0; i < value->item_count; i++)
        wipe(value->items[i]);
    wipe(value->text);
    mem_free(value->text);
    mem_free(value->items);
    *value = (struct config_value){0};
}

/* String.trim: everything up to the blank counts as one. */
static char *trimmed_copy(const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && (unsigned char)*text <= ' ') {
        text++;
        length--;
    }
    while (length > 0 && (unsigned char)text[length - 1] <= ' ')
        length--;
    return mem_strndup(text, length);
}

/* Replaces the text by its canonical form. */
static enum config_reading retext(struct config_value *value, const char *canonical)
{
    char *copy = mem_strdup(canonical);
    if (copy == NULL)
        return CONFIG_NO_MEMORY;
    wipe(value->text);
    mem_free(value->text);
    value->text = copy;
    return CONFIG_READ;
}

static enum config_reading read_boolean(struct config_value *value, struct str_buffer *why)
{
    bool yes = strcasecmp(value->text, "true") == 0;
    if (!yes && strcasecmp(value->text, "false") != 0) {
        str_buffer_append_text(why, "Expected value to be either true or false");
        return CONFIG_REFUSED;
    }
    value->boolean = yes;
    return retext(value, yes ? "true" : "false");
}

static enum config_reading no_number(enum mr_config_type type, struct str_buffer *why)
{
    str_buffer_printf(why, "Not a number of type %s", config_type_name(type));
    return CONFIG_REFUSED;
}

static struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){text, strlen(text)};
}

static enum config_reading read_integer(struct config_value *value, enum mr_config_type type, struct str_buffer *why)
{
    int64_t most = type == MR_CONFIG_SHORT ? INT16_MAX : type == MR_CONFIG_INT ? INT32_MAX : INT64_MAX;
    if (!mr_int64_parse(bytes_of(value->text), &value->integer) || value->integer > most || value->integer < -most - 1)
        return no_number(type, why);
    char canonical[MR_NUMBER_TEXT_MAX + 1];
    canonical[mr_int64_text(value->integer, canonical)] = '\0';
    return retext(value, canonical);
}

static enum config_reading read_double(struct config_value *value, struct str_buffer *why)
{
    if (!mr_float64_parse(bytes_of(value->text), &value->number))
        return no_number(MR_CONFIG_DOUBLE, why);
    char canonical[MR_NUMBER_TEXT_MAX + 1];
    canonical[mr_float64_text(value->number, canonical)] = '\0';
    return retext(value, canonical);
}

static bool is_regex_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t count_items(const char *text)
{
    size_t count = *text != '\0';
    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

/* "a,b,c" of the items into `text`, which has room for them; the order of items may only shrink. */
static void join_items(const struct config_value *value, char *text)
{
    char *at = text;
    for (size_t i = 0; i < value->item_count; i++) {
        size_t length = strlen(value->items[i]);
        memcpy(at, value->items[i], length);
        at += length;
        if (i + 1 < value->item_count)
            *at++ = ',';
    }
    *at = '\0';
}

/* The block behind the pointers holds a copy of the text, cut at commas; blanks around items are skipped. */
static enum config_reading read_list(struct config_value *value)
{
    size_t count = count_items(value->text);
    size_t pointers_size = count * sizeof(char *), text_size = strlen(value->text) + 1;
    value->items = mem_alloc(pointers_size + text_size);
    if (value->items == NULL)
        return CONFIG_NO_MEMORY;
    char *at = (char *)value->items + pointers_size;
    memcpy(at, value->text, text_size);
    for (size_t i = 0; i < count; i++) {
        char *comma = at + strcspn(at, ","), *end = comma;
        while (is_regex_blank(*at))
            at++;
        while (end > at && is_regex_blank(end[-1]))
            end--;
        value->items[i] = at;
        *end = '\0';
        at = comma + 1;
    }
    value->item_count = count;
    join_items(value, value->text);
    return CONFIG_READ;
}

bool config_value_drop_duplicates(struct config_value *value)
{
    struct pointer_map *seen = pointer_map_create(NULL);
    if (seen == NULL)
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < value->item_count; i++) {
        if (pointer_map_has(seen, value->items[i])) {
            wipe(value->items[i]);
            continue;
        }
        if (!pointer_map_put(seen, value->items[i], NULL)) {
            pointer_map_destroy(seen);
            return false;
        }
        value->items[kept++] = value->items[i];
    }
    pointer_map_destroy(seen);
    value->item_count = kept;
    if (value->text != NULL)
        join_items(value, value->text);
    return true;
}

static enum config_reading read_class(struct config_value *value, const char *option, const char *text,
                                      const struct config_class_finder *classes, struct str_buffer *why)
{
    if (classes == NULL || classes->find == NULL)
        return CONFIG_READ;
    const char *class_name = classes->find(classes->owner, option, value->text);
    if (class_name == NULL) {
        str_buffer_printf(why, "Class %s could not be found.", text);
        return CONFIG_REFUSED;
    }
    return retext(value, class_name);
}

static enum config_reading read_typed(struct config_value *value, enum mr_config_type type, const char *option,
                                      const char *text, const struct config_class_finder *classes,
                                      struct str_buffer *why)
{
    switch (type) {
    case MR_CONFIG_BOOLEAN:
        return read_boolean(value, why);
    case MR_CONFIG_INT:
    case MR_CONFIG_SHORT:
    case MR_CONFIG_LONG:
        return read_integer(value, type, why);
    case MR_CONFIG_DOUBLE:
        return read_double(value, why);
    case MR_CONFIG_LIST:
        return read_list(value);
    case MR_CONFIG_CLASS:
        return read_class(value, option, text, classes, why);
    case MR_CONFIG_STRING:
    case MR_CONFIG_PASSWORD:
        return CONFIG_READ;
    }
    assert(!"type is checked before");
    return CONFIG_REFUSED;
}

enum config_reading config_value_read(struct config_value *value, enum mr_config_type type, const char *option,
                                      const char *text, const struct config_class_finder *classes,
                                      struct str_buffer *why)
{
    *value = (struct config_value){0};
    if (text == NULL)
        return CONFIG_READ;
    value->text = trimmed_copy(text);
    if (value->text == NULL)
        return CONFIG_NO_MEMORY;
    enum config_reading reading = read_typed(value, type, option, text, classes, why);
    if (reading != CONFIG_READ)
        config_value_release(value);
    return reading;
}

void config_value_print(const struct config_value *value, enum mr_config_type type, struct str_buffer *out)
{
    if (value->text == NULL) {
        str_buffer_append_text(out, "null");
    } else if (type == MR_CONFIG_PASSWORD) {
        str_buffer_append_text(out, CONFIG_HIDDEN_TEXT);
    } else if (type == MR_CONFIG_LIST) {
        str_buffer_append_char(out, '[');
        for (size_t i = 0; i < value->item_count; i++)
            str_buffer_printf(out, "%s%s", i == 0 ? "" : ", ", value->items[i]);
        str_buffer_append_char(out, ']');
    } else {
        str_buffer_append_text(out, value->text);
    }
}
