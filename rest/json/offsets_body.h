/*
 * offsets_body: the body of PATCH /connectors/{n}/offsets (KIP-875).
 *
 * {"offsets": [{"partition": {…}, "offset": {…} or null}, …]}, nothing else in it. A partition that is missing or null is the
 * connector's to refuse. Of partitions that are equal the last counts, in the place of the first.
 */
#ifndef JSON_OFFSETS_BODY_H
#define JSON_OFFSETS_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "json/body_problem.h"
#include "store/offset_store.h"

struct mr_arena;

struct offsets_body {
    struct mr_arena *arena; /* of the values */
    struct offset_entry *entries;
    size_t count; /* at least one */
};

/* false: *problem says why, nothing is to be released. */
bool offsets_body_read(struct offsets_body *body, const char *text, size_t length, struct body_problem *problem);
void offsets_body_release(struct offsets_body *body);

#endif
