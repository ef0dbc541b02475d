/*
 * JSON to values and back. The first byte chooses the flags, the rest is the text. What is read without a schema and
 * written is written the same when read again; so is, after a lap or two, what is read with an envelope; whatever is
 * refused is refused with words; skipping and reading agree about the grammar.
 */
#include <millrace/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define ARENA_BYTES ((size_t)64 << 20)

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

/* Refusals have words, and are not about memory. */
static void must_be_explained(struct mr_error *error)
{
    must(error != NULL && mr_error_code(error) == MR_ERR_DATA && mr_error_message(error)[0] != '\0');
    must(utf8_valid(mr_error_message(error), strlen(mr_error_message(error))));
    mr_error_drop(error);
}

static void must_be_written_alike(struct mr_bytes one, struct mr_bytes other)
{
    must(one.size == other.size && memcmp(one.data, other.data, one.size) == 0);
}

/* Reads and writes LAPS times. The first lap may change things (coercion, large numbers), the second may turn
 * "Infinity" and -0.0 into 0.0. */
#define LAPS 3

static void schemaless(struct mr_arena *arena, struct mr_bytes text, uint32_t flags)
{
    for (int lap = 0; lap < LAPS; lap++) {
        struct mr_error *error = NULL;
        struct mr_bytes written = {.data = NULL};
        const struct mr_value *value = mr_json_read(arena, text, lap == 0 ? flags : flags | MR_JSON_WHOLE_TEXT, &error);
        if (value == NULL) {
            must(lap == 0);
            must_be_explained(error);
            return;
        }
        must(error == NULL);
        must(mr_json_write(arena, NULL, value, flags, &written, &error) == 0);
        must(utf8_valid(written.data, written.size));
        if (lap == LAPS - 1)
            must_be_written_alike(text, written);
        text = written;
    }
}

static void enveloped(struct mr_json_envelope *codec, struct mr_arena *arena, struct mr_bytes text, uint32_t flags)
{
    for (int lap = 0; lap < LAPS; lap++) {
        struct mr_error *error = NULL;
        const struct mr_schema *schema;
        const struct mr_value *value;
        struct mr_bytes written = {.data = NULL};
        if (mr_json_envelope_read(codec, arena, text, &schema, &value, &error) != 0) {
            must(lap == 0 || (flags & MR_JSON_DECIMAL_NUMERIC) != 0); /* such exponents can be written, not read */
            must_be_explained(error);
            return;
        }
        /* Coercion may leave nulls that a required place refuses, and decimals of another scale than the schema's. */
        if (mr_json_envelope_write(codec, arena, schema, value, &written, &error) != 0) {
            must_be_explained(error);
            return;
        }
        must(utf8_valid(written.data, written.size));
        if (lap == LAPS - 1)
            must_be_written_alike(text, written);
        text = written;
    }
}

/* A struct without fields skips all that a map would read: both must agree whether it is JSON. */
static void skipped(struct mr_arena *arena, struct mr_bytes text)
{
    static const char none[] = "{\"type\":\"struct\",\"fields\":[]}";
    const struct mr_schema *schema = mr_json_schema_read((struct mr_bytes){none, sizeof(none) - 1}, NULL);
    const struct mr_value *read = mr_json_read(arena, text, 0, NULL);
    const struct mr_value *passed = mr_json_read_as(arena, text, schema, 0, NULL);
    must(passed == NULL || (read != NULL && mr_value_kind(read) == MR_KIND_MAP));
    must(passed != NULL || read == NULL || mr_value_kind(read) != MR_KIND_MAP);
    mr_schema_drop(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    uint32_t flags = bytes[0] & (MR_JSON_DECIMAL_NUMERIC | MR_JSON_KEEP_NULLS | MR_JSON_WHOLE_TEXT | MR_JSON_COPY_TEXT);
    struct mr_bytes text = {.data = bytes + 1, .size = length - 1};
    struct mr_arena *arena = mr_arena_create(ARENA_BYTES);
    struct mr_json_envelope *codec = mr_json_envelope_create(flags, 2);
    must(arena != NULL && codec != NULL);
    schemaless(arena, text, flags);
    skipped(arena, text);
    enveloped(codec, arena, text, flags);
    enveloped(codec, arena, text, flags); /* with the caches filled */
    mr_json_envelope_destroy(codec);
    mr_arena_destroy(arena);
    return 0;
}
