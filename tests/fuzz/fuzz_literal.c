/*
 * Header text as SimpleHeaderConverter reads it: any text is read, at most too deep; twice read is the same; a schema goes with
 * every value but null.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "literal.h"

#define ARENA_BYTES ((size_t)256 << 20)

static void must(int fact)
{
    if (!fact)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct mr_schema *schemas[2];
    const struct mr_value *values[2];
    enum literal_result results[2];
    struct mr_arena *arena = mr_arena_create(ARENA_BYTES);
    must(arena != NULL);
    for (int i = 0; i < 2 && utf8_valid(bytes, length); i++) {
        struct mr_error *error = NULL;
        struct mr_bytes text = {.data = bytes, .size = length};
        results[i] = literal_read(arena, text, &schemas[i], &values[i], &error);
        must((results[i] == LITERAL_FAILED) == (error != NULL));
        mr_error_drop(error);
        if (results[i] != LITERAL_READ)
            break;
        must((schemas[i] == NULL) == mr_value_is_null(values[i]));
        must(i == 0 || (schemas[0] == schemas[1] && mr_value_equals(values[0], values[1])));
    }
    mr_arena_destroy(arena);
    return 0;
}
