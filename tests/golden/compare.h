/*
 * compare: is an outcome what a case expects? By the rules of tests/corpus/README.md: structurally, schemas in full, map
 * entries as a set, floats by their bits with all NaNs equal, errors by their kind.
 */
#ifndef GOLDEN_COMPARE_H
#define GOLDEN_COMPARE_H

#include <jansson.h>
#include <stdbool.h>

/* `operation`: "toConnect", "fromConnect", or NULL for records and predicates. */
bool compare_outcome(const json_t *expected, const json_t *outcome, const char *operation);
/* Is this bits of a NaN? `text` is hex of 8 or 16 digits. */
bool compare_is_nan(const char *text);

#endif
