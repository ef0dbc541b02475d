#include "schema_plan.h"

#include <stdlib.h>

void schema_plan_destroy(struct schema_plan *plan)
{
    if (plan == NULL)
        return;
    mr_schema_drop(plan->from);
    mr_schema_drop(plan->to);
    free(plan);
}

struct schema_plan *schema_plan_create(const struct mr_schema *from, const struct mr_schema *to, size_t count,
                                       struct mr_error **error)
{
    if (to == NULL)
        return NULL;
    struct schema_plan *plan = malloc(sizeof(*plan) + count * sizeof(plan->fields[0]));
    if (plan == NULL) {
        mr_schema_drop(to);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a schema's plan");
        return NULL;
    }
    *plan = (struct schema_plan){ .from = mr_schema_take(from), .to = to, .count = count };
    for (size_t i = 0; i < count; i++)
        plan->fields[i] = -1;
    return plan;
}

static struct schema_plan *find_kept(const struct schema_plans *plans, const struct mr_schema *from)
{
    for (size_t i = 0; i < SCHEMA_PLANS_MAX; i++) {
        if (plans->items[i] != NULL && plans->items[i]->from == from)
            return plans->items[i];
    }
    return NULL;
}

const struct schema_plan *schema_plans_find(struct schema_plans *plans, const struct mr_schema *from,
                                            schema_plan_build_fn *build, const void *transform,
                                            struct mr_error **error)
{
    if (plans->last != NULL && plans->last->from == from)
        return plans->last;
    struct schema_plan *plan = find_kept(plans, from);
    if (plan == NULL) {
        plan = build(transform, from, error);
        if (plan == NULL)
            return NULL;
        schema_plan_destroy(plans->items[plans->next]);
        plans->items[plans->next] = plan;
        plans->next = (plans->next + 1) % SCHEMA_PLANS_MAX;
    }
    plans->last = plan;
    return plan;
}

void schema_plans_release(struct schema_plans *plans)
{
    for (size_t i = 0; i < SCHEMA_PLANS_MAX; i++)
        schema_plan_destroy(plans->items[i]);
    *plans = (struct schema_plans){ .last = NULL };
}
