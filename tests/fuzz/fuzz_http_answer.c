/*
 * What an HTTP target and a token endpoint may send: Retry-After and Date (a line each), an answer with a token, an answer with results per
 * record. Waits stay within their limit, a token can stand in a header, a status is one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "results.h"
#include "retry_after.h"
#include "token.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define WAIT_MAX_MS 300000

static void must(int fact)
{
    if (!fact)
        abort();
}

static void try_retry_after(const char *text)
{
    char *first = strdup(text), *second = strchr(first, '\n');
    int64_t wait_ms;

    if (second != NULL)
        *second++ = '\0';
    wait_ms = retry_after_ms(first, second, 784111777, WAIT_MAX_MS);
    must(wait_ms >= -1 && wait_ms <= WAIT_MAX_MS);
    free(first);
}

static void try_token(const char *text, size_t size)
{
    const struct http_oauth2 oauth2 = {.token_name = "access_token"};
    struct token token = {0};
    struct mr_error *error = NULL;
    int status = token_read(&token, &oauth2, (struct mr_bytes){.data = text, .size = size}, 1000, &error);

    must((status == 0) == (token.header != NULL) && (status == 0) == (error == NULL));
    for (const char *c = token.header; c != NULL && *c != '\0'; c++)
        must(*c >= ' ' && *c <= '~');
    must(status != 0 || token.expires_ms >= 1000);
    mr_error_drop(error);
    token_release(&token);
}

static void try_results(const char *text, size_t size)
{
    static const char *const paths[] = {".", "items", "a.b"};
    struct mr_arena *arena = mr_arena_create(ARENA_BYTES);

    must(arena != NULL);
    for (size_t i = 0; i < 3; i++) {
        struct results results;

        results_read(&results, arena, (struct mr_bytes){.data = text, .size = size}, paths[i], "*.status", 2);
        for (size_t record = 0; record < 3; record++) {
            long status = results_status(&results, record);

            must(status == 0 || (status >= 100 && status <= 599));
        }
    }
    mr_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = malloc(length + 1);

    must(text != NULL);
    if (length > 0)
        memcpy(text, bytes, length);
    text[length] = '\0';
    try_retry_after(text);
    try_token(text, length);
    try_results(text, length);
    free(text);
    return 0;
}
