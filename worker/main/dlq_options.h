/*
 * dlq_options: the command line of `millrace dlq`, and the selection that it says, as JSON (docs/dead-letters.md).
 */
#ifndef MAIN_DLQ_OPTIONS_H
#define MAIN_DLQ_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>

enum dlq_verb { DLQ_LIST, DLQ_SHOW, DLQ_REPLAY, DLQ_DISCARD };

struct dlq_options {
    enum dlq_verb verb;
    const char *connector; /* its name; NULL: that of the file */
    const char *worker, *file, *plugin_path;
    const char *url, *authorization_file; /* url NULL: no worker is asked */
    bool is_json, is_help;
    json_t *selection;     /* release it */
};

extern const char DLQ_USAGE[];

/* false: said on standard error. Release in any case. */
bool dlq_options_read(struct dlq_options *options, int argc, char **argv);
void dlq_options_release(struct dlq_options *options);

#endif
