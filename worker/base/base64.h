/*
 * base64: RFC 4648 section 4, standard alphabet, padding always written and always demanded; no line breaks.
 * Unused bits of the last character are not looked at, as Java's decoders do not.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

size_t base64_encoded_length(size_t length);                 /* without a NUL */
size_t base64_decoded_max(size_t length);                    /* an upper bound */

/* Writes exactly base64_encoded_length(length) characters, no NUL; returns that number. */
size_t base64_encode(const void *bytes, size_t length, char *text);

/* Writes at most base64_decoded_max(length) bytes. false: not base64; what was written then means nothing. */
bool base64_decode(const char *text, size_t length, void *bytes, size_t *decoded_length);

#endif
