/*
 * Regular expressions in Java's dialect: "expression\ntext\nreplacement". What is refused is refused with words; a match ends,
 * and tells groups that lie in the text; replacing in UTF-8 gives UTF-8. The same in a text of so many copies that it is counted.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str_buffer.h"
#include "base/utf8.h"
#include "regex/java_regex.h"

#define RESULT_MAX ((size_t)1 << 22)
#define LONG_BYTES 1000

static void must(int fact)
{
    if (!fact)
        abort();
}

static void put(void *to, const char *bytes, size_t size)
{
    str_buffer_append(to, bytes, size);
}

static void match(struct java_regex *regex, const char *text, const char *replacement)
{
    char why[200] = "";
    size_t size = strlen(text), at, length;
    struct str_buffer result;
    bool whole = java_regex_matches(regex, text, size);
    must(!whole || (java_regex_group(regex, 0, &at, &length) && at == 0 && length == size));
    must(!whole || java_regex_failure(regex) == NULL);
    bool found = java_regex_find(regex, text, size);
    must(!whole || found || java_regex_failure(regex) != NULL);
    for (size_t i = 0; i <= java_regex_group_count(regex); i++)
        must(!java_regex_group(regex, i, &at, &length) || (at <= size && length <= size - at));
    str_buffer_init(&result, RESULT_MAX);
    bool replaced = java_regex_replace_first(regex, text, size, replacement, put, &result, why, sizeof(why));
    must(replaced || why[0] != '\0');
    if (replaced && utf8_valid(text, size) && utf8_valid(replacement, strlen(replacement)))
        must(utf8_valid(str_buffer_text(&result), result.length));
    str_buffer_release(&result);
}

static void match_many(struct java_regex *regex, const char *text)
{
    size_t size = strlen(text), copies = size == 0 ? 0 : 1 + LONG_BYTES / size, at, length;
    char *copied = malloc(copies * size + 1);
    must(copied != NULL);
    for (size_t i = 0; i < copies; i++)
        memcpy(copied + i * size, text, size);
    size *= copies;
    java_regex_find(regex, copied, size);
    must(java_regex_steps(regex) <= JAVA_REGEX_STEPS_MAX + size * (JAVA_REGEX_STEPS_PER_BYTE + 1) + 1);
    for (size_t i = 0; i <= java_regex_group_count(regex); i++)
        must(!java_regex_group(regex, i, &at, &length) || (at <= size && length <= size - at));
    java_regex_matches(regex, copied, size);
    free(copied);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char why[200] = "", *input = malloc(length + 1);
    must(input != NULL);
    memcpy(input, bytes, length);
    input[length] = '\0';
    char *rest = input, *expression = strsep(&rest, "\n"), *text = strsep(&rest, "\n");
    struct java_regex *regex = java_regex_create(expression, why, sizeof(why));
    must(regex != NULL || why[0] != '\0');
    if (regex != NULL)
        match(regex, text == NULL ? "" : text, rest == NULL ? "$0" : rest);
    if (regex != NULL && text != NULL)
        match_many(regex, text);
    java_regex_destroy(regex);
    free(input);
    return 0;
}
