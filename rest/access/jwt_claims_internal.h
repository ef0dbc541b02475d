/*
 * jwt_claims: what a token says, checked for us and now, and as an identity. Does not know signatures. Pure.
 */
#ifndef ACCESS_JWT_CLAIMS_INTERNAL_H
#define ACCESS_JWT_CLAIMS_INTERNAL_H

#include <jansson.h>
#include <stdint.h>

#include "base/ptr_array.h"

struct identity;

#define JWT_CLAIMS_DEPTH_MAX 3
#define JWT_NO_MEMORY "no memory"

struct jwt_rules {
    char *issuer, *name_claim;
    struct ptr_array audiences, group_claims;   /* char * */
    int64_t clock_skew_s;
};

/* NULL: fine; else what is wrong with them, static. */
const char *jwt_claims_problem(const struct jwt_rules *rules, const json_t *claims, int64_t now_ms);
/* NULL: why is set, static (JWT_NO_MEMORY). */
struct identity *jwt_claims_identity(const struct jwt_rules *rules, const json_t *claims, const char **why);

#endif
