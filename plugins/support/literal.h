/* literal: text to values by the rules of Kafka Connect's Values.parseString: what SimpleHeaderConverter reads.
 *
 * null, true, false, numbers in the smallest fitting type, dates and times in ISO 8601, [lists], {maps: of} things; whatever
 * is none of these is a string. Never refuses a text. */
#ifndef SUPPORT_LITERAL_H
#define SUPPORT_LITERAL_H

#include <millrace/value.h>

/* Deeper lists and maps than a schema can be. */
#define LITERAL_DEPTH_MAX 400

enum literal_result {
    LITERAL_READ,
    LITERAL_TOO_DEEP, /* nested beyond LITERAL_DEPTH_MAX: nothing was read */
    LITERAL_FAILED    /* no memory; *error is set */
};

/* `text` is valid UTF-8 and outlives the arena's content. The schema (NULL for null) is kept by the arena or lives for
 * ever. */
enum literal_result literal_read(struct mr_arena *arena, struct mr_bytes text, const struct mr_schema **schema,
                                 const struct mr_value **value, struct mr_error **error);

#endif
