#include "plugin_doc.h"

#include <inttypes.h>
#include <string.h>

#include "loader/loader.h"
#include "sdk/config_host.h"

#include "base/bans.h"

enum { COLUMN_MAX = 100, INDENT = 6 };

/* Breaks at blanks, before COLUMN_MAX where a word allows it. Line breaks in the text stay. */
static void print_wrapped(const char *text, int size, int indent, FILE *stream)
{
    int column = 0;
    const char *end = text + size;
    while (text < end) {
        size_t word = strcspn(text, " \n");
        if (word > (size_t)(end - text))
            word = (size_t)(end - text);
        if (column > 0 && column + 1 + (int)word > COLUMN_MAX) {
            fputc('\n', stream);
            column = 0;
        }
        if (word > 0) {
            column += fprintf(stream, "%*s%.*s", column == 0 ? indent : 1, "", (int)word, text);
            text += word;
        }
        if (text < end && *text == '\n' && column > 0) {
            fputc('\n', stream);
            column = 0;
        }
        text++;
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

static void put_names(const char *const *names, void (*put)(const char *value, FILE *stream), FILE *stream)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        fputs(i == 0 ? "" : ", ", stream);
        put(names[i], stream);
    }
}

static void put_range(const struct mr_range *range, void (*put)(const char *value, FILE *stream), FILE *stream)
{
    char number[32];
    if (range->least != INT64_MIN) {
        snprintf(number, sizeof(number), "%" PRId64, range->least);
        fputs("from ", stream);
        put(number, stream);
    }
    if (range->most != INT64_MAX) {
        snprintf(number, sizeof(number), "%" PRId64, range->most);
        fputs(range->least == INT64_MIN ? "up to " : " to ", stream);
        put(number, stream);
    }
}

void plugin_doc_valid(const struct mr_config_row *row, void (*put)(const char *value, FILE *stream), FILE *stream)
{
    static const char *const booleans[] = { "true", "false", NULL };
    mr_config_validator *validator = row->validator;
    if (validator == mr_check_one_of || validator == mr_check_one_of_any_case) {
        put_names(row->validator_argument, put, stream);
        fputs(validator == mr_check_one_of ? "" : ", in any case", stream);
    } else if (validator == mr_check_range) {
        put_range(row->validator_argument, put, stream);
    } else if (validator == mr_check_not_empty || validator == mr_check_list_not_empty) {
        fputs("not empty", stream);
    } else if (validator == mr_check_valid_list) {
        fprintf(stream, "%snone empty, none twice", row->validator_argument == NULL ? "" : "at least one, ");
    } else if (validator != NULL) { /* by code of the plugin's own */
        fputs("checked", stream);
    } else if (row->type == MR_CONFIG_BOOLEAN) {
        put_names(booleans, put, stream);
    } else {
        fputs("any", stream);
    }
}

static void put_plain(const char *value, FILE *stream)
{
    fputs(value, stream);
}

static void print_option(const struct mr_config_row *row, FILE *stream)
{
    fprintf(stream, "\n  %s\n%*s%s, ", row->name, INDENT, "", config_type_name(row->type));
    print_default(row, stream);
    fprintf(stream, ", importance %s\n", config_importance_name(row->importance));
    print_wrapped(row->doc, (int)strlen(row->doc), INDENT, stream);
    if (row->validator != NULL) {
        fprintf(stream, "%*svalid: ", INDENT, "");
        plugin_doc_valid(row, put_plain, stream);
        fputc('\n', stream);
    }
}

static void print_member(const struct loader_plugin *plugin, FILE *stream)
{
    fprintf(stream, "%s\n%s", plugin->class_name, loader_kind_name(plugin->kind));
    if (plugin->version != NULL)
        fprintf(stream, ", version %s", plugin->version);
    fprintf(stream, ", from %s\n", plugin->path);
    for (size_t i = 0; plugin->aliases[i] != NULL; i++)
        fprintf(stream, "also called %s\n", plugin->aliases[i]);
}

void plugin_doc_print(const struct plugin_family *family, FILE *stream)
{
    const struct mr_config_def *options = family->members[0]->config_def;
    const char *doc;
    int doc_size = plugin_family_doc(family, &doc);
    for (size_t i = 0; i < family->count; i++)
        print_member(family->members[i], stream);
    if (doc_size > 0) {
        fputc('\n', stream);
        print_wrapped(doc, doc_size, 0, stream);
    }
    fputs(options->count > 0 ? "\nOptions\n" : "\nNo options.\n", stream);
    for (size_t i = 0; i < options->count; i++)
        if (!options->rows[i].is_internal)
            print_option(&options->rows[i], stream);
}
