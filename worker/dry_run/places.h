/*
 * places: the fields that transforms were told to look for, and whether any record had them. A misspelt field changes nothing and says
 * nothing, here as in a task; over the records that were tried it shows.
 *
 * Looked for are the options field and fields of our transforms (paths) and, with ReplaceField's exclude and include, of Kafka Connect's
 * (names; paths with field.syntax.version=V2). Null is there, and so is what an array without elements could hold.
 *
 * Life: _init → for each record that comes to a transform _look, then _count → _tell → _release. Where memory is short fewer places are
 * known. Thread: the dry run's.
 */
#ifndef DRY_RUN_PLACES_H
#define DRY_RUN_PLACES_H

#include <stdbool.h>

#include "base/ptr_array.h"

struct mr_record;
struct observed_stage;
struct string_map;

struct places {
    const struct string_map *raw, *resolved; /* of the connector, borrowed */
    struct ptr_array items;                  /* struct place *: of the transforms that a record came to */
};

void places_init(struct places *places, const struct string_map *raw, const struct string_map *resolved);
void places_release(struct places *places);
/* Before the transform has the record. */
void places_look(struct places *places, const struct observed_stage *stage, const struct mr_record *record);
/* It got it (or its predicate did not hold: then what was seen does not count). */
void places_count(struct places *places, const struct observed_stage *stage, bool applies);
/* Adds a line for each place that no record had (char *, mem_free). */
void places_tell(const struct places *places, struct ptr_array *hints);

#endif
