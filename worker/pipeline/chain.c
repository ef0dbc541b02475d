#include "pipeline/chain_internal.h"

#include <millrace/predicate.h>
#include <millrace/transform.h>

#include "base/mem.h"
#include "base/plugin_call.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

/* Room that a record_array keeps from one record to the next; more is given back. */
#define ARRAY_KEEP_MAX 4096

/* Lists of records ------------------------------------------------------------------------------------------- */

void record_array_init(struct record_array *array)
{
    *array = (struct record_array){ .items = NULL };
}

void record_array_release(struct record_array *array)
{
    mem_free(array->items);
    record_array_init(array);
}

static int array_reserve(struct record_array *array, size_t extra, struct mr_error **error)
{
    if (array->capacity - array->count >= extra)
        return 0;
    size_t capacity = array->capacity < 32 ? 64 : array->capacity * 2;
    while (capacity - array->count < extra)
        capacity *= 2;
    struct mr_record **items = mem_realloc(array->items, capacity * sizeof(*items));
    if (items == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a list of %zu records", capacity);
    array->items = items;
    array->capacity = capacity;
    return 0;
}

int record_array_push(struct record_array *array, struct mr_record *record, struct mr_error **error)
{
    if (__builtin_expect(array->count == array->capacity, 0) && array_reserve(array, 1, error) < 0)
        return -1;
    array->items[array->count++] = record;
    return 0;
}

static int array_push_all(struct record_array *array, struct mr_record *const *records, size_t count,
                          struct mr_error **error)
{
    if (array_reserve(array, count, error) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        array->items[array->count++] = records[i];
    return 0;
}

static void array_empty(struct record_array *array)
{
    array->count = 0;
    if (array->capacity > ARRAY_KEEP_MAX)
        record_array_release(array);
}

/* One transform on one record -------------------------------------------------------------------------------- */

/* A record on its way through one stage, for a second attempt as well. */
struct passage {
    struct chain *chain;
    const struct chain_stage *stage;
    struct mr_record *record;
    bool works_on_copy;
    struct record_content before; /* filled where the policy tries again */
};

static int plugin_failed(const struct mr_emitter *emitter, const struct chain_stage *stage, struct mr_error **error)
{
    if (*error != NULL)
        return -1;
    if (emitter_check(emitter, error) < 0)
        return -1;
    return mr_error_set(error, MR_ERR_CONNECT, "%s failed without saying why; it has to set an error", stage->class_name);
}

/* Each has to be the record itself or a copy: anything else has no place in the order of acknowledgements. */
static int check_emitted(const struct passage *passage, struct mr_error **error)
{
    const struct mr_emitter *emitter = &passage->chain->emitter;
    if (__builtin_expect(*error != NULL, 0))
        mr_error_clear(error); /* a plugin that recovered by itself may leave one */
    for (size_t i = 0; i < emitter->count; i++) {
        if (__builtin_expect(emitter->records[i]->original != passage->record->original, 0))
            return mr_error_set(error, MR_ERR_CONNECT, "%s emitted a record that is no copy of the one it was given; use "
                                "mr_record_copy", passage->stage->class_name);
    }
    if (__builtin_expect(batch_is_broken(passage->record->batch), 0))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "%s answered that all is well, but left a record unfinished: a value "
                            "could not be made", passage->stage->class_name);
    return emitter_check(emitter, error);
}

static int test(const struct chain_stage *stage, struct mr_record *record, bool *holds, struct mr_error **error)
{
    const struct plugin_call before = plugin_call_enter(stage->predicate_plugin, "test");
    int status = stage->predicate->test(stage->predicate_self, record, holds, error);
    plugin_call_leave(before);
    return status;
}

static int apply(const struct chain_stage *stage, struct mr_record *record, struct mr_emitter *emitter,
                 struct mr_error **error)
{
    const struct plugin_call before = plugin_call_enter(stage->plugin, "apply");
    int status = stage->ops->apply(stage->self, record, emitter, error);
    plugin_call_leave(before);
    return status;
}

/* Fills the emitter. */
static int run(const struct passage *passage, struct mr_error **error)
{
    const struct chain_stage *stage = passage->stage;
    struct mr_emitter *emitter = &passage->chain->emitter;
    struct mr_record *record = passage->record;
    emitter_clear(emitter);
    if (stage->predicate != NULL) {
        bool holds = false;
        if (test(stage, record, &holds, error) != 0)
            return plugin_failed(emitter, stage, error);
        if (holds == stage->negate)
            return mr_emit(emitter, record) < 0 ? emitter_check(emitter, error) : 0;
    }
    batch_failures_forget(record->batch);
    if (passage->works_on_copy) {
        record = mr_record_copy(record);
        if (record == NULL)
            return mr_arena_failed(&passage->record->batch->arena, error);
    }
    if (apply(stage, record, emitter, error) != 0)
        return plugin_failed(emitter, stage, error);
    return check_emitted(passage, error);
}

static int run_again(void *argument, struct mr_error **error)
{
    struct passage *passage = argument;
    record_restore(passage->record, &passage->before);
    if (run(passage, error) == 0)
        return 0;
    record_restore(passage->record, &passage->before);
    return -1;
}

static enum chain_outcome give_up(const struct chain_policy *policy, const struct chain_failure *failure,
                                  struct mr_error **error)
{
    if (policy == NULL || policy->recover == NULL)
        return CHAIN_FAILED;
    switch (policy->recover(policy->argument, failure, error)) {
    case CHAIN_RECOVERED: return CHAIN_PASSED;
    case CHAIN_SKIP: return CHAIN_SKIPPED;
    case CHAIN_FAIL: break;
    }
    return CHAIN_FAILED;
}

/* CHAIN_PASSED: the emitter holds what became of the record, maybe nothing. */
static enum chain_outcome pass(struct chain *chain, const struct chain_policy *policy, const struct chain_stage *stage,
                               struct mr_record *record, struct mr_error **error)
{
    struct passage passage;
    passage.chain = chain;
    passage.stage = stage;
    passage.record = record;
    passage.works_on_copy = policy != NULL && policy->keeps_original && record == record->original;
    bool tries_again = policy != NULL && policy->tries_again;
    if (tries_again)
        record_snapshot(record, &passage.before);
    if (__builtin_expect(run(&passage, error) == 0, 1))
        return CHAIN_PASSED;
    if (tries_again)
        record_restore(record, &passage.before);
    const struct chain_failure failure = {
        .class_name = stage->class_name,
        .alias = stage->alias,
        .again = tries_again ? run_again : NULL,
        .again_argument = &passage,
    };
    return give_up(policy, &failure, error);
}

/* The whole chain -------------------------------------------------------------------------------------------- */

/* Too many: the fault of the transform that made the last ones. */
static enum chain_outcome too_many(const struct chain_policy *policy, const struct chain_stage *stage,
                                   struct mr_error **error)
{
    mr_error_set(error, MR_ERR_DATA, "the transforms made more than %d records of one", MR_EMIT_MAX);
    const struct chain_failure failure = { .class_name = stage->class_name, .alias = stage->alias };
    return give_up(policy, &failure, error);
}

/* Stage `at` made many records of one, they are in the emitter: all of them through the rest, side by side. */
static enum chain_outcome spread(struct chain *chain, const struct chain_policy *policy, size_t at,
                                 struct record_array *out, struct mr_error **error)
{
    const struct mr_emitter *emitter = &chain->emitter;
    array_empty(&chain->now);
    if (array_push_all(&chain->now, emitter->records, emitter->count, error) < 0)
        return CHAIN_FAILED;
    for (at++; at < chain->count; at++) {
        array_empty(&chain->after);
        for (size_t i = 0; i < chain->now.count; i++) {
            enum chain_outcome outcome = pass(chain, policy, &chain->stages[at], chain->now.items[i], error);
            if (outcome == CHAIN_PASSED && chain->after.count + emitter->count > MR_EMIT_MAX)
                outcome = too_many(policy, &chain->stages[at], error);
            if (outcome != CHAIN_PASSED)
                return outcome;
            if (array_push_all(&chain->after, emitter->records, emitter->count, error) < 0)
                return CHAIN_FAILED;
        }
        struct record_array swap = chain->now;
        chain->now = chain->after;
        chain->after = swap;
        if (chain->now.count == 0)
            return CHAIN_DROPPED;
    }
    return array_push_all(out, chain->now.items, chain->now.count, error) == 0 ? CHAIN_PASSED : CHAIN_FAILED;
}

enum chain_outcome chain_apply(struct chain *chain, const struct chain_policy *policy, struct mr_record *record,
                               struct record_array *out, struct mr_error **error)
{
    const struct mr_emitter *emitter = &chain->emitter;
    for (size_t at = 0; at < chain->count; at++) {
        enum chain_outcome outcome = pass(chain, policy, &chain->stages[at], record, error);
        if (outcome != CHAIN_PASSED)
            return outcome;
        if (emitter->count == 0)
            return CHAIN_DROPPED;
        if (emitter->count > 1)
            return spread(chain, policy, at, out, error);
        record = emitter->records[0];
    }
    return record_array_push(out, record, error) == 0 ? CHAIN_PASSED : CHAIN_FAILED;
}

size_t chain_count(const struct chain *chain)
{
    return chain->count;
}

const char *chain_class_name(const struct chain *chain, size_t index)
{
    return chain->stages[index].class_name;
}

static bool has_predicate_of(const struct chain *chain, size_t end, const char *alias)
{
    for (size_t i = 0; i < end; i++)
        if (chain->stages[i].predicate_alias != NULL && strcmp(chain->stages[i].predicate_alias, alias) == 0)
            return true;
    return false;
}

size_t chain_parts(const struct chain *chain, struct chain_part *parts, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_stage *stage = &chain->stages[i];
        if (count++ < most)
            parts[count - 1] = (struct chain_part){ stage->alias, stage->class_name, stage->version, false };
        if (stage->predicate == NULL || has_predicate_of(chain, i, stage->predicate_alias))
            continue;
        if (count++ < most)
            parts[count - 1] = (struct chain_part){ stage->predicate_alias, stage->predicate_plugin->class_name,
                                                    stage->predicate_version, true };
    }
    return count;
}

static void stage_end(const struct chain_stage *stage)
{
    const struct plugin_call outside = plugin_call_enter(stage->plugin, "destroy");
    if (stage->self != NULL)
        stage->ops->destroy(stage->self);
    (void)plugin_call_enter(stage->predicate_plugin, "destroy");
    if (stage->predicate_self != NULL)
        stage->predicate->destroy(stage->predicate_self);
    plugin_call_leave(outside);
}

void chain_destroy(struct chain *chain)
{
    if (chain == NULL)
        return;
    for (size_t i = 0; i < chain->count; i++) {
        struct chain_stage *stage = &chain->stages[i];
        stage_end(stage);
        mr_config_destroy(stage->config);
        mr_config_destroy(stage->predicate_config);
        mem_free(stage->alias);
        mem_free(stage->predicate_alias);
    }
    emitter_release(&chain->emitter);
    record_array_release(&chain->now);
    record_array_release(&chain->after);
    mem_free(chain);
}
