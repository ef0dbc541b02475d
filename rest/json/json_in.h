/*
 * json_in: reads a JSON text (RFC 8259) piece by piece, as strict as can be: no comments, no trailing commas, nothing behind
 * the value. The text must be UTF-8 (a byte order mark is passed over).
 *
 * The first mistake makes the reader *broken*: from then on every call says no, and json_in_why() tells line, column and
 * what was expected. A text with U+0000 or half of a surrogate pair in a string is broken as well: nothing here could
 * keep it.
 *
 *     json_in_init(&in, text, length);
 *     if (json_in_enter(&in, JSON_IN_OBJECT))
 *         while (json_in_next_member(&in, &name))
 *             …json_in_scalar(&in, &value) or json_in_skip(&in)…
 *     json_in_end(&in);
 *
 * Numbers, true, false and null are handed out by their literal text. Borrows the text. One thread at a time.
 */
#ifndef JSON_JSON_IN_H
#define JSON_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_IN_DEPTH_MAX 200 /* arrays and objects inside each other; deeper is broken */

struct str_buffer;

enum json_in_kind {
    JSON_IN_OBJECT,
    JSON_IN_ARRAY,
    JSON_IN_STRING,
    JSON_IN_NUMBER,
    JSON_IN_TRUE,
    JSON_IN_FALSE,
    JSON_IN_NULL,
    JSON_IN_NOTHING, /* no value begins here: the end of the text, or a mistake */
};

struct json_in {
    const char *start, *at, *end;
    unsigned depth;
    bool is_first; /* nothing was read yet of the innermost array or object */
    bool broken;
    char why[160];
};

void json_in_init(struct json_in *in, const char *text, size_t length);

/* What the next value is; does not move. */
enum json_in_kind json_in_kind(struct json_in *in);

/* Steps into an object or an array; false: it is none (then broken). */
bool json_in_enter(struct json_in *in, enum json_in_kind kind);
/* Goes to the next member and reads its name, or, behind the last, leaves the object. false: left, or broken. */
bool json_in_next_member(struct json_in *in, struct str_buffer *name);
/* The same for an array. */
bool json_in_next_item(struct json_in *in);

/* Reads a string decoded, or another scalar by its text. `out` is cleared first; its limit is a mistake as any other. */
bool json_in_scalar(struct json_in *in, struct str_buffer *out);
/* Passes over a value of any kind. */
bool json_in_skip(struct json_in *in);

/* true: the whole text was read and nothing follows. */
bool json_in_end(struct json_in *in);

bool json_in_broken(const struct json_in *in);
const char *json_in_why(const struct json_in *in); /* "" unless broken */

#endif
