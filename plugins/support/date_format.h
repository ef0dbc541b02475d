/*
 * date_format: instants to text and back by the patterns of java.text.SimpleDateFormat (JDK 17, texts of en_US), lenient as it is.
 *
 * Zone: UTC. A zone's name that was parsed (pattern letters z and Z) becomes the zone in which the same format prints from then
 * on, as in Java, but as a fixed offset: with PST parsed, dates in summer print as PST too, where Java knows PDT. Of Java's 600
 * zones the names of some thirty are known (date_names.c); others do not parse.
 *
 * Life cycle: _create → any number of prints and parses → _destroy. Thread: one at a time.
 */
#ifndef SUPPORT_DATE_FORMAT_H
#define SUPPORT_DATE_FORMAT_H

#include "text.h"

struct date_format;

/* NULL: MR_ERR_CONFIG (no such pattern letter, an open quote, too many X), or no memory. */
struct date_format *date_format_create(const char *pattern, struct mr_error **error);
void date_format_destroy(struct date_format *format);

/* Appends. */
void date_format_print(const struct date_format *format, int64_t ms, struct text *text);

/* `text` is valid UTF-8. What stands behind the end of the pattern is not looked at. false: it does not match. */
bool date_format_parse(struct date_format *format, struct mr_bytes text, int64_t *ms) MR_MUST_USE;

#endif
