/*
 * What a token endpoint, or a file, says: a token is visible text within its limit, its life is within bounds, an error's reason holds
 * nothing but its code.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "identity/token_answer.h"

static void must(int fact)
{
    if (!fact)
        abort();
}

static void look(int status, struct token_answer *answer, struct mr_error *error)
{
    must((status == 0) == (answer->text != NULL) && (status == 0) == (error == NULL));
    if (status == 0) {
        must(*answer->text != '\0' && strlen(answer->text) <= TOKEN_TEXT_MAX);
        for (const char *c = answer->text; *c != '\0'; c++)
            must(*c > ' ' && *c <= '~');
        must(*answer->principal != '\0' && strlen(answer->principal) < TOKEN_PRINCIPAL_MAX);
        for (int64_t now_s = 0; now_s < INT64_C(4000000000); now_s += 1700000000) {
            int64_t life_ms = token_answer_life_ms(answer, now_s);
            must(life_ms >= 0 && life_ms <= TOKEN_LIFE_MAX_MS);
        }
        token_answer_release(answer);
    }
    mr_error_drop(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct token_answer answer;
    struct mr_error *error = NULL;
    char reason[TOKEN_REASON_MAX], *text = malloc(length + 1);

    must(text != NULL);
    if (length > 0)
        memcpy(text, bytes, length);
    text[length] = '\0';
    look(token_answer_read(&answer, text, length, "sub", &error), &answer, error);
    error = NULL;
    look(token_answer_read_jwt(&answer, text, length, "sub", &error), &answer, error);
    token_answer_reason(text, length, reason);
    must(strlen(reason) < sizeof reason && strspn(reason, "abcdefghijklmnopqrstuvwxyz_ ()ADST0123456789") == strlen(reason));
    free(text);
    return 0;
}
