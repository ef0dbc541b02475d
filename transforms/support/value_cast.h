/* value_cast.h: one value as a value of another type, by the rules of Kafka Connect's Cast (and of Java's casts below it). */
#ifndef TRANSFORMS_SUPPORT_VALUE_CAST_H
#define TRANSFORMS_SUPPORT_VALUE_CAST_H

#include <millrace/millrace.h>

/* `type`: a number, boolean or string. Null stays null. NULL: MR_ERR_DATA, or the arena has no memory (no error set then). */
const struct mr_value *value_cast(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                  enum mr_type type, struct mr_error **error);

#endif
