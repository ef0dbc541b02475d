/* template: a text with ${placeholders}, filled from a record: ${topic}, ${key}, and any other name as a dotted path into the
 * record's value. Immutable once read. */
#ifndef HTTP_SINK_TEMPLATE_H
#define HTTP_SINK_TEMPLATE_H

#include <millrace/record.h>

#include "text.h"

#define TEMPLATE_PARTS_MAX 64

enum template_kind { TEMPLATE_TEXT, TEMPLATE_TOPIC, TEMPLATE_KEY, TEMPLATE_FIELD };

struct template
{
    struct template_part {
        enum template_kind kind;
        char *text; /* TEMPLATE_TEXT, or the path of a field */
    } parts[TEMPLATE_PARTS_MAX];
    size_t count;
};

/* How what is filled in is written. */
typedef void template_writer(struct text *text, const char *bytes, size_t size);
template_writer template_write_plain;
template_writer template_write_url; /* percent-encoded, all but unreserved characters: it stays one segment */

/* "${" without "}", "${}" and too many parts are mistakes. -1: MR_ERR_CONFIG, MR_ERR_NO_MEMORY; nothing to release. */
int template_read(struct template *template, const char *source, struct mr_error **error);
void template_release(struct template *template);
bool template_has(const struct template *template, enum template_kind kind);
/* Appends. -1: MR_ERR_DATA: the record lacks what a placeholder names; or no memory. */
int template_fill(const struct template *template, const struct mr_record *record, template_writer *write,
                  struct text *text, struct mr_error **error);
/* A key, header or field as text: strings and bytes as they are, everything else as Java's toString. */
int template_value_text(struct text *text, const struct mr_value *value, struct mr_error **error);

#endif
