/*
 * text_distance: how many letters must be changed, added or left out to make one text of the other? Case does not count. For
 * suggestions to somebody who misspelt a name.
 *
 * thread: any. locks: none.
 */
#ifndef BASE_TEXT_DISTANCE_H
#define BASE_TEXT_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_DISTANCE_MAX_BYTES 200 /* longer ones are not compared */
#define TEXT_DISTANCE_FAR SIZE_MAX

size_t text_distance(const char *one, size_t one_length, const char *other, size_t other_length);

#endif
