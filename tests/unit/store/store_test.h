/* What every test of this folder includes: CMocka and the headers it wants before it. */
#ifndef STORE_TEST_H
#define STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/str_buffer.h"
#include "store/record_text_internal.h"

#define RUN_TESTS(...)                                                  \
    int main(void)                                                      \
    {                                                                   \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };              \
        return cmocka_run_group_tests(tests, NULL, NULL);               \
    }

#define NEVER INT64_MAX

/* A record as a test writes it; value NULL: a tombstone. */
struct text_record {
    const char *key, *value;
};

/* "KEY=VALUE", one line each, KEY=~ for a tombstone: what was written, to be compared as a whole. */
static inline void written_add(struct str_buffer *written, const struct store_record *record)
{
    str_buffer_append(written, record->key.data, record->key.size);
    str_buffer_append_char(written, '=');
    if (record->value.data == NULL)
        str_buffer_append_char(written, '~');
    else
        str_buffer_append(written, record->value.data, record->value.size);
    str_buffer_append_char(written, '\n');
}

/* Compares and empties. */
static inline void assert_written(struct str_buffer *written, const char *expected)
{
    assert_string_equal(str_buffer_text(written), expected);
    str_buffer_clear(written);
}

static inline void assert_no_error(struct mr_error *error)
{
    if (error != NULL)
        fail_msg("%s", mr_error_message(error));
}

/* The error must be there, with that code and those words in it; drops it. */
static inline void assert_error(struct mr_error **error, enum mr_error_code code, const char *words)
{
    assert_non_null(*error);
    assert_int_equal(mr_error_code(*error), code);
    if (strstr(mr_error_message(*error), words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", mr_error_message(*error), words);
    mr_error_clear(error);
}

#endif
