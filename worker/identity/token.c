#include "identity/token.h"

#include <string.h>

#include "base/mem.h"
#include "base/secrets.h"

#include "base/bans.h"

struct token *token_create(const char *text, const char *principal, int64_t fetched_ms, int64_t expires_ms)
{
    struct token *token = mem_calloc(1, sizeof *token);
    if (token == NULL)
        return NULL;
    refcount_init(&token->refcount);
    token->text = mem_strdup(text);
    token->principal = mem_strdup(principal);
    token->fetched_ms = fetched_ms;
    token->expires_ms = expires_ms;
    if (token->text == NULL || token->principal == NULL) {
        token_drop(token);
        return NULL;
    }
    secrets_note(text);
    return token;
}

struct token *token_take(struct token *token)
{
    refcount_take(&token->refcount);
    return token;
}

void token_drop(struct token *token)
{
    if (token == NULL || !refcount_drop(&token->refcount))
        return;
    if (token->text != NULL)
        explicit_bzero(token->text, strlen(token->text));
    mem_free(token->text);
    mem_free(token->principal);
    mem_free(token);
}
