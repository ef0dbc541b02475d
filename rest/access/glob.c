#include "access/glob_internal.h"

#include <stddef.h>

#include "base/bans.h"

/* Only the last star is ever tried again: an earlier one that took more could not help. */
bool glob_matches(const char *pattern, const char *text)
{
    const char *after_star = NULL, *retry = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            after_star = ++pattern;
            retry = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (after_star != NULL) {
            pattern = after_star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
