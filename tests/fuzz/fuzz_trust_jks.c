/*
 * The HTTP sink's reader of Java's trust stores: what it hands out lies within the store, and a mistake has words.
 */
#include <stdint.h>
#include <stdlib.h>

#include "trust_jks.h"

struct bounds {
    const uint8_t *begin, *end;
    unsigned sum;
};

static void must(int fact)
{
    if (!fact)
        abort();
}

static int take(void *owner, const unsigned char *der, size_t size)
{
    struct bounds *bounds = owner;

    must(der >= bounds->begin && size <= (size_t)(bounds->end - der));
    for (size_t i = 0; i < size; i++)
        bounds->sum += der[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct bounds bounds = {.begin = bytes, .end = bytes + length};

    if (length < 4) /* what the caller has told it by */
        return 0;
    for (int i = 0; i < 2; i++) {
        struct mr_error *error = NULL;
        int status = trust_jks_read("store", bytes, length, i == 0 ? NULL : "password", take, &bounds, &error);

        must((status == 0) == (error == NULL));
        mr_error_drop(error);
    }
    return 0;
}
