/* digit: Java takes the decimal digits of every script (of the basic plane) where it reads numbers. */
#ifndef SUPPORT_DIGIT_H
#define SUPPORT_DIGIT_H

#include <stddef.h>

/* One beyond ASCII. */
size_t digit_of_script_at(const char *at, size_t left, char *ascii);

/* The bytes of the digit at `at`, 0: none there. `left` bytes of UTF-8 are there. */
static inline size_t digit_at(const char *at, size_t left, char *ascii)
{
    if (left == 0)
        return 0;
    if ((unsigned char)*at >= 0x80)
        return digit_of_script_at(at, left, ascii);
    if (*at < '0' || *at > '9')
        return 0;
    *ascii = *at;
    return 1;
}

#endif
