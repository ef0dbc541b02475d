/*
 * jwt_keys: a JWK set, reduced to what checks signatures: keys with a kid, of a kind we take, each as a fresh object of
 * public numbers. Immutable once read; a key handed out is a copy. Pure.
 */
#ifndef ACCESS_JWT_KEYS_INTERNAL_H
#define ACCESS_JWT_KEYS_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct mr_error;

enum jwt_algorithm { JWT_RS256, JWT_ES256 };

/* {"<kid>": {"RS256": jwk, "ES256": jwk}}. NULL: MR_ERR_CONFIG, MR_ERR_NO_MEMORY. */
json_t *jwt_keys_parse(const char *text, size_t length, struct mr_error **error);
/* A copy for the caller (json_decref). NULL: not there, *is_known false; or no memory. */
json_t *jwt_keys_find(const json_t *keys, const char *kid, enum jwt_algorithm algorithm, bool *is_known);
size_t jwt_keys_count(const json_t *keys);

const char *jwt_algorithm_name(enum jwt_algorithm algorithm);

#endif
