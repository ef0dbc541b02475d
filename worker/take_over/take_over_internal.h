/*
 * take_over_internal: what looking at a cluster is made of. JSON helpers return false, or NULL, for want of memory.
 */
#ifndef TAKE_OVER_TAKE_OVER_INTERNAL_H
#define TAKE_OVER_TAKE_OVER_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "take_over/cluster_reading.h"
#include "take_over/take_over.h"

struct string_map;

#define TAKE_OVER_WORDS_MAX (64u << 10) /* bytes of one message */

/* ---- words.c ---- */

/* Adds a text to the list; cut before what is no UTF-8. */
bool words_add(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line with the texts of a list below it, each behind `mark`. */
void words_write(const json_t *list, const char *mark, struct str_buffer *out);
const char *words_in(const json_t *json, const char *name); /* "-" where there is none */
json_int_t number_in(const json_t *json, const char *name);

/* ---- group_look.c ---- */

/* Who is in the worker's group: {"group", "protocol", "members", "urls"}; NULL: nobody answered. */
json_t *group_look(struct admin *admin, const char *group, int64_t deadline_ms, struct mr_error **error);
bool group_is_left(const json_t *look);
/* In a sentence, ends with a full stop. */
void group_write(const json_t *look, struct str_buffer *out);

/* ---- tasks_look.c ---- */

/* {"count", "state"}: "complete", "none", "uncommitted" (written, and the commit never came), "incomplete" (a commit without all of its
 * tasks). */
json_t *tasks_look(const struct config_snapshot *configs, const char *connector);
bool tasks_are_half_written(const json_t *look);
/* The connector's last word and how many of its tasks say FAILED: {"connector", "failed"}. */
json_t *status_look(struct kafka_stores *stores, const char *connector);

/* ---- sink_group.c ---- */

/* Notes who is in a sink's group though nobody should; what is kept for ended tasks of ours is given up (ghosts.h), if it may be. */
bool sink_group_clear(const struct take_over_setup *setup, const struct cluster_reading *reading, const char *connector,
                      const struct string_map *config, bool may_write, json_t *notes);

/* ---- connector_look.c ---- */

/* One connector of the report. NULL: no memory. */
json_t *connector_look(const struct take_over_setup *setup, const struct cluster_reading *reading, const char *name);

#endif
