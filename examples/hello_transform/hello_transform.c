/*
 * hello_transform: a single message transform that puts a greeting in front of text values.
 *
 *     transforms=hello
 *     transforms.hello.type=HelloTransform
 *     transforms.hello.greeting=Good morning,
 *
 * The smallest useful plugin: one table of options, three functions, one table that names them, one entry.
 */
#include <millrace/millrace.h>

#include <stdlib.h>
#include <string.h>

/* ---- Options: the row is parser, check, default and manual at once (`millrace plugin doc HelloTransform`). ---- */

static const struct mr_config_row rows[] = {
    {
        .name = "greeting",
        .type = MR_CONFIG_STRING,
        .default_text = "Hello,",
        .importance = MR_MEDIUM,
        .doc = "What to put in front of each text, followed by a blank.",
        .validator = mr_check_not_empty,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* ---- The instance: one for each task that uses the transform, on that task's thread: no locks. ---- */

struct hello {
    const char *greeting; /* in the configuration, which stays valid until destroy */
};

static void *hello_create(const struct mr_config *config, struct mr_error **error)
{
    struct hello *hello = calloc(1, sizeof(*hello));
    if (hello == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a transform");
        return NULL;
    }
    hello->greeting = mr_config_string(config, "greeting");
    return hello;
}

static void hello_destroy(void *self)
{
    free(self);
}

/* The greeting, a blank and the text, in memory that lives as long as the record. NULL: the arena has none left. */
static const struct mr_value *greet(struct mr_arena *arena, const char *greeting, struct mr_bytes text)
{
    size_t head = strlen(greeting) + 1;
    char *joined = mr_arena_alloc(arena, head + text.size);
    if (joined == NULL)
        return NULL;
    memcpy(joined, greeting, head - 1);
    joined[head - 1] = ' ';
    memcpy(joined + head, text.data, text.size);
    return mr_string_ref(arena, joined, head + text.size);
}

static int hello_apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    const struct hello *hello = self;
    const struct mr_value *value = mr_record_value(record);

    /* A tombstone says "deleted": it must go through as it is. */
    if (mr_value_is_null(value))
        return mr_emit(emitter, record);

    /* The record is bad, the task is not: MR_ERR_DATA lets errors.tolerance decide. */
    if (mr_value_kind(value) != MR_KIND_STRING)
        return mr_error_set(error, MR_ERR_DATA, "HelloTransform greets text; the value is %s",
                            mr_kind_name(mr_value_kind(value)));

    struct mr_arena *arena = mr_record_arena(record);
    const struct mr_value *greeted = greet(arena, hello->greeting, mr_value_bytes(value));

    /* Setters accept the NULL of a constructor and fail, so one check serves both. */
    if (mr_record_set_value(record, mr_record_value_schema(record), greeted) != 0)
        return mr_arena_failed(arena, error);
    return mr_emit(emitter, record);
}

/* ---- What the file hands over. Tables are constant and start with their size. ---- */

static const struct mr_transform_ops hello_ops = {
    .size = sizeof(hello_ops),
    .create = hello_create,
    .apply = hello_apply,
    .destroy = hello_destroy,
};

static const struct mr_plugin hello_plugin = {
    .size = sizeof(hello_plugin),
    .kind = MR_PLUGIN_TRANSFORM,
    .class_name = "org.example.HelloTransform",
    .version = "1.0",
    .doc = "Puts a greeting in front of values that are text.",
    .config_def = &options,
    .ops = &hello_ops,
};

static const struct mr_plugin *const plugins[] = { &hello_plugin };
static const struct mr_module module = MR_MODULE("hello_transform", plugins);

/* The one symbol that the worker looks for. */
const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host; /* keep it where the plugin logs: see hello_sink */
    return &module;
}
