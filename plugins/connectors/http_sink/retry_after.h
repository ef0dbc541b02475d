/* retry_after: what a target says about when to come again (RFC 9110, 10.2.3): seconds, or a date in any of the three forms. */
#ifndef HTTP_SINK_RETRY_AFTER_H
#define HTTP_SINK_RETRY_AFTER_H

#include <stdint.h>

/* Milliseconds from now, at most `max_ms`; -1: the text says nothing. A date counts from `date`, the answer's own Date header, so
 * that clocks which differ do no harm; without one (NULL, or not a date) from now_s, seconds since 1970. A past date is 0. */
int64_t retry_after_ms(const char *text, const char *date, int64_t now_s, uint32_t max_ms);

#endif
