/*
 * charset: text in a charset other than UTF-8, through iconv, with the manners of Java's coders: an ill-formed part
 * becomes U+FFFD, a character that the charset lacks becomes '?', "UTF-16" writes big-endian with a byte order mark.
 *
 * Life cycle: _open (NULL: no such charset) → any number of conversions → _close. One thread at a time.
 */
#ifndef STRING_CHARSET_H
#define STRING_CHARSET_H

#include "text.h"

struct charset;

/* `*is_utf8` says that none is needed; the result is NULL then too. */
struct charset *charset_open(const char *name, bool *is_utf8, struct mr_error **error);
void charset_close(struct charset *charset);

int charset_decode(struct charset *charset, struct mr_arena *arena, struct mr_bytes bytes, struct mr_bytes *utf8,
                   struct mr_error **error);
int charset_encode(struct charset *charset, struct mr_arena *arena, struct mr_bytes utf8, struct mr_bytes *bytes,
                   struct mr_error **error);

#endif
