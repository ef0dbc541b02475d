/*
 * assignment: the ideal placement of units on workers. A pure function.
 *
 * Connectors and tasks are counted apart. In the result, for each kind:
 * - a unit stands on a worker that takes work (or keeps this one) and that its selector fits, or nowhere when there is none;
 * - balance: no unit could move to another worker it fits without making the balance worse or leaving it as it is; where all units
 *   fit everywhere and weigh 1, workers differ by one at most;
 * - few moves: a unit stays where it is unless it may not or the balance wants it elsewhere;
 * - home first: whatever does not stay stands at home, if that fits, unless the balance would be worse then;
 * - deterministic: the same input gives the same result, whatever runs it.
 *
 * Workers come sorted by id, units by connector and task (unit_compare). Thread: any.
 */
#ifndef COORDINATION_ASSIGNMENT_H
#define COORDINATION_ASSIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSIGNMENT_NOWHERE (-1)

struct assignment_worker {
    const char *id;
    const char *labels; /* placement.h; may be NULL */
    bool takes_work; /* gets units */
    bool keeps_work; /* may go on with those it has */
};

struct assignment_unit {
    const char *connector;
    int32_t task; /* UNIT_IS_CONNECTOR, or its number */
    const char *selector; /* may be NULL */
    uint32_t weight;      /* at least 1 */
    int32_t current; /* index of the worker it stands on, or ASSIGNMENT_NOWHERE */
    int32_t home;    /* index of the worker it belongs to, or ASSIGNMENT_NOWHERE */
    int32_t worker;  /* the result: an index or ASSIGNMENT_NOWHERE */
};

/* Fills in `worker` of every unit. false: no memory, nothing is filled in. */
bool assignment_compute(const struct assignment_worker *workers, size_t worker_count, struct assignment_unit *units,
                        size_t unit_count);

#endif
