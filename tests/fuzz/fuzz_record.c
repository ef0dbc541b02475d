/*
 * Records as people hand them to a dry run: any JSON is read or refused in words; what was read, written out and read again, is
 * written out the same.
 */
#include <millrace/error.h>
#include <stdint.h>
#include <stdlib.h>

#include "dry_run/decode.h"
#include "dry_run/encode.h"

#define BATCH_BYTES ((size_t)256 << 20)

static void must(int fact)
{
    if (!fact)
        abort();
}

/* NULL: it is none. json_decref. */
static json_t *pass(const json_t *json, struct mr_error **error)
{
    struct mr_batch *batch = mr_batch_create(BATCH_BYTES);
    must(batch != NULL);
    struct mr_record *record = decode_record(batch, json, error);
    json_t *written = record == NULL ? NULL : encode_record(record);
    must(record == NULL || written != NULL);
    mr_batch_drop(batch);
    return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct mr_error *error = NULL;
    json_t *json = json_loadb((const char *)bytes, length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    json_t *written = json == NULL ? NULL : pass(json, &error);
    must(json == NULL || (written == NULL) == (error != NULL));
    mr_error_clear(&error);
    json_t *again = written == NULL ? NULL : pass(written, &error);
    must(error == NULL && (written == NULL || json_equal(written, again)));
    json_decref(json);
    json_decref(written);
    json_decref(again);
    return 0;
}
