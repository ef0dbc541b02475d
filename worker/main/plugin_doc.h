/*
 * plugin_doc: the manual of a plugin, as readable text made from its table of options.
 */
#ifndef MAIN_PLUGIN_DOC_H
#define MAIN_PLUGIN_DOC_H

#include <stdio.h>

struct loader_plugin;

/* Options in the order they are declared; internal ones are left out; a password's default is [hidden]. */
void plugin_doc_print(const struct loader_plugin *plugin, FILE *stream);

#endif
