/* digit: Java takes the decimal digits of every script (of the basic plane) where it reads numbers. */
#ifndef SUPPORT_DIGIT_H
#define SUPPORT_DIGIT_H

#include <stddef.h>

/* The bytes of the digit at `at`, 0: none there. `left` bytes of UTF-8 are there. */
size_t digit_at(const char *at, size_t left, char *ascii);

#endif
