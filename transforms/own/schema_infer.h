/* schema_infer.h: a schema for a value that came without one, and the value under it.
 *
 * Bytes stay bytes. Objects become structs with the members as fields, in order; text, integers, other numbers and booleans become string, int64, float64 and
 * boolean; null, and the elements of an empty array, count as string. Everything is optional. Elements of one array get one schema: what
 * they have in common and what some have; integers beside other numbers become float64; anything else beside each other is MR_ERR_DATA,
 * and so are names with a NUL, and more than SCHEMA_INFER_FIELDS_MAX members: objects like that have data for names.
 */
#ifndef TRANSFORMS_OWN_SCHEMA_INFER_H
#define TRANSFORMS_OWN_SCHEMA_INFER_H

#include <millrace/millrace.h>

#define SCHEMA_INFER_FIELDS_MAX 1000

/* For who bounds the work: it is counted before it is done, in steps of about 10 ns; -1 ends it with that error. */
struct schema_work {
    int (*count)(void *argument, size_t steps, struct mr_error **error);
    void *argument;
};

/* The arena keeps what is made. `work` NULL: nobody counts. NULL: *error. */
const struct mr_schema *schema_infer(struct mr_arena *arena, const struct mr_value *value, const struct schema_work *work,
                                     struct mr_error **error);
/* Would the same schema be inferred for this value? It may say no where it could say yes. For who sees many values alike. */
bool schema_is_of(const struct mr_schema *schema, const struct mr_value *value);
/* The value under a schema that was inferred for it. NULL: *error. */
const struct mr_value *schema_apply(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                    const struct schema_work *work, struct mr_error **error);

#endif
