/*
 * placement: labels of workers and selectors of connectors: who may run what.
 *
 * Labels (millrace.placement.labels): "zone=a,disk=ssd,spare": each key once, with a value or without one (the empty value).
 * Selector (millrace.placement.selector): terms that must all hold, as Kubernetes writes them: "zone=a", "zone==a", "zone!=b" (also
 * true where there is no zone), "spare" (there is such a key), "!spare" (there is none). Keys and values: letters, digits and
 * "-_./". Blanks around terms do not count. An empty selector fits everywhere.
 * Pure; thread any.
 */
#ifndef BASE_PLACEMENT_H
#define BASE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>

#define PLACEMENT_TEXT_MAX 4096

/* Does every term have its form? If not, `words` say which does not, and how it is written. */
bool placement_check_labels(const char *labels, char *words, size_t size);
bool placement_check_selector(const char *selector, char *words, size_t size);

/* Both are checked, or empty, or NULL. A term that is not understood (a later build's) holds nowhere. */
bool placement_fits(const char *selector, const char *labels);

#endif
