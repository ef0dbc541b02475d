/*
 * tidy: gives the system back what a burst of work has left behind.
 *
 * Free memory that malloc holds in the middle of its arenas, and pages of program files (text and constants) that were needed once, at
 * the start: what is used again comes back from the page cache, a fault a page. It takes some milliseconds; call it when nothing is to do.
 * At most once in TIDY_LEAST_MS; sooner it does nothing.
 *
 * thread: any. locks: the loader's own, for the moment.
 */
#ifndef BASE_TIDY_H
#define BASE_TIDY_H

#include <stdbool.h>

#define TIDY_LEAST_MS 10000

/* false: it was tidied a moment ago. */
bool tidy(void);

#endif
