/* What a provider answered is not told: the reference stands in its place. */
#include <string.h>

#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_internal.h"
#include "config/variables.h"

#include "base/bans.h"

#define SECRET_LEAST 3             /* shorter texts than this are looked for in messages about their own option alone */
#define RECOMMENDED_SECRET_LEAST 8 /* recommendations are words like "true", too */

struct secret {
    struct report_builder *report;
    const char *name, *raw, *text; /* the option, the reference in it, what that became */
};

static void append_replaced(struct str_buffer *out, const char *text, const struct secret *secret)
{
    size_t length = strlen(secret->text);
    for (const char *found; length > 0 && (found = strstr(text, secret->text)) != NULL; text = found + length) {
        str_buffer_append(out, text, (size_t)(found - text));
        str_buffer_append_text(out, secret->raw);
    }
    str_buffer_append_text(out, text);
}

/* NULL: no memory, the report has failed. */
static const char *keep(const struct secret *secret, struct str_buffer *out)
{
    const char *kept = str_buffer_failed(out) && !out->over_max
                           ? NULL
                           : report_keep(secret->report, out->over_max ? secret->raw : str_buffer_text(out));
    if (kept == NULL)
        secret->report->failed = true;
    str_buffer_release(out);
    return kept;
}

static const char *replaced(const struct secret *secret, const char *text)
{
    struct str_buffer out;
    if (text == NULL || strstr(text, secret->text) == NULL)
        return text;
    str_buffer_init(&out, CONNECTOR_MESSAGE_MAX);
    append_replaced(&out, text, secret);
    return keep(secret, &out);
}

/* "Invalid value V for configuration NAME: words" of the option itself, whatever V has become. NULL: not such a message. */
static const char *without_value(const struct secret *secret, const char *message)
{
    static const char head[] = "Invalid value ", marker[] = " for configuration ";
    struct str_buffer out;
    const char *rest = strncmp(message, head, sizeof(head) - 1) == 0 ? strstr(message, marker) : NULL;
    for (const char *next; rest != NULL && (next = strstr(rest + 1, marker)) != NULL;)
        rest = next;
    if (rest == NULL)
        return NULL;
    str_buffer_init(&out, CONNECTOR_MESSAGE_MAX);
    str_buffer_printf(&out, "%s%s", head, secret->raw);
    if (strlen(secret->text) >= SECRET_LEAST)
        append_replaced(&out, rest, secret);
    else
        str_buffer_append_text(&out, rest);
    return keep(secret, &out);
}

static void hide_in_errors(const struct secret *secret, struct connector_option *option, bool is_own)
{
    for (size_t i = 0; i < option->errors.count; i++) {
        const char *message = option->errors.items[i];
        const char *shown = is_own ? without_value(secret, message) : NULL;
        if (shown == NULL && (is_own || strlen(secret->text) >= SECRET_LEAST))
            shown = replaced(secret, message);
        if (shown != NULL)
            option->errors.items[i] = (void *)(uintptr_t)shown;
    }
}

static void hide_in_list(const struct secret *secret, struct option_texts *list)
{
    bool is_there = false;
    for (size_t i = 0; i < list->count; i++)
        is_there = is_there || (list->items[i] != NULL && strstr(list->items[i], secret->text) != NULL);
    const char **copy = is_there ? report_keep_list(secret->report, list->count) : NULL;
    for (size_t i = 0; copy != NULL && i < list->count; i++)
        copy[i] = replaced(secret, list->items[i]);
    if (copy != NULL)
        list->items = copy;
}

static void hide_in_option(const struct secret *secret, struct connector_option *option)
{
    bool is_own = strcmp(option->name, secret->name) == 0;
    if (is_own && option->value != NULL && strcmp(option->value, CONFIG_HIDDEN_TEXT) != 0)
        option->value = report_keep(secret->report, secret->raw);
    hide_in_errors(secret, option, is_own);
    if (strlen(secret->text) >= RECOMMENDED_SECRET_LEAST)
        hide_in_list(secret, &option->recommended);
}

static void hide_in_names(const struct secret *secret, struct connector_option *option)
{
    struct option_definition *definition = &option->definition;
    option->name = replaced(secret, option->name);
    definition->group = replaced(secret, definition->group);
    definition->display_name = replaced(secret, definition->display_name);
    definition->doc = replaced(secret, definition->doc);
    hide_in_list(secret, &definition->dependents);
    hide_in_errors(secret, option, false);
}

typedef void hide_fn(const struct secret *secret, struct connector_option *option);

static void hide_everywhere(const struct secret *secret, hide_fn *hide)
{
    struct report_builder *report = secret->report;
    for (size_t part = 0; part < REPORT_PARTS; part++) {
        for (size_t i = 0; i < report->parts[part].count && !report->failed; i++)
            hide(secret, report->parts[part].items[i]);
    }
}

/* Aliases make names of options and groups. */
static void hide_alias(const struct secret *list, const char *alias, size_t length)
{
    struct report_builder *report = list->report;
    const char *text = report_keep_printf(report, "%.*s", (int)length, alias);
    if (text == NULL || strlen(text) < SECRET_LEAST || strstr(list->raw, text) != NULL)
        return;
    struct secret secret = {report, list->name, list->raw, text};
    hide_everywhere(&secret, hide_in_names);
    for (size_t i = 0; i < report->groups.count; i++)
        report->groups.items[i] = (void *)(uintptr_t)replaced(&secret, report->groups.items[i]);
}

static void hide(const struct secret *secret)
{
    hide_everywhere(secret, hide_in_option);
    if (strcmp(secret->name, "transforms") != 0 && strcmp(secret->name, "predicates") != 0)
        return;
    for (const char *at = secret->text; !secret->report->failed && *at != '\0';) {
        at += strspn(at, ", \t\r\n");
        size_t length = strcspn(at, ",");
        size_t shown = length;
        while (shown > 0 && strchr(" \t\r\n", at[shown - 1]) != NULL)
            shown--;
        hide_alias(secret, at, shown);
        at += length;
    }
}

void report_hide_secrets(struct report_builder *report, const struct string_map *raw, const struct string_map *resolved)
{
    for (size_t i = 0; i < string_map_count(raw); i++) {
        const char *name = string_map_key(raw, i), *text = string_map_value(raw, i);
        const char *answer = string_map_get(resolved, name);
        if (variables_has_reference(text) && answer != NULL && strcmp(text, answer) != 0)
            hide(&(struct secret){report, name, text, answer});
    }
}
