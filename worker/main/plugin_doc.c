#include "plugin_doc.h"

#include <string.h>

#include "loader/loader.h"
#include "sdk/config_host.h"

#include "base/bans.h"

enum { COLUMN_MAX = 100, INDENT = 6 };

/* Breaks at blanks, before COLUMN_MAX where a word allows it. Line breaks in the text stay. */
static void print_wrapped(const char *text, int indent, FILE *stream)
{
    int column = 0;
    while (*text != '\0') {
        size_t word = strcspn(text, " \n");
        if (column > 0 && column + 1 + (int)word > COLUMN_MAX) {
            fputc('\n', stream);
            column = 0;
        }
        if (word > 0) {
            column += fprintf(stream, "%*s%.*s", column == 0 ? indent : 1, "", (int)word, text);
            text += word;
        }
        if (*text == '\n' && column > 0) {
            fputc('\n', stream);
            column = 0;
        }
        text += *text != '\0';
    }
    if (column > 0)
        fputc('\n', stream);
}

static void print_default(const struct mr_config_row *row, FILE *stream)
{
    if (row->default_text == MR_REQUIRED)
        fprintf(stream, "must be given");
    else if (row->default_text == NULL)
        fprintf(stream, "no default");
    else if (row->type == MR_CONFIG_PASSWORD)
        fprintf(stream, "default [hidden]");
    else
        fprintf(stream, "default \"%s\"", row->default_text);
}

static void print_option(const struct mr_config_row *row, FILE *stream)
{
    fprintf(stream, "\n  %s\n%*s%s, ", row->name, INDENT, "", config_type_name(row->type));
    print_default(row, stream);
    fprintf(stream, ", importance %s\n", config_importance_name(row->importance));
    print_wrapped(row->doc, INDENT, stream);
}

void plugin_doc_print(const struct loader_plugin *plugin, FILE *stream)
{
    fprintf(stream, "%s\n%s", plugin->class_name, loader_kind_name(plugin->kind));
    if (plugin->version != NULL)
        fprintf(stream, ", version %s", plugin->version);
    fprintf(stream, ", from %s\n", plugin->path);
    for (size_t i = 0; plugin->aliases[i] != NULL; i++)
        fprintf(stream, "also called %s\n", plugin->aliases[i]);
    if (plugin->doc[0] != '\0') {
        fputc('\n', stream);
        print_wrapped(plugin->doc, 0, stream);
    }
    fputs(plugin->config_def->count > 0 ? "\nOptions\n" : "\nNo options.\n", stream);
    for (size_t i = 0; i < plugin->config_def->count; i++) {
        const struct mr_config_row *row = &plugin->config_def->rows[i];
        if (!row->is_internal)
            print_option(row, stream);
    }
}
