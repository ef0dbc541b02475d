/*
 * take_over: whether Millrace can run what a cluster of Kafka Connect's own workers runs, and the way back (docs/migration.md).
 *
 * Reports are JSON (release with json_decref); the same for people is made from them. They hold names, states and counts, options by
 * their names; no value of an option, nothing that a config provider answered.
 * thread: one that may wait; looking calls plugin code (validation). Deadlines are absolute on clock_monotonic_ms(NULL).
 */
#ifndef TAKE_OVER_TAKE_OVER_H
#define TAKE_OVER_TAKE_OVER_H

#include <stdbool.h>
#include <stdint.h>

struct graveyard;
struct json_t;
struct loader;
struct mr_error;
struct str_buffer;
struct variables;
struct worker_config;

struct take_over_setup {
    const struct loader *loader;
    const struct worker_config *worker;
    const struct variables *variables;
    struct graveyard *graveyard;
    int64_t deadline_ms;
};

/* What the cluster is and, connector by connector, whether it would run here. Nothing is written, no group is joined. NULL: the topics
 * cannot be read (MR_ERR_NOT_FOUND, MR_ERR_CONFIG, MR_ERR_TIMEOUT …). */
struct json_t *take_over_look(const struct take_over_setup *setup, struct mr_error **error);
bool take_over_write(const struct json_t *report, struct str_buffer *out); /* false: no memory */
bool take_over_all_runs(const struct json_t *report);

/* Removes what Millrace alone has written, so that Kafka Connect's own workers find their topics as they know them; says where such a
 * worker would stumble. Refuses while anybody is in the group: "state" of the report is "refused", and nothing is written; else "ready"
 * (is_dry) or "given back". Transactions that a dead leader or dead tasks left open are ended by taking their transactional ids.
 * NULL: the topics cannot be read or written. */
struct json_t *give_back(const struct take_over_setup *setup, bool is_dry, struct mr_error **error);
bool give_back_write(const struct json_t *report, struct str_buffer *out); /* false: no memory */
bool give_back_is_done(const struct json_t *report);                       /* or, of a dry one, would be */

#endif
