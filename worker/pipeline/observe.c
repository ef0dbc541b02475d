#include <millrace/converter.h>
#include <millrace/predicate.h>
#include <millrace/transform.h>

#include "base/mem.h"
#include "base/plugin_call.h"
#include "pipeline/chain_internal.h"
#include "pipeline/converters.h"
#include "pipeline/observer.h"

#include "base/bans.h"

/* In the place of one plugin: its `self`. */
struct observed {
    const struct pipeline_observer *observer;
    struct observed_stage stage;
    const struct mr_transform_ops *transform; /* the plugin's; one of the three */
    const struct mr_predicate_ops *predicate;
    const struct mr_converter_ops *converter;
    void *self; /* the plugin's */
};

static struct observed *observed_create(const struct pipeline_observer *observer, const struct observed_stage *stage, void *self,
                                        struct mr_error **error)
{
    struct observed *observed = mem_calloc(1, sizeof(*observed));
    if (observed == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to look on at %s", stage->class_name);
        return NULL;
    }
    observed->observer = observer;
    observed->stage = *stage;
    observed->self = self;
    return observed;
}

static void observed_destroy(void *self)
{
    struct observed *observed = self;
    if (observed->transform != NULL)
        observed->transform->destroy(observed->self);
    else if (observed->predicate != NULL)
        observed->predicate->destroy(observed->self);
    else
        observed->converter->destroy(observed->self);
    mem_free(observed);
}

/* Transforms and predicates ----------------------------------------------------------------------------------- */

static int observed_apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    const struct observed *observed = self;
    const struct pipeline_observer *observer = observed->observer;
    if (observed->stage.predicate == NULL) /* else it came to the predicate */
        observer->on_record(observer->argument, &observed->stage, record);
    int status = observed->transform->apply(observed->self, record, emitter, error);
    bool failed = status != 0 || emitter->failure != EMITTER_FINE;
    observer->on_records(observer->argument, &observed->stage, emitter->records, failed ? 0 : emitter->count, failed);
    return status;
}

static int observed_test(void *self, const struct mr_record *record, bool *holds, struct mr_error **error)
{
    const struct observed *observed = self;
    const struct pipeline_observer *observer = observed->observer;
    observer->on_record(observer->argument, &observed->stage, record);
    int status = observed->predicate->test(observed->self, record, holds, error);
    observer->on_test(observer->argument, &observed->stage, *holds, *holds != observed->stage.negate, status != 0);
    return status;
}

static const struct mr_transform_ops observed_transform = {
    .size = sizeof(observed_transform), .apply = observed_apply, .destroy = observed_destroy
};
static const struct mr_predicate_ops observed_predicate = {
    .size = sizeof(observed_predicate), .test = observed_test, .destroy = observed_destroy
};

static int observe_predicate(struct chain_stage *stage, const struct observed_stage *what,
                             const struct pipeline_observer *observer, struct mr_error **error)
{
    struct observed *observed = observed_create(observer, what, stage->predicate_self, error);
    if (observed == NULL)
        return -1;
    observed->predicate = stage->predicate;
    stage->predicate = &observed_predicate;
    stage->predicate_self = observed;
    return 0;
}

static int observe_transform(struct chain_stage *stage, const struct pipeline_observer *observer, struct mr_error **error)
{
    const struct observed_stage what = {
        .stage = STAGE_TRANSFORMATION,
        .class_name = stage->class_name,
        .version = stage->version,
        .alias = stage->alias,
        .predicate = stage->predicate == NULL ? NULL : stage->predicate_plugin->class_name,
        .predicate_version = stage->predicate_version,
        .negate = stage->negate,
    };
    struct observed *observed = observed_create(observer, &what, stage->self, error);
    if (observed == NULL)
        return -1;
    observed->transform = stage->ops;
    stage->ops = &observed_transform;
    stage->self = observed;
    return stage->predicate == NULL ? 0 : observe_predicate(stage, &what, observer, error);
}

int chain_observe(struct chain *chain, const struct pipeline_observer *observer, struct mr_error **error)
{
    int status = 0;
    for (size_t i = 0; i < chain->count && status == 0; i++)
        status = observe_transform(&chain->stages[i], observer, error);
    return status;
}

/* Converters --------------------------------------------------------------------------------------------------- */

static void tell(const struct observed *observed, const struct observed_datum *datum)
{
    observed->observer->on_datum(observed->observer->argument, &observed->stage, datum);
}

static int observed_from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                                 const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                                 struct mr_error **error)
{
    const struct observed *observed = self;
    int status = observed->converter->from_connect(observed->self, place, schema, value, arena, bytes, error);
    tell(observed, &(struct observed_datum){ .header_key = place->header_key, .bytes = *bytes, .schema = schema,
                                             .value = value, .failed = status != 0 });
    return status;
}

static int observed_to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes,
                               struct mr_arena *arena, const struct mr_schema **schema, const struct mr_value **value,
                               struct mr_error **error)
{
    const struct observed *observed = self;
    const struct pipeline_observer *observer = observed->observer;
    if (observer->give != NULL && observer->give(observer->argument, &observed->stage, place, schema, value))
        return 0;
    int status = observed->converter->to_connect(observed->self, place, bytes, arena, schema, value, error);
    tell(observed, &(struct observed_datum){ .header_key = place->header_key, .bytes = bytes, .schema = *schema,
                                             .value = *value, .failed = status != 0 || *value == NULL });
    return status;
}

static const struct mr_converter_ops observed_converter = {
    .size = sizeof(observed_converter),
    .from_connect = observed_from_connect,
    .to_connect = observed_to_connect,
    .destroy = observed_destroy,
};

static int observe_converter(struct converter *converter, enum stage stage, const struct pipeline_observer *observer,
                             struct mr_error **error)
{
    const struct observed_stage what = { .stage = stage, .class_name = converter->class_name, .version = converter->version };
    struct observed *observed = observed_create(observer, &what, converter->self, error);
    if (observed == NULL)
        return -1;
    observed->converter = converter->ops;
    converter->ops = &observed_converter;
    converter->self = observed;
    converter->null = NULL; /* the observer sees each call */
    return 0;
}

int converters_observe(struct converters *converters, const struct pipeline_observer *observer, struct mr_error **error)
{
    if (observe_converter(&converters->key, STAGE_KEY_CONVERTER, observer, error) < 0 ||
        observe_converter(&converters->value, STAGE_VALUE_CONVERTER, observer, error) < 0)
        return -1;
    return observe_converter(&converters->header, STAGE_HEADER_CONVERTER, observer, error);
}
