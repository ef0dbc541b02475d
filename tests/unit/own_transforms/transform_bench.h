/* transform_bench.h: a transform of this house under test: one line of options, a record from JSON, what comes out as text. Include
 * after cmocka.h. */
#ifndef TRANSFORM_BENCH_H
#define TRANSFORM_BENCH_H

#include <millrace/json.h>

#include "own/own.h"
#include "sdk/collect.h"
#include "support/plugin_bench.h"

#define OUT_MAX 4096

/* A row of a table of cases. Options: "name=value;name=value". `value`: JSON without a schema, or an envelope with one (it begins with
 * {"schema"). `out`: "topic value" of each record, divided by " | "; "dropped"; or "error: " and a part of its words. */
struct transform_case {
    const char *options, *value, *out;
};

static inline struct mr_config *bench_config(const struct mr_plugin *plugin, const char *options, struct mr_error **error)
{
    char text[1024], *rest = text, *option;
    const char *names[16], *values[16];
    size_t count = 0;

    snprintf(text, sizeof(text), "%s", options);
    while ((option = strsep(&rest, ";")) != NULL && *option != '\0') {
        char *equals = strchr(option, '=');

        assert_non_null(equals);
        *equals = '\0';
        names[count] = option;
        values[count++] = equals + 1;
    }
    return mr_config_parse(plugin->config_def, names, values, count, error);
}

static inline void bench_fill(struct mr_record *record, enum side side, struct mr_json_envelope *envelope, const char *json)
{
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_bytes text = bytes_of(json);
    struct mr_error *error = NULL;
    const struct mr_schema *schema = NULL;
    const struct mr_value *value = NULL;

    if (strncmp(json, "{\"schema\"", 9) == 0)
        assert_int_equal(0, mr_json_envelope_read(envelope, arena, text, &schema, &value, &error));
    else
        value = mr_json_read(arena, text, 0, &error);
    if (value == NULL)
        fail_msg("%s: %s", json, mr_error_message(error));
    assert_int_equal(0, mr_record_set_topic(record, "t"));
    assert_int_equal(0, side == SIDE_KEY ? mr_record_set_key(record, schema, value) : mr_record_set_value(record, schema, value));
}

static inline void bench_print(const struct mr_emitter *emitter, enum side side, char out[OUT_MAX])
{
    size_t at = 0;

    for (size_t i = 0; i < emitter->count; i++) {
        struct mr_record *record = emitter->records[i];
        struct mr_bytes text;

        assert_int_equal(0, mr_json_write(mr_record_arena(record), operand_schema(record, side), operand_value(record, side),
                                          MR_JSON_DECIMAL_NUMERIC, &text, NULL));
        at += (size_t)snprintf(out + at, OUT_MAX - at, "%s%s %.*s", i > 0 ? " | " : "", mr_record_topic(record), (int)text.size,
                               text.data != NULL ? (const char *)text.data : "null");
    }
    if (emitter->count == 0)
        snprintf(out, OUT_MAX, "dropped");
}

/* What comes of one value, in `out`. */
static inline void bench_run(const struct mr_plugin *plugin, enum side side, const char *options, const char *value, char out[OUT_MAX])
{
    const struct mr_transform_ops *ops = plugin->ops;
    struct mr_error *error = NULL;
    struct mr_config *config = bench_config(plugin, options, &error);
    void *self = config != NULL ? ops->create(config, &error) : NULL;
    struct mr_batch *batch = mr_batch_create(64u << 20);
    struct mr_json_envelope *envelope = mr_json_envelope_create(0, 16);
    struct mr_emitter emitter;

    emitter_init(&emitter);
    if (self != NULL) {
        struct mr_record *record = mr_batch_append(batch);

        bench_fill(record, side, envelope, value);
        if (ops->apply(self, record, &emitter, &error) == 0 && emitter_check(&emitter, &error) == 0)
            bench_print(&emitter, side, out);
    }
    if (error != NULL)
        snprintf(out, OUT_MAX, "error: %s", mr_error_message(error));
    emitter_release(&emitter);
    ops->destroy(self);
    mr_config_destroy(config);
    mr_error_clear(&error);
    mr_json_envelope_destroy(envelope);
    mr_batch_drop(batch);
}

static inline void bench_check(const struct mr_plugin *plugin, enum side side, const struct transform_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char out[OUT_MAX];
        bool is_error = strncmp(cases[i].out, "error: ", 7) == 0;

        bench_run(plugin, side, cases[i].options, cases[i].value, out);
        if (is_error ? strncmp(out, "error: ", 7) != 0 || strstr(out, cases[i].out + 7) == NULL : strcmp(out, cases[i].out) != 0)
            fail_msg("case %zu: %s of %s: got\n%s\ninstead of\n%s", i, cases[i].options, cases[i].value, out, cases[i].out);
    }
}

/* What an instance makes of a value, to be compared; the batch is the caller's. */
static inline struct mr_record *bench_apply(const struct mr_transform_ops *ops, void *self, struct mr_batch *batch, const char *value)
{
    struct mr_record *record = mr_batch_append(batch);
    struct mr_json_envelope *envelope = mr_json_envelope_create(0, 16);
    struct mr_emitter emitter;

    emitter_init(&emitter);
    bench_fill(record, SIDE_VALUE, envelope, value);
    assert_int_equal(0, ops->apply(self, record, &emitter, NULL));
    assert_int_equal(1, emitter.count);
    record = emitter.records[0];
    emitter_release(&emitter);
    mr_json_envelope_destroy(envelope);
    return record;
}

/* Does an instance that has seen other values make of each what a new one makes of it, schema included? */
static inline void bench_check_forgets(const struct mr_plugin *plugin, const char *options, const char *const *values, size_t count)
{
    const struct mr_transform_ops *ops = plugin->ops;
    struct mr_config *config = bench_config(plugin, options, NULL);
    struct mr_batch *batch = mr_batch_create(64u << 20);
    void *experienced = ops->create(config, NULL);

    for (size_t i = 0; i < 3 * count; i++) {
        void *fresh = ops->create(config, NULL);
        const struct mr_record *one = bench_apply(ops, experienced, batch, values[i * 7 / 3 % count]);
        const struct mr_record *other = bench_apply(ops, fresh, batch, values[i * 7 / 3 % count]);

        assert_ptr_equal(mr_record_value_schema(one), mr_record_value_schema(other));
        assert_true(mr_value_equals(mr_record_value(one), mr_record_value(other)));
        ops->destroy(fresh);
    }
    ops->destroy(experienced);
    mr_config_destroy(config);
    mr_batch_drop(batch);
}

#define CHECK_VALUES(plugin, cases) bench_check(&plugin##_value, SIDE_VALUE, cases, sizeof(cases) / sizeof((cases)[0]))
#define CHECK_KEYS(plugin, cases) bench_check(&plugin##_key, SIDE_KEY, cases, sizeof(cases) / sizeof((cases)[0]))

#endif
