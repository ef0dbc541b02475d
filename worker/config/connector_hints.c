#include "config/connector_hints.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/text_distance.h"
#include "config/connector_report.h"
#include "config/variables.h"

#include "base/bans.h"

#define HINTS_MAX 20         /* further ones are left out */
#define LOOKED_MAX 1000      /* options that are looked at: each is compared with all definitions */
#define UNKNOWN_MAX 100      /* of them, without a definition */
#define HINT_BYTES_MAX 1024  /* of one */
#define LETTERS_OFF 3        /* of an option in a closed list */
#define LETTERS_OFF_FREE 2   /* of one that may be the connector's, undeclared */
#define NAME_LEAST 5         /* bytes; shorter names are near to anything */

struct looking {
    const struct connector_report *report;
    const struct string_map *raw;
    struct ptr_array *hints;
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_defined(const struct connector_report *report, const char *name)
{
    for (size_t i = 0; i < report->option_count; i++)
        if (report->options[i]->is_defined && strcmp(report->options[i]->name, name) == 0)
            return true;
    return false;
}

/* The defined option with that prefix that was meant, perhaps; NULL: none is near. */
static const char *nearest(const struct connector_report *report, const char *name, const char *prefix, size_t limit)
{
    const char *found = NULL;
    for (size_t i = 0; i < report->option_count; i++) {
        const struct connector_option *option = report->options[i];
        if (!option->is_defined || !begins_with(option->name, prefix))
            continue;
        size_t distance = text_distance(name, strlen(name), option->name, strlen(option->name));
        if (distance > limit)
            continue;
        found = option->name;
        limit = distance == 0 ? 0 : distance - 1;
    }
    return found;
}

static void add(const struct looking *looking, struct str_buffer *words)
{
    char *text = str_buffer_failed(words) ? NULL : str_buffer_take(words, NULL);
    if (text == NULL || looking->hints->count == HINTS_MAX || !ptr_array_push(looking->hints, text))
        mem_free(text);
    str_buffer_release(words);
}

static void hint(const struct looking *looking, const char *name, const char *why, const char *meant)
{
    struct str_buffer words;
    str_buffer_init(&words, HINT_BYTES_MAX);
    str_buffer_printf(&words, "%s has no effect: %s", name, why);
    if (meant != NULL)
        str_buffer_printf(&words, "; did you mean %s?", meant);
    add(looking, &words);
}

/* Transforms and predicates ------------------------------------------------------------------------------------- */

/* The alias of the list whose option this is, as "transforms.alias."; its options are declared, all of them. */
static bool find_alias(const struct looking *looking, const char *list, const char *name, struct str_buffer *prefix)
{
    const char *at = string_map_get(looking->raw, list);
    while (at != NULL && *at != '\0') {
        at += strspn(at, ", \t\r\n");
        size_t length = strcspn(at, ",");
        size_t shown = length;
        while (shown > 0 && strchr(" \t\r\n", at[shown - 1]) != NULL)
            shown--;
        str_buffer_clear(prefix);
        if (shown > 0 && str_buffer_printf(prefix, "%s.%.*s.", list, (int)shown, at) && begins_with(name, str_buffer_text(prefix)))
            return true;
        at += length;
    }
    return false;
}

/* What options a class has is known only where the class is: then some are defined besides the class and its version, or nothing is wrong
 * with it. */
static bool has_class(const struct connector_report *report, const char *prefix)
{
    size_t length = strlen(prefix);
    bool is_fine = false;
    for (size_t i = 0; i < report->option_count; i++) {
        const struct connector_option *option = report->options[i];
        if (!option->is_defined || !begins_with(option->name, prefix))
            continue;
        bool is_type = strcmp(option->name + length, "type") == 0;
        if (!is_type && strcmp(option->name + length, "plugin.version") != 0)
            return true;
        is_fine |= is_type && option->errors.count == 0;
    }
    return is_fine;
}

static bool look_at_alias(const struct looking *looking, const char *list, const char *name)
{
    struct str_buffer words;
    size_t length = strlen(list);
    if (!begins_with(name, list) || name[length] != '.')
        return false;
    str_buffer_init(&words, HINT_BYTES_MAX);
    if (find_alias(looking, list, name, &words)) {
        if (has_class(looking->report, str_buffer_text(&words)))
            hint(looking, name, "there is no such option (`millrace plugin doc CLASS` lists them)",
                 nearest(looking->report, name, str_buffer_text(&words), LETTERS_OFF));
    } else if (!variables_has_reference(string_map_get(looking->raw, list))) {
        str_buffer_clear(&words);
        str_buffer_printf(&words, "%s does not list '%.*s'", list, (int)strcspn(name + length + 1, "."), name + length + 1);
        hint(looking, name, str_buffer_text(&words), NULL);
    }
    str_buffer_release(&words);
    return true;
}

/* Converters ---------------------------------------------------------------------------------------------------- */

/* A converter may look at options that it does not declare: only what is nearly one is told of. */
static bool look_at_converter(const struct looking *looking, const char *converter, const char *name)
{
    char prefix[32], why[160];
    size_t length = strlen(converter);
    if (!begins_with(name, converter) || name[length] != '.')
        return false;
    snprintf(prefix, sizeof(prefix), "%s.", converter);
    if (!string_map_has(looking->raw, converter)) {
        snprintf(why, sizeof(why), "the connector names no %s, so the worker's counts, with the worker's options", converter);
        hint(looking, name, why, NULL);
        return true;
    }
    const char *meant = nearest(looking->report, name, prefix, LETTERS_OFF);
    if (meant != NULL)
        hint(looking, name, "the converter declares no such option", meant);
    return true;
}

/* All --------------------------------------------------------------------------------------------------------------- */

/* What the connector itself may take, or a client, is told of only when it is nearly something else. */
static void look_at(const struct looking *looking, const char *name)
{
    static const char *const converters[] = {"key.converter", "value.converter", "header.converter"};
    if (look_at_alias(looking, "transforms", name) || look_at_alias(looking, "predicates", name))
        return;
    for (size_t i = 0; i < sizeof(converters) / sizeof(converters[0]); i++)
        if (look_at_converter(looking, converters[i], name))
            return;
    if (strlen(name) < NAME_LEAST || strstr(name, ".override.") != NULL || begins_with(name, "topic.creation."))
        return;
    const char *meant = nearest(looking->report, name, "", LETTERS_OFF_FREE);
    if (meant != NULL)
        hint(looking, name, "nobody declares such an option", meant);
}

void connector_hints_find(struct ptr_array *hints, const struct connector_report *report, const struct string_map *raw)
{
    const struct looking looking = {report, raw, hints};
    size_t looked = 0;
    for (size_t i = 0; i < string_map_count(raw) && i < LOOKED_MAX && looked < UNKNOWN_MAX; i++) {
        const char *name = string_map_key(raw, i);
        if (is_defined(report, name))
            continue;
        look_at(&looking, name);
        looked++;
    }
}

char *connector_hints_line(const struct connector_report *report, const struct string_map *raw)
{
    struct ptr_array hints;
    struct str_buffer line;
    ptr_array_init(&hints, mem_free);
    str_buffer_init(&line, HINTS_MAX * (HINT_BYTES_MAX + 2));
    connector_hints_find(&hints, report, raw);
    for (size_t i = 0; i < hints.count; i++)
        str_buffer_printf(&line, "%s%s", i == 0 ? "" : ". ", (const char *)hints.items[i]);
    char *text = hints.count == 0 ? NULL : str_buffer_take(&line, NULL);
    str_buffer_release(&line);
    ptr_array_release(&hints);
    return text;
}
