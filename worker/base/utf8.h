/*
 * utf8: checking, reading and writing UTF-8 as RFC 3629 has it: no surrogates, nothing above U+10FFFF, shortest form.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xFFFDu

bool utf8_valid(const void *bytes, size_t length);
size_t utf8_valid_length(const void *bytes, size_t length);   /* of the longest valid start */

/* Reads one code point. Returns the bytes it took (1–4); 0: length is 0, or the bytes are not valid UTF-8. */
size_t utf8_decode(const void *bytes, size_t length, uint32_t *code_point);

/* Writes one code point, 1–4 bytes, no NUL. 0: a surrogate or beyond U+10FFFF. */
size_t utf8_encode(uint32_t code_point, char out[4]);

/* The longest length <= limit that does not cut a character in two; for valid UTF-8. */
size_t utf8_cut(const void *bytes, size_t length, size_t limit);

#endif
