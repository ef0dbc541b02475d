/* utf8_text: UTF-8 from anywhere, made valid as Java's decoder does: each ill-formed part becomes one U+FFFD. */
#ifndef STRING_UTF8_TEXT_H
#define STRING_UTF8_TEXT_H

#include "text.h"

/* The same bytes if they are valid, else a repaired copy in the arena. data NULL: no memory. */
struct mr_bytes utf8_text_repair(struct mr_arena *arena, struct mr_bytes bytes);

/* Bytes of the character at `at`, 0 if it is ill-formed. */
size_t utf8_text_character(const unsigned char *at, size_t left);

#endif
