/*
 * quarantine: units of work that have ended a worker process, as crash.h found them.
 *
 * A unit (a connector, or one of its tasks) that was named as culprit once is started again, and its first RUNNING status says what
 * happened. One that was named twice within QUARANTINE_WINDOW_MS is not started: it is FAILED with that reason, over any number
 * of restarts of the worker, until somebody restarts it or removes its connector (quarantine_forgive), or its connector has another
 * configuration. So a plugin that crashes ends the worker twice, not for ever, and the others run on.
 *
 * Named are units whose plugin call was inside when the signal came; not for a signal sent by another process, nor for calls that are
 * no part of a unit's life (validate, alter_offsets).
 *
 * In a cluster the next to start the unit is another worker. So a report is said to all workers, by the process itself while it dies or
 * by its next start (herder/crash_notes.c), and what all of them know counts the same everywhere; from then on the file says nothing
 * of it any more.
 *
 * Knowledge is kept in the file of reports (crash_file.h): what was told is marked there with the configuration it was told
 * for, what no longer matters is taken out.
 * thread: any. locks: its own, never while calling out. _reason and _save write the file: job threads; the others never wait for that.
 */
#ifndef EXECUTOR_QUARANTINE_H
#define EXECUTOR_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

struct ptr_array;
struct quarantine;
struct string_map;

#define QUARANTINE_WINDOW_MS (10 * 60 * 1000)
#define QUARANTINE_CONNECTOR (-1) /* in place of a task's number: the connector itself */

/* Reads the file (which may be missing), logs each report that is new, and marks it as told. A file that cannot be read is logged
 * and left. NULL: no memory. `path` is copied. */
struct quarantine *quarantine_create(const char *path, int64_t now_wall_ms);
void quarantine_destroy(struct quarantine *quarantine);

/* Why the unit must not be started with this configuration of its connector, for mem_free; NULL: it may. `quarantine` NULL:
 * nobody is held. */
char *quarantine_reason(struct quarantine *quarantine, const char *connector, int64_t task,
                        const struct string_map *config);
/* What a unit that may start did to the process before this one, for mem_free; told once, else NULL. */
char *quarantine_take_note(struct quarantine *quarantine, const char *connector, int64_t task);

/* `task` < 0: the connector itself; `with_tasks`: and all of its tasks. true: something has changed and should be saved. */
bool quarantine_forgive(struct quarantine *quarantine, const char *connector, int64_t task, bool with_tasks);
void quarantine_save(struct quarantine *quarantine);

/* ---- in a cluster (quarantine_cluster.c); `quarantine` NULL: nothing happens ---- */

/* Is it for all workers to know? */
bool quarantine_names_a_unit(const struct string_map *report);
/* Names a report among those of all workers, "WORKER@TIME_MS", for mem_free. NULL: no memory. */
char *quarantine_report_id(const struct string_map *report);
/* It counts for this configuration of its connector, unless it says another one already. false: no memory. */
bool quarantine_report_seal(struct string_map *report, const struct string_map *config);

/* All reports that the cluster knows at this offset of the config topic (config_snapshot_offset). What it knew and does not any more is
 * forgiven. The reports are copied; without memory one is heard the next time. */
void quarantine_hear(struct quarantine *quarantine, const struct ptr_array *reports, int64_t offset, int64_t now_wall_ms);
/* Copies of those that only the file knows, for string_map_destroy. */
void quarantine_list_unsent(struct quarantine *quarantine, struct ptr_array *reports);
/* The cluster knows it from now on: whoever has read that far. What is heard of an offset before it says nothing of it. To be saved. */
void quarantine_set_sent(struct quarantine *quarantine, const struct string_map *report, int64_t offset);

/* Ids of what the cluster knows and should not any more, for mem_free: of what was forgiven here; and, with `config_of`, also of what is
 * over, or has another configuration than that of now (NULL: there is no such connector). */
typedef const struct string_map *quarantine_config_fn(void *argument, const char *connector);
void quarantine_list_settled(struct quarantine *quarantine, int64_t now_wall_ms, quarantine_config_fn *config_of, void *argument,
                             struct ptr_array *ids);

#endif
