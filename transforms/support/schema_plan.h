/* schema_plan.h: what a transform worked out for one schema, kept so that it is worked out once and not per record.
 *
 * Schemas are interned, so a plan is found by the pointer of the schema it is for; it holds references to both schemas. A
 * transform keeps the plans of the last SCHEMA_PLANS_MAX schemas. Thread: the transform's. */
#ifndef TRANSFORMS_SUPPORT_SCHEMA_PLAN_H
#define TRANSFORMS_SUPPORT_SCHEMA_PLAN_H

#include <millrace/millrace.h>

#define SCHEMA_PLANS_MAX 16

struct schema_plan {
    const struct mr_schema *from, *to;
    size_t count;
    int32_t fields[]; /* field numbers, as the transform likes to use them */
};

struct schema_plans {
    struct schema_plan *last; /* the one used before; NULL at first */
    struct schema_plan *items[SCHEMA_PLANS_MAX];
    uint32_t next; /* the one to be replaced */
};

typedef struct schema_plan *schema_plan_build_fn(const void *transform, const struct mr_schema *from,
                                                 struct mr_error **error);

/* Room for `count` field numbers (-1 each); takes a reference of `from` and consumes that of `to`, worked or not. */
struct schema_plan *schema_plan_create(const struct mr_schema *from, const struct mr_schema *to, size_t count,
                                       struct mr_error **error);
void schema_plan_destroy(struct schema_plan *plan);

/* Asks `build` when the schema is new. NULL: it failed. Valid until the next call. */
const struct schema_plan *schema_plans_find(struct schema_plans *plans, const struct mr_schema *from,
                                            schema_plan_build_fn *build, const void *transform,
                                            struct mr_error **error);

void schema_plans_release(struct schema_plans *plans);

/* Field `from_index` of one struct into field `to_index` of a new one whose schema there is the same. A null is read as
 * the default if that is wanted, and is refused by a field that is not optional. */
static inline int struct_carry(struct mr_value *to, size_t to_index, const struct mr_value *from, size_t from_index,
                               bool with_default, struct mr_error **error)
{
    const struct mr_value *field = mr_struct_at(from, from_index);
    if (!mr_value_is_null(field) && mr_struct_put_unchecked(to, to_index, field) == 0)
        return 0;
    if (with_default)
        field = mr_struct_at_or_default(from, from_index); /* one that is a struct may have another schema than its field */
    return mr_struct_put(to, to_index, field, error);
}

#endif
