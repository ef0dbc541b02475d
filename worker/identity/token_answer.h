/*
 * token_answer: what a token endpoint, or a file, says: the token, its subject, how long it counts. Pure. Reasons hold nothing of the
 * text but the code of an OAuth error and Microsoft's number for it.
 */
#ifndef IDENTITY_TOKEN_ANSWER_H
#define IDENTITY_TOKEN_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "identity/token.h"

struct mr_error;

#define TOKEN_ANSWER_MAX (1u << 20)      /* bytes, as in Kafka */
#define TOKEN_LIFE_UNKNOWN_MS 300000     /* of a token that says nothing about its end */
#define TOKEN_LIFE_MAX_MS (INT64_C(366) * 86400000)
#define TOKEN_REASON_MAX 160

/* What is known of a token, apart from clocks. Times of 0: not said. */
struct token_answer {
    char *text;                      /* mem_free after wiping: token_answer_release */
    char principal[TOKEN_PRINCIPAL_MAX];
    int64_t life_ms;                 /* expires_in */
    int64_t issued_s, expires_s;     /* iat and exp of a JWT, or expires_on; since 1970 by the issuer's clock */
};

/* A JSON object with access_token, or id_token. -1: MR_ERR_DATA. sub_claim: the claim that names the subject. */
int token_answer_read(struct token_answer *answer, const char *text, size_t length, const char *sub_claim, struct mr_error **error);
/* The content of a file: one JWT, blanks around it. */
int token_answer_read_jwt(struct token_answer *answer, const char *text, size_t length, const char *sub_claim,
                          struct mr_error **error);
void token_answer_release(struct token_answer *answer);

/* How long it counts from when it was asked for; 0: it has ended. now_s: of the issuer's clock at that time, as far as it is known;
 * 0: it is not. */
int64_t token_answer_life_ms(const struct token_answer *answer, int64_t now_s);

/* "invalid_client", "invalid_client (AADSTS7000215)" of an error answer; "" when it says none. */
void token_answer_reason(const char *text, size_t length, char reason[TOKEN_REASON_MAX]);

#endif
