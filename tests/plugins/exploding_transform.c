/* One record becomes `count` records, each with a header "part"; 0 drops it. With `foreign=true` one of another batch. */
#include <millrace/millrace.h>
#include <stdlib.h>

static const struct mr_config_row rows[] = {
    { .name = "count", .type = MR_CONFIG_INT, .default_text = "3", .importance = MR_HIGH, .doc = "How many." },
    { .name = "foreign", .type = MR_CONFIG_BOOLEAN, .default_text = "false", .importance = MR_LOW,
      .doc = "Emit a record of another batch instead." },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct explode {
    int64_t count;
    struct mr_batch *foreign; /* NULL: well behaved */
};

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct explode *explode = calloc(1, sizeof(*explode));
    if (explode == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
        return NULL;
    }
    explode->count = mr_config_integer(config, "count");
    if (mr_config_boolean(config, "foreign"))
        explode->foreign = mr_batch_create(1 << 16);
    return explode;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct explode *explode = self;
    struct mr_arena *arena = mr_record_arena(record);
    if (explode->foreign != NULL)
        return mr_emit(emitter, mr_batch_append(explode->foreign));
    for (int64_t i = 0; i < explode->count; i++) {
        struct mr_record *part = mr_record_copy(record);
        if (part == NULL || mr_record_add_header(part, "part", NULL, mr_int64(arena, i)) < 0)
            return mr_arena_failed(arena, error);
        if (mr_emit(emitter, part) < 0)
            return -1;
    }
    return 0;
}

static void destroy(void *self)
{
    mr_batch_drop(((struct explode *)self)->foreign);
    free(self);
}

static const struct mr_transform_ops ops = { .size = sizeof(ops), .create = create, .apply = apply, .destroy = destroy };
static const struct mr_plugin plugin = { .size = sizeof(plugin), .kind = MR_PLUGIN_TRANSFORM,
                                         .class_name = "org.acme.Exploding", .version = "1.0", .config_def = &options,
                                         .ops = &ops };
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("exploding_transform", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
