/*
 * weigh: how much memory something takes once it is JSON (encode.h), before it is made.
 *
 * Values may share parts (a transform may put one value into many places), so that what is shown may be far larger than what is
 * there. So this walks as encode.h does, takes what each part costs off `left`, and ends where nothing is left: it never takes more
 * time than the budget pays for.
 *
 * false: there is not enough left, or values are nested more than WEIGH_DEPTH_MAX levels; `left` is then of no meaning.
 */
#ifndef DRY_RUN_WEIGH_H
#define DRY_RUN_WEIGH_H

#include <millrace/record.h>
#include <stdbool.h>
#include <stddef.h>

#define WEIGH_DEPTH_MAX 1200  /* more than values of records have */
#define WEIGH_OBJECT_BYTES 640 /* an object of two or three members, as jansson holds it */

bool weigh_bytes(struct mr_bytes bytes, size_t *left); /* as text and in base64 */
bool weigh_datum(const struct mr_schema *schema, const struct mr_value *value, size_t *left); /* value NULL: null */
bool weigh_record(const struct mr_record *record, size_t *left);

#endif
