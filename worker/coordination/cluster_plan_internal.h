/*
 * cluster_plan's back room: what its files share. A plan is made in three steps: look (cluster_plan_look.c: who is alive, where each
 * unit stands), compute (cluster_plan.c), write (cluster_plan_write.c: units into the assignments and the head).
 */
#ifndef COORDINATION_CLUSTER_PLAN_INTERNAL_H
#define COORDINATION_CLUSTER_PLAN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordination/assignment.h"
#include "coordination/cluster_plan.h"

#define NOBODY ASSIGNMENT_NOWHERE
#define TEXT_SIZE 2048     /* a URL and a number */
#define RECORD_WAIT_MS 500 /* look again; how long a member may stay without a record is the caller's to say (is_unfit) */

/* Where one unit of the work stands, by what was read. Workers are indexes. */
struct place {
    int32_t owner;      /* alive, has it in `units` */
    int32_t holder;     /* alive, has it in `revoking`, not acknowledged */
    int32_t released_by; /* alive, has acknowledged */
    int32_t orphan_of;  /* gone; had it */
    int32_t prepared_by;
    int64_t preparing_since_ms;
    bool is_double;     /* more than one owner or holder */
    bool was_balance;   /* revoked for the balance: has no home to go back to */
    bool waits;         /* for its worker to come back */
    int64_t waits_until_ms;
    int64_t away_since_ms;
    const char *home; /* URL; NULL: none */
};

struct planner {
    const struct cluster_plan_input *input;
    struct cluster_plan *plan;
    struct place *places;           /* of the work, by index */
    struct assignment_unit *units;  /* those that do not wait; `worker` NOBODY for the others */
    struct assignment_worker *workers;
    bool *alive;
    bool no_memory;
};

/* --- looking ---------------------------------------------------------------------------------------------------------- */

/* Its member record, if it is of the run that is in the group. */
const struct cluster_member *planner_present_member(const struct cluster_worker *worker);
/* The assignment is for the run that is alive: what it lists may be running. */
bool planner_is_obeyed(const struct planner *planner, size_t worker);
/* NOBODY: not known. */
int32_t planner_worker_of_url(const struct planner *planner, const char *url);
bool planner_someone_takes_work(const struct planner *planner);
/* The revocation `text` says. */
bool planner_is_acknowledged(const struct cluster_worker *worker, const char *connector, int32_t task, const char *text);
/* Its worker came back under its name and will say in a moment what it is. */
bool planner_waits_for_record(const struct planner *planner, const struct place *place);
void planner_look_at_workers(struct planner *planner);
void planner_look_at_places(struct planner *planner);

/* --- writing ---------------------------------------------------------------------------------------------------------- */

void planner_put_unit(struct planner *planner, struct unit_map *map, const char *connector, int32_t task, const char *text);
void planner_write_work(struct planner *planner);
/* The stamp that a worker's assignment gets if it is written. */
struct cluster_stamp planner_stamp_of(const struct planner *planner, int32_t worker);
/* What is no work any more (deleted, stopped, fewer tasks) may still run: it is revoked like everything else. */
void planner_write_removed(struct planner *planner, size_t worker);

#endif
