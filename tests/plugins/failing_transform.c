/* Fails the first `times` calls with a retriable error, after it has changed the record; every record whose value is the
 * text of `bad` with a data error; and one whose value is "silent" without saying why. Else it adds a header "done". */
#include <millrace/millrace.h>
#include <stdlib.h>
#include <string.h>

static const struct mr_config_row rows[] = {
    { .name = "times", .type = MR_CONFIG_INT, .default_text = "0", .importance = MR_HIGH, .doc = "How often." },
    { .name = "bad", .type = MR_CONFIG_STRING, .default_text = "bad", .importance = MR_HIGH, .doc = "Which value." },
    { .name = "part", .type = MR_CONFIG_INT, .default_text = "-1", .importance = MR_LOW,
      .doc = "Fail for records with this number in the header \"part\"." },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct failing {
    int64_t times_left, part;
    const char *bad;
};

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct failing *failing = calloc(1, sizeof(*failing));
    if (failing == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
        return NULL;
    }
    failing->times_left = mr_config_integer(config, "times");
    failing->part = mr_config_integer(config, "part");
    failing->bad = mr_config_string(config, "bad");
    return failing;
}

static bool value_is(const struct mr_record *record, const char *text)
{
    const struct mr_value *value = mr_record_value(record);
    if (mr_value_kind(value) != MR_KIND_STRING)
        return false;
    struct mr_bytes bytes = mr_value_bytes(value);
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static bool has_part(const struct mr_record *record, int64_t part)
{
    for (size_t i = 0; i < mr_record_header_count(record); i++) {
        if (strcmp(mr_record_header_key(record, i), "part") == 0 &&
            mr_value_integer(mr_record_header_value(record, i)) == part)
            return true;
    }
    return false;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct failing *failing = self;
    struct mr_arena *arena = mr_record_arena(record);
    if (mr_record_add_header(record, "done", NULL, mr_null()) < 0)
        return mr_arena_failed(arena, error);
    if (failing->times_left > 0) {
        failing->times_left--;
        if (mr_record_set_topic_ref(record, "spoilt") < 0 ||
            mr_record_set_value(record, NULL, mr_int64(arena, failing->times_left)) < 0 || mr_emit(emitter, record) < 0)
            return mr_arena_failed(arena, error);
        return mr_error_set(error, MR_ERR_RETRIABLE, "not yet");
    }
    if (value_is(record, "silent"))
        return -1;
    if (value_is(record, "odd"))
        return 7;
    if (value_is(record, failing->bad) || (failing->part >= 0 && has_part(record, failing->part)))
        return mr_error_set(error, MR_ERR_DATA, "a bad record");
    return mr_emit(emitter, record);
}

static const struct mr_transform_ops ops = { .size = sizeof(ops), .create = create, .apply = apply, .destroy = free };
static const struct mr_plugin plugin = { .size = sizeof(plugin), .kind = MR_PLUGIN_TRANSFORM,
                                         .class_name = "org.acme.Failing", .version = "1.0", .config_def = &options,
                                         .ops = &ops };
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("failing_transform", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
