/* token: an OAuth2 access token (client credentials, RFC 6749 4.4): the request for it, what came of it, and until when it counts.
 *
 * Kept until TOKEN_MARGIN_MS before it expires (a tenth of its life if that is less); one whose answer names no life, or none above 0,
 * is kept until a target refuses it. Never logged; wiped when it ends. Thread: the task's. */
#ifndef HTTP_SINK_TOKEN_H
#define HTTP_SINK_TOKEN_H

#include <millrace/arena.h>

#include "settings.h"

#define TOKEN_MARGIN_MS 30000
#define TOKEN_BYTES_MAX (64u << 10)

struct token {
    char *header;        /* "Authorization: Bearer …", malloc; NULL: none */
    char *last_header;   /* of the one before: answers to what was sent with it are still to come, and may echo it */
    int64_t expires_ms;  /* on the monotonic clock, margin taken off; INT64_MAX: unknown */
    uint32_t generation; /* rises with each */
};

void token_retire(struct token *token); /* it counts no more */
void token_release(struct token *token);
bool token_counts(const struct token *token, int64_t now_ms);
/* Takes over what the token endpoint answered. -1: MR_ERR_CONNECT: not JSON, no token in it, a token that no header can hold. The
 * words hold nothing of the text. */
int token_read(struct token *token, const struct http_oauth2 *oauth2, struct mr_bytes body, int64_t now_ms,
               struct mr_error **error);
/* The form to be posted, malloc, to be wiped; NULL: no memory. And the header with the credentials, NULL where the form has them. */
char *token_form(const struct http_oauth2 *oauth2);
char *token_basic(const struct http_oauth2 *oauth2);
/* A value as it stands in the form, malloc, to be wiped; NULL: no memory. */
char *token_form_value(const char *value);

#endif
