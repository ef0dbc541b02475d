/*
 * connector_body: bodies of POST /connectors, PUT and PATCH /connectors/{n}/config (rest, section 8).
 *
 * Options keep the literal text of their JSON scalar (1e3 stays "1e3", 12345678901234567890 stays whole) and their order;
 * null is kept as a NULL value for the validation to refuse; of equal names the last counts. Everything of another shape is
 * refused with 400.
 */
#ifndef JSON_CONNECTOR_BODY_H
#define JSON_CONNECTOR_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "herder/herder.h"
#include "json/body_problem.h"

struct string_map;

/* {"name": …, "config": {…}, "initial_state": …} */
struct connector_body {
    char *name; /* trimmed; "" when there was none, which no validation accepts */
    struct string_map *config;
    enum herder_initial_state initial_state; /* NONE when there was none */
};

/* false: *problem says why, nothing is to be released. The configuration's `name` is checked and filled in. */
bool connector_body_read(struct connector_body *body, const char *text, size_t length, struct body_problem *problem);
void connector_body_release(struct connector_body *body);

/* A configuration object alone; its `name` is checked against `name` and filled in. NULL: *problem says why. */
struct string_map *config_body_read(const char *name, const char *text, size_t length, struct body_problem *problem);
/* The same without a name to compare with: changes of some options, or a standalone worker's connector file. */
struct string_map *options_body_read(const char *text, size_t length, struct body_problem *problem);

/* The body of POST /connectors/{n}/tasks, which only workers send: an array of at most TASK_CONFIGS_BODY_MAX such objects, added to
 * `maps` (they free their items: string_map_destroy). false: *problem says why; what was added stays. */
#define TASK_CONFIGS_BODY_MAX 10000
struct ptr_array;
bool task_configs_body_read(struct ptr_array *maps, const char *text, size_t length, struct body_problem *problem);

#endif
