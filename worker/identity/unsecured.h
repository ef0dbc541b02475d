/*
 * unsecured: tokens without a signature (RFC 7515, alg none), which Kafka takes on test clusters only. Pure.
 */
#ifndef IDENTITY_UNSECURED_H
#define IDENTITY_UNSECURED_H

#include <stdint.h>

struct token_settings;

/* The settings' claims (a JSON object without iat and exp), and these two. NULL: no memory. */
char *unsecured_jws(const struct token_settings *settings, int64_t now_wall_ms);

#endif
