/*
 * plugin_doc: the manual of a plugin, made from its table of options: readable text, or a page of Markdown.
 *
 * The pages of docs/plugins are these, with examples behind them (scripts/plugin-pages).
 */
#ifndef MAIN_PLUGIN_DOC_H
#define MAIN_PLUGIN_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct loader;
struct loader_plugin;
struct mr_config_row;

#define PLUGIN_FAMILY_MAX 8

/* Plugins with one manual: the $Key and $Value of a transform, the converter that serves headers too. Not empty. */
struct plugin_family {
    const struct loader_plugin *members[PLUGIN_FAMILY_MAX];
    size_t count;
};

/* Those that `name` means: a class or a short form of it, or what stands before its $ ("InsertField"). The newest version of each;
 * only such as have the options of the first. false: none. */
bool plugin_family_find(const struct loader *loader, const char *name, struct plugin_family *family);

/* What all of their descriptions say, to the end of a sentence: its size, in bytes; *text goes on behind it. */
int plugin_family_doc(const struct plugin_family *family, const char **text);

/* Options in the order they are declared; internal ones are left out; a password's default is [hidden]. */
void plugin_doc_print(const struct plugin_family *family, FILE *stream);

/* The same as Markdown. It begins with a heading of the first level; further sections may follow. */
void plugin_page_print(const struct plugin_family *family, FILE *stream);

/* What an option accepts: "a, b, in any case", "from 1 to 9", "not empty"; "checked" where only the plugin's own code knows. Each value
 * goes through `put`. */
void plugin_doc_valid(const struct mr_config_row *row, void (*put)(const char *value, FILE *stream), FILE *stream);

#endif
