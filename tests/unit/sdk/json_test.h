/* json_test: what the tests of JSON share. Include after cmocka.h. */
#ifndef SDK_JSON_TEST_H
#define SDK_JSON_TEST_H

#include <millrace/json.h>
#include <stdio.h>
#include <string.h>

#include "sdk/schema_internal.h"

static struct mr_arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = mr_arena_create(64 << 20);
    return arena == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    (void)state;
    mr_arena_destroy(arena);
    return schema_interned_count() == 0 ? 0 : -1;
}

static inline struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){.data = text, .size = strlen(text)};
}

/* The schema that a text means, kept by the arena. */
static inline const struct mr_schema *schema_of(const char *text)
{
    const struct mr_schema *schema = mr_json_schema_read(bytes_of(text), NULL);
    assert_non_null(schema);
    assert_int_equal(mr_arena_keep_schema(arena, schema), 0);
    mr_schema_drop(schema);
    return schema;
}

static inline const struct mr_value *value_as(const char *text, const struct mr_schema *schema)
{
    struct mr_error *error = NULL;
    const struct mr_value *value = mr_json_read_as(arena, bytes_of(text), schema, 0, &error);
    if (value == NULL)
        fail_msg("%s: %s", text, mr_error_message(error));
    assert_null(error);
    return value;
}

static inline void assert_refused_as(const char *text, const struct mr_schema *schema)
{
    struct mr_error *error = NULL;
    if (mr_json_read_as(arena, bytes_of(text), schema, 0, &error) != NULL)
        fail_msg("%s was taken", text);
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    mr_error_drop(error);
}

static inline void assert_text(const struct mr_value *value, const char *expected)
{
    assert_int_equal(mr_value_kind(value), MR_KIND_STRING);
    struct mr_bytes bytes = mr_value_bytes(value);
    assert_int_equal(bytes.size, strlen(expected));
    assert_memory_equal(bytes.data, expected, bytes.size);
}

/* What the value is written as. */
static inline void assert_written(const struct mr_schema *schema, const struct mr_value *value, const char *expected)
{
    struct mr_error *error = NULL;
    struct mr_bytes text;
    if (mr_json_write(arena, schema, value, 0, &text, &error) != 0)
        fail_msg("%s: %s", expected, mr_error_message(error));
    if (text.size != strlen(expected) || memcmp(text.data, expected, text.size) != 0)
        fail_msg("written %.*s instead of %s", (int)text.size, (const char *)text.data, expected);
}

#endif
