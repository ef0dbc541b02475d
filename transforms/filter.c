#include "stateless.h"
#include "transform.h"

/* A record that is not emitted is filtered. */
static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    (void)self;
    (void)record;
    (void)emitter;
    (void)error;
    return 0;
}

static const struct mr_transform_ops ops = {
    .size = sizeof(ops), .create = stateless_create, .apply = apply, .destroy = stateless_destroy
};

const struct mr_plugin filter = {
    .size = sizeof(filter),
    .kind = MR_PLUGIN_TRANSFORM,
    .class_name = TRANSFORM_CLASS("Filter"),
    .version = KAFKA_VERSION,
    .doc = "Drops every record; with a predicate, those for which it holds.",
    .ops = &ops,
};
