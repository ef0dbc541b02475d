/* replace: regex.patterns and regex.replacements: each pattern in turn over the text of a record.
 *
 * Patterns are Java's as far as PCRE2 agrees with it (all that is common does). In a replacement $1 and ${name} are groups, \x is
 * x, and ${topic} and ${key} are the record's. A pattern that would search for too long fails the record, not the worker.
 */
#ifndef HTTP_SINK_REPLACE_H
#define HTTP_SINK_REPLACE_H

#include <millrace/record.h>

#include "text.h"

#define REPLACEMENTS_MAX 64

struct replacements {
    struct replacement {
        struct pcre2_real_code_8 *pattern;
        char *text;
    } items[REPLACEMENTS_MAX];
    size_t count;
};

/* -1: MR_ERR_CONFIG: a bad pattern, or not as many replacements; nothing to release. */
int replacements_read(struct replacements *replacements, const char *patterns, const char *texts, const char *separator,
                      struct mr_error **error);
void replacements_release(struct replacements *replacements);
/* `*bytes` becomes the new text, which lives in `arena`. -1: MR_ERR_DATA. */
int replacements_apply(const struct replacements *replacements, const struct mr_record *record, struct mr_arena *arena,
                       struct mr_bytes *bytes, struct mr_error **error);

#endif
