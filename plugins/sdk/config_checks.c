/* The ready validators of config_def.h: ConfigDef's NonEmptyString, Range, ValidString, ValidList and their likes. */
#include <millrace/config_def.h>
#include <millrace/number_text.h>

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define WORDS_MAX 4096

int mr_check_not_empty(const char *name, const char *text, const struct mr_config *config, const void *argument,
                       struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    if (text != NULL && *text == '\0')
        return mr_error_set(error, MR_ERR_CONFIG, "String must be non-empty");
    return 0;
}

/* Negative, 0, positive: the number is below, equal to, above the bound. NaN is never outside, as in Java. */
static int compare_to(const char *text, int64_t bound)
{
    struct mr_bytes bytes = {text, strlen(text)};
    int64_t integer;
    if (mr_int64_parse(bytes, &integer))
        return (integer > bound) - (integer < bound);
    double number;
    if (!mr_float64_parse(bytes, &number))
        return 0;
    return (number > (double)bound) - (number < (double)bound);
}

int mr_check_range(const char *name, const char *text, const struct mr_config *config, const void *argument,
                   struct mr_error **error)
{
    (void)name, (void)config;
    const struct mr_range *range = argument;
    if (text == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Value must be non-null");
    if (range->least != INT64_MIN && compare_to(text, range->least) < 0)
        return mr_error_set(error, MR_ERR_CONFIG, "Value must be at least %" PRId64, range->least);
    if (range->most != INT64_MAX && compare_to(text, range->most) > 0)
        return mr_error_set(error, MR_ERR_CONFIG, "Value must be no more than %" PRId64, range->most);
    return 0;
}

static void append_upper(struct str_buffer *out, const char *text)
{
    for (; *text != '\0'; text++)
        str_buffer_append_char(out, *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text);
}

static int refuse_choice(const char *head, const char *const *choices, bool in_capitals, struct mr_error **error)
{
    struct str_buffer words;
    str_buffer_init(&words, WORDS_MAX);
    str_buffer_append_text(&words, head);
    for (size_t i = 0; choices[i] != NULL; i++) {
        str_buffer_append_text(&words, i == 0 ? "" : ", ");
        if (in_capitals)
            append_upper(&words, choices[i]);
        else
            str_buffer_append_text(&words, choices[i]);
    }
    mr_error_set(error, MR_ERR_CONFIG, "%s", str_buffer_text(&words));
    str_buffer_release(&words);
    return -1;
}

int mr_check_one_of(const char *name, const char *text, const struct mr_config *config, const void *argument,
                    struct mr_error **error)
{
    (void)name, (void)config;
    const char *const *choices = argument;
    for (size_t i = 0; text != NULL && choices[i] != NULL; i++) {
        if (strcmp(text, choices[i]) == 0)
            return 0;
    }
    return refuse_choice("String must be one of: ", choices, false, error);
}

int mr_check_one_of_any_case(const char *name, const char *text, const struct mr_config *config, const void *argument,
                             struct mr_error **error)
{
    (void)name, (void)config;
    const char *const *choices = argument;
    for (size_t i = 0; text != NULL && choices[i] != NULL; i++) {
        if (strcasecmp(text, choices[i]) == 0)
            return 0;
    }
    return refuse_choice("String must be one of (case insensitive): ", choices, true, error);
}

int mr_check_list_not_empty(const char *name, const char *text, const struct mr_config *config, const void *argument,
                            struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    if (text == NULL || *text == '\0')
        return mr_error_set(error, MR_ERR_CONFIG, "Empty list");
    return 0;
}

enum list_fault { LIST_FINE, LIST_DUPLICATE, LIST_EMPTY_ITEM, LIST_NO_MEMORY };

/* `text` is the canonical form: items joined by commas. A duplicate is the first thing Kafka tells. */
static enum list_fault list_fault(const char *text)
{
    struct pointer_map *seen = pointer_map_create(NULL);
    enum list_fault fault = seen == NULL ? LIST_NO_MEMORY : LIST_FINE;
    for (const char *item = text; (fault == LIST_FINE || fault == LIST_EMPTY_ITEM) && item != NULL;) {
        size_t length = strcspn(item, ",");
        size_t before = pointer_map_count(seen);
        if (!pointer_map_put_n(seen, item, length, NULL))
            fault = LIST_NO_MEMORY;
        else if (pointer_map_count(seen) == before)
            fault = LIST_DUPLICATE;
        else if (length == 0)
            fault = LIST_EMPTY_ITEM;
        item = item[length] == ',' ? item + length + 1 : NULL;
    }
    pointer_map_destroy(seen);
    return fault;
}

/* Kafka's words here name the option themselves: no "Invalid value" in front, hence MR_ERR_CONNECT. */
int mr_check_valid_list(const char *name, const char *text, const struct mr_config *config, const void *argument,
                        struct mr_error **error)
{
    if (text == NULL)
        return mr_error_set(error, MR_ERR_CONNECT, "Configuration '%s' values must not be null.", name);
    /* A single empty item is what "," leaves once duplicates are gone; joined, it looks like no item at all. */
    bool has_empty_item = *text == '\0' && config != NULL && mr_config_list_count(config, name) > 0;
    if (*text == '\0' && !has_empty_item) {
        if (argument == NULL)
            return 0;
        return mr_error_set(error, MR_ERR_CONNECT,
                            "Configuration '%s' must not be empty. Valid values include: any non-empty value", name);
    }
    switch (has_empty_item ? LIST_EMPTY_ITEM : list_fault(text)) {
    case LIST_FINE:
        return 0;
    case LIST_DUPLICATE:
        return mr_error_set(error, MR_ERR_CONNECT, "Configuration '%s' values must not be duplicated.", name);
    case LIST_EMPTY_ITEM:
        return mr_error_set(error, MR_ERR_CONNECT, "Configuration '%s' values must not be empty.", name);
    case LIST_NO_MEMORY:
        break;
    }
    return mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory while checking configuration %s", name);
}
