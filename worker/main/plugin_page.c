#include <string.h>

#include "loader/loader.h"
#include "plugin_doc.h"
#include "sdk/config_host.h"

#include "base/bans.h"

/* Text that Markdown would take for marks of its own, in a cell of a table. */
static void put_text(const char *text, size_t size, FILE *stream)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            fputs("<br>", stream);
            continue;
        }
        if (strchr("\\`*_<>[]|~", text[i]) != NULL)
            fputc('\\', stream);
        fputc(text[i], stream);
    }
}

/* A code span; a backtick in it needs longer fences, and a bar is a table's. */
static void put_code(const char *text, FILE *stream)
{
    const char *fence = strchr(text, '`') == NULL ? "`" : "`` ", *close = strchr(text, '`') == NULL ? "`" : " ``";
    fputs(fence, stream);
    for (; *text != '\0'; text++)
        fprintf(stream, *text == '|' ? "\\%c" : "%c", *text);
    fputs(close, stream);
}

static void put_default(const struct mr_config_row *row, FILE *stream)
{
    if (row->default_text == MR_REQUIRED)
        fputs("**must be given**", stream);
    else if (row->default_text == NULL)
        fputs("none", stream);
    else if (row->type == MR_CONFIG_PASSWORD)
        fputs("hidden", stream);
    else if (*row->default_text == '\0')
        fputs("empty", stream);
    else
        put_code(row->default_text, stream);
}

static void print_row(const struct mr_config_row *row, FILE *stream)
{
    fputs("| ", stream);
    put_code(row->name, stream);
    fprintf(stream, " | %s | ", config_type_name(row->type));
    put_default(row, stream);
    fputs(" | ", stream);
    plugin_doc_valid(row, put_code, stream);
    fprintf(stream, " | %s | ", config_importance_name(row->importance));
    put_text(row->doc, strlen(row->doc), stream);
    fputs(" |\n", stream);
}

static void print_options(const struct mr_config_def *options, FILE *stream)
{
    size_t shown = 0;
    fputs("\n## Options\n\n", stream);
    for (size_t i = 0; i < options->count; i++) {
        if (options->rows[i].is_internal)
            continue;
        if (shown++ == 0)
            fputs("| option | type | default | valid values | importance | |\n|---|---|---|---|---|---|\n", stream);
        print_row(&options->rows[i], stream);
    }
    if (shown == 0)
        fputs("None of its own.\n", stream);
}

/* "InsertField" of org.apache.kafka.connect.transforms.InsertField$Key */
static void print_heading(const char *class_name, FILE *stream)
{
    const char *dot = strrchr(class_name, '.'), *simple = dot == NULL ? class_name : dot + 1;
    fprintf(stream, "# %.*s\n\n", (int)strcspn(simple, "$"), simple);
}

static void print_members(const struct plugin_family *family, FILE *stream)
{
    fputs("| class | kind | version |\n|---|---|---|\n", stream);
    for (size_t i = 0; i < family->count; i++) {
        const struct loader_plugin *plugin = family->members[i];
        fputs("| ", stream);
        put_code(plugin->class_name, stream);
        for (size_t j = 0; plugin->aliases[j] != NULL; j++) {
            fputs(", also ", stream);
            put_code(plugin->aliases[j], stream);
        }
        fputs(" | ", stream);
        put_text(loader_kind_name(plugin->kind), strlen(loader_kind_name(plugin->kind)), stream);
        fprintf(stream, " | %s |\n", plugin->version == NULL ? "none" : plugin->version);
    }
}

void plugin_page_print(const struct plugin_family *family, FILE *stream)
{
    const char *doc;
    int doc_size = plugin_family_doc(family, &doc);
    print_heading(family->members[0]->class_name, stream);
    put_text(doc, (size_t)doc_size, stream);
    fputs(doc_size > 0 ? "\n\n" : "", stream);
    print_members(family, stream);
    print_options(family->members[0]->config_def, stream);
}
