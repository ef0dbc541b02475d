/*
 * Date patterns: "pattern\ntext". A pattern is taken or refused with words; what was read can be printed, and so can the ends
 * of time; reading the same text again by the same pattern gives the same instant.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "date_format.h"

static void must(int fact)
{
    if (!fact)
        abort();
}

static void print(const struct date_format *format, struct mr_arena *arena, int64_t ms)
{
    struct text text = {.arena = arena};
    date_format_print(format, ms, &text);
    must(text.failed || utf8_valid(text.data == NULL ? "" : text.data, text.size));
}

static void use(struct date_format *format, const char *words)
{
    struct mr_arena *arena = mr_arena_create((size_t)64 << 20);
    struct mr_bytes text = {.data = words, .size = strlen(words)};
    int64_t first = 0, second = 0;
    must(arena != NULL);
    bool is_read = date_format_parse(format, text, &first);
    if (is_read)
        must(date_format_parse(format, text, &second) && first == second);
    print(format, arena, first);
    print(format, arena, INT64_MAX);
    print(format, arena, INT64_MIN);
    mr_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length > 4096 || !utf8_valid(bytes, length))
        return 0;
    char *input = malloc(length + 1);
    must(input != NULL);
    memcpy(input, bytes, length);
    input[length] = '\0';
    char *text = input, *pattern = strsep(&text, "\n");
    struct mr_error *error = NULL;
    struct date_format *format = date_format_create(pattern, &error);
    must((format == NULL) == (error != NULL));
    if (format != NULL)
        use(format, text == NULL ? "" : text);
    mr_error_drop(error);
    date_format_destroy(format);
    free(input);
    return 0;
}
