/* instant_text: an instant in ISO 8601 as Kafka Connect's Values prints it. */
#ifndef SUPPORT_INSTANT_TEXT_H
#define SUPPORT_INSTANT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define INSTANT_TEXT_MAX 80

/* The magnitude alone decides: a time up to one day (and before 1970), a date at midnight, else a timestamp. In the zone of
 * the process, though a Z stands behind it. Returns the length; NUL-terminated. */
size_t instant_text(int64_t ms, char text[INSTANT_TEXT_MAX]);

#endif
