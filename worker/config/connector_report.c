#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/str_buffer.h"
#include "config/connector_internal.h"
#include "sdk/collect.h"

#include "base/bans.h"

#define TEXT_MAX (4u << 20) /* longer than any request body */

/* Life ---------------------------------------------------------------------------------------------------------- */

/* It may be what a user keeps secret. */
static void text_free(void *text)
{
    explicit_bzero(text, strlen(text));
    mem_free(text);
}

static void option_free(void *item)
{
    struct connector_option *option = item;
    ptr_array_release(&option->errors);
    mem_free(option);
}

struct report_builder *report_create(void)
{
    struct report_builder *builder = mem_calloc(1, sizeof(*builder));
    if (builder == NULL)
        return NULL;
    ptr_array_init(&builder->texts, text_free);
    ptr_array_init(&builder->blocks, mem_free);
    ptr_array_init(&builder->groups, NULL);
    ptr_array_init(&builder->all, NULL);
    for (size_t i = 0; i < REPORT_PARTS; i++)
        ptr_array_init(&builder->parts[i], option_free);
    builder->main_by_name = pointer_map_create(NULL);
    if (builder->main_by_name != NULL)
        return builder;
    connector_report_destroy(&builder->report);
    return NULL;
}

void connector_report_destroy(struct connector_report *report)
{
    if (report == NULL)
        return;
    struct report_builder *builder = (struct report_builder *)(void *)report;
    for (size_t i = 0; i < REPORT_PARTS; i++)
        ptr_array_release(&builder->parts[i]);
    ptr_array_release(&builder->all);
    ptr_array_release(&builder->groups);
    ptr_array_release(&builder->blocks);
    ptr_array_release(&builder->texts);
    pointer_map_destroy(builder->main_by_name);
    mem_free(builder);
}

/* Texts --------------------------------------------------------------------------------------------------------- */

static const char *keep_own(struct report_builder *builder, char *text)
{
    if (text != NULL && ptr_array_push(&builder->texts, text))
        return text;
    if (text != NULL)
        text_free(text);
    builder->failed = true;
    return NULL;
}

const char *report_keep(struct report_builder *builder, const char *text)
{
    return text == NULL ? NULL : keep_own(builder, mem_strdup(text));
}

const char *report_keep_printf(struct report_builder *builder, const char *format, ...)
{
    struct str_buffer text;
    va_list args;
    str_buffer_init(&text, TEXT_MAX);
    va_start(args, format);
    str_buffer_vprintf(&text, format, args);
    va_end(args);
    const char *kept = keep_own(builder, str_buffer_take(&text, NULL));
    str_buffer_release(&text);
    return kept;
}

const char **report_keep_list(struct report_builder *builder, size_t count)
{
    const char **list = mem_calloc(count + 1, sizeof(*list));
    if (list != NULL && ptr_array_push(&builder->blocks, list))
        return list;
    mem_free(list);
    builder->failed = true;
    return NULL;
}

/* Options ------------------------------------------------------------------------------------------------------- */

struct connector_option *report_find(const struct report_builder *builder, const char *name)
{
    return pointer_map_get(builder->main_by_name, name);
}

struct connector_option *report_add(struct report_builder *builder, enum report_part part, const char *name)
{
    if (name == NULL || builder->failed)
        return NULL;
    if (builder->option_count >= CONNECTOR_REPORT_OPTIONS_MAX) {
        builder->is_too_long = true;
        return NULL;
    }
    struct connector_option *option = mem_calloc(1, sizeof(*option));
    if (option == NULL || !ptr_array_push(&builder->parts[part], option)) {
        mem_free(option);
        builder->failed = true;
        return NULL;
    }
    option->name = name;
    option->is_visible = true;
    ptr_array_init(&option->errors, NULL);
    builder->option_count++;
    if (part == REPORT_MAIN && !pointer_map_put(builder->main_by_name, name, option))
        builder->failed = true;
    return option;
}

void report_add_group(struct report_builder *builder, const char *group)
{
    if (group == NULL)
        return;
    for (size_t i = builder->groups.count; i > 0; i--) {
        if (strcmp(builder->groups.items[i - 1], group) == 0)
            return;
    }
    if (!ptr_array_push(&builder->groups, (void *)(uintptr_t)group))
        builder->failed = true;
}

void report_add_error(struct report_builder *builder, struct connector_option *option, const char *message)
{
    if (option == NULL || builder->report.error_count >= CONNECTOR_REPORT_ERRORS_MAX)
        return;
    const char *kept = report_keep(builder, message);
    if (kept == NULL || !ptr_array_push(&option->errors, (void *)(uintptr_t)kept))
        builder->failed = true;
    else
        builder->report.error_count++;
}

static struct connector_option *find_in(const struct report_builder *builder, enum report_part part, const char *name)
{
    if (part == REPORT_MAIN)
        return report_find(builder, name);
    for (size_t i = builder->parts[part].count; i > 0; i--) {
        struct connector_option *option = builder->parts[part].items[i - 1];
        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

void report_file_error(struct report_builder *builder, enum report_part part, const char *name, const char *message)
{
    struct connector_option *option = find_in(builder, part, name);
    if (option == NULL)
        option = find_in(builder, REPORT_UNDECLARED, name);
    if (option == NULL)
        option = report_add(builder, REPORT_UNDECLARED, report_keep(builder, name));
    report_add_error(builder, option, message);
}

/* The end ------------------------------------------------------------------------------------------------------- */

static void add_in_hash_order(struct report_builder *builder, const struct ptr_array *unknown)
{
    const char **names = mem_calloc(unknown->count + 1, sizeof(*names));
    size_t *order = mem_calloc(unknown->count + 1, sizeof(*order));
    bool is_ordered = names != NULL && order != NULL;
    for (size_t i = 0; is_ordered && i < unknown->count; i++)
        names[i] = ((const struct connector_option *)unknown->items[i])->name;
    is_ordered = is_ordered && java_order(names, unknown->count, builder->hashed_count + unknown->count, order);
    for (size_t i = 0; is_ordered && i < unknown->count; i++)
        is_ordered = ptr_array_push(&builder->all, unknown->items[order[i]]);
    builder->failed = builder->failed || !is_ordered;
    mem_free(order);
    mem_free(names);
}

int report_finish(struct report_builder *builder, struct mr_error **error)
{
    add_in_hash_order(builder, &builder->parts[REPORT_UNKNOWN]);
    for (size_t part = REPORT_UNDECLARED; part < REPORT_PARTS; part++) {
        for (size_t i = 0; !builder->failed && i < builder->parts[part].count; i++)
            builder->failed = !ptr_array_push(&builder->all, builder->parts[part].items[i]);
    }
    if (builder->failed)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to validate a connector");
    if (builder->is_too_long)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "The configuration has more than %d options with those of its transformations, predicates, "
                            "converters and clients. Use fewer",
                            CONNECTOR_REPORT_OPTIONS_MAX);
    struct connector_report *report = &builder->report;
    report->options = (struct connector_option *const *)(void *)builder->all.items;
    report->option_count = builder->all.count;
    report->groups = (struct option_texts){(const char *const *)(void *)builder->groups.items, builder->groups.count};
    return 0;
}

/* Words ------------------------------------------------------------------------------------------------------------ */

static bool has_error(const struct connector_option *option, const char *words)
{
    bool has = false;
    for (size_t i = 0; !has && i < option->errors.count; i++)
        has = strcmp(option->errors.items[i], words) == 0;
    return has;
}

/* The version's option, where the same words stand at the class before it: to a reader that is one mistake. NULL: none such. */
static const struct connector_option *version_with(const struct connector_report *report, size_t index, const char *words)
{
    static const char ending[] = "plugin.version";
    const struct connector_option *option = index < report->option_count ? report->options[index] : NULL;
    size_t length = option == NULL ? 0 : strlen(option->name);
    if (length < sizeof(ending) || strcmp(option->name + length - (sizeof(ending) - 1), ending) != 0 || !has_error(option, words) ||
        index == 0 || !has_error(report->options[index - 1], words))
        return NULL;
    return option;
}

size_t connector_report_list(const struct connector_report *report, bool names_all, struct str_buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < report->option_count; i++) {
        const struct connector_option *option = report->options[i];
        for (size_t k = 0; k < option->errors.count; k++) {
            const char *words = option->errors.items[k];
            if (version_with(report, i, words) != NULL)
                continue;
            const struct connector_option *version = version_with(report, i + 1, words);
            count++;
            if (out->max - out->length < 2 * CONFIG_MESSAGE_MAX)
                continue;
            str_buffer_append_char(out, '\n');
            if (version != NULL)
                str_buffer_printf(out, "%s and %s: ", option->name, version->name);
            else if (names_all || strstr(words, option->name) == NULL)
                str_buffer_printf(out, "%s: ", option->name);
            str_buffer_append_text(out, words);
        }
    }
    return count;
}

char *connector_report_message(const struct connector_report *report)
{
    static const char ending[] = "\nYou can also find the above list of errors at the endpoint "
                                 "`/connector-plugins/{connectorType}/config/validate`";
    struct str_buffer list, text;
    str_buffer_init(&list, CONNECTOR_MESSAGE_MAX);
    str_buffer_init(&text, CONNECTOR_MESSAGE_MAX + 1024);
    size_t count = connector_report_list(report, false, &list);
    str_buffer_printf(&text, "Connector configuration is invalid and contains the following %zu error(s):", count);
    str_buffer_append(&text, str_buffer_text(&list), list.length);
    str_buffer_append_text(&text, ending);
    char *message = str_buffer_failed(&list) ? NULL : str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    str_buffer_release(&list);
    return message;
}
