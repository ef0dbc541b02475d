/* mutate: the driver's own test. Every leaf of an `expect` is altered in turn, and the comparison has to notice. */
#ifndef GOLDEN_MUTATE_H
#define GOLDEN_MUTATE_H

#include <jansson.h>
#include <stddef.h>

struct mutate_result {
    size_t leaves;     /* that were altered */
    size_t overlooked; /* of them, without the comparison noticing */
    char first[256];   /* the path of the first one overlooked */
};

/* `outcome` equals `expected` by compare_outcome. Members that are information only (text, message, …) are left out. */
void mutate_every_leaf(const json_t *expected, const json_t *outcome, const char *operation,
                       struct mutate_result *result);

#endif
