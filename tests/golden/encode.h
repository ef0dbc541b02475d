/* encode: schemas, values and records to the JSON of the golden corpus. The result is the caller's to json_decref. */
#ifndef GOLDEN_ENCODE_H
#define GOLDEN_ENCODE_H

#include <millrace/record.h>
#include <jansson.h>

json_t *encode_schema(const struct mr_schema *schema);
/* `place`: the schema of where it stands; may be NULL. */
json_t *encode_value(const struct mr_value *value, const struct mr_schema *place);
json_t *encode_record(const struct mr_record *record);
/* data NULL is null. */
json_t *encode_bytes(struct mr_bytes bytes);

#endif
