#include "stateless.h"
#include "transform.h"

static int test(void *self, const struct mr_record *record, bool *holds, struct mr_error **error)
{
    (void)self;
    (void)error;
    *holds = mr_value_is_null(mr_record_value(record));
    return 0;
}

static const struct mr_predicate_ops ops = {
    .size = sizeof(ops), .create = stateless_create, .test = test, .destroy = stateless_destroy
};

const struct mr_plugin record_is_tombstone = {
    .size = sizeof(record_is_tombstone),
    .kind = MR_PLUGIN_PREDICATE,
    .class_name = PREDICATE_CLASS("RecordIsTombstone"),
    .version = KAFKA_VERSION,
    .doc = "Holds for tombstones: records whose value is null.",
    .ops = &ops,
};
