/*
 * encode: schemas, values and records to JSON: the form of the corpus (tests/corpus/README.md).
 *
 * The result is the caller's to json_decref; NULL: no memory. Text that is not UTF-8 has its bad bytes replaced by U+FFFD.
 */
#ifndef DRY_RUN_ENCODE_H
#define DRY_RUN_ENCODE_H

#include <jansson.h>
#include <millrace/record.h>

json_t *encode_schema(const struct mr_schema *schema);
/* `place`: the schema of where it stands; may be NULL. */
json_t *encode_value(const struct mr_value *value, const struct mr_schema *place);
json_t *encode_record(const struct mr_record *record);
/* In base64; data NULL is null. */
json_t *encode_bytes(struct mr_bytes bytes);
json_t *encode_text(struct mr_bytes text);
/* NULL is null. */
json_t *encode_text_or_null(const char *text);
json_t *encode_integer_text(int64_t number); /* "42" */

/* Objects and lists that are put together: both take what they are given, and answer NULL, with all freed, where one of the two is
 * NULL or memory is short. */
json_t *encode_with(json_t *object, const char *name, json_t *value);
json_t *encode_and(json_t *list, json_t *value);

#endif
