/*
 * glob: patterns of bindings. `*` stands for any number of any characters (also '/' and '.'), `?` for one byte, all else
 * for itself; case matters; the whole text must match. At most length × length steps. Pure; any thread.
 */
#ifndef ACCESS_GLOB_INTERNAL_H
#define ACCESS_GLOB_INTERNAL_H

#include <stdbool.h>

bool glob_matches(const char *pattern, const char *text);

#endif
