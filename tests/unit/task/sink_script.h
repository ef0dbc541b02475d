/* sink_script.h: a sink task stepped by hand, with a plugin that does what the test says and notes what it was asked.
 * Include after cmocka.h. */
#ifndef SINK_SCRIPT_H
#define SINK_SCRIPT_H

#include "base/thread.h"
#include "sink_bench.h"

/* --- a plugin that does what the test says ---- */

#define KEPT_MAX 1000

static struct script {
    struct mr_sink_context *context;
    char calls[8192];        /* "open[0=-1] put[a b] pre_commit[0=2] …"; empty puts are only counted */
    int puts, empty_puts, stops_requested;
    const char *fails;       /* this call fails … */
    int fails_times;         /* … so often; 0: always */
    enum mr_error_code code; /* … with this; 0: without saying why */
    uint32_t retry_after_ms; /* in the error */
    void (*in_put)(struct mr_record *const *records, size_t count);
    void (*in_open)(void), (*in_start)(void);
    void (*in_pre_commit)(struct mr_offsets *offsets);
    bool keeps_batches;
    struct mr_batch *kept[KEPT_MAX];
    size_t kept_count;
    struct task *task;
} script;

static inline void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void note(const char *format, ...)
{
    size_t used = strlen(script.calls);
    va_list args;

    va_start(args, format);
    vsnprintf(script.calls + used, sizeof(script.calls) - used, format, args);
    va_end(args);
}

static inline int answer(const char *call, struct mr_error **error)
{
    if (script.fails == NULL || strcmp(script.fails, call) != 0)
        return 0;
    if (script.fails_times > 0 && --script.fails_times == 0)
        script.fails = NULL;
    if (script.code != 0)
        mr_error_set(error, script.code, "%s went wrong", call);
    if (script.retry_after_ms > 0)
        mr_error_set_retry_after_ms(*error, script.retry_after_ms);
    return -1;
}

static inline void *create(struct mr_sink_context *context, struct mr_error **error)
{
    note("create ");
    script.context = context;
    return answer("create", error) == 0 ? &script : NULL;
}

static inline int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config;
    note("start ");
    if (script.in_start != NULL)
        script.in_start();
    return answer("start", error);
}

static inline void note_offsets(const char *call, const struct mr_offsets *offsets)
{
    note("%s[", call);
    for (size_t i = 0; i < mr_offsets_count(offsets); i++)
        note("%s%d=%lld", i == 0 ? "" : " ", (int)mr_offsets_partition(offsets, i),
             (long long)mr_offsets_offset(offsets, i));
    note("] ");
}

static inline int open_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)self;
    note_offsets("open", partitions);
    if (script.in_open != NULL)
        script.in_open();
    return answer("open", error);
}

static inline void keep(struct mr_record *const *records, size_t count)
{
    if (count == 0 || script.kept_count == KEPT_MAX)
        return;
    script.kept[script.kept_count++] = mr_batch_take(mr_record_batch(records[0]));
}

static inline int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    (void)self;
    script.puts++;
    script.empty_puts += count == 0;
    if (count > 0 && count <= 20) {
        note("put[");
        for (size_t i = 0; i < count; i++) {
            struct mr_bytes value = mr_value_bytes(mr_record_value(records[i]));

            note("%s%.*s", i == 0 ? "" : " ", (int)value.size, (const char *)value.data);
        }
        note("] ");
    }
    if (script.keeps_batches)
        keep(records, count);
    if (script.in_put != NULL)
        script.in_put(records, count);
    return answer("put", error);
}

static inline int pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    (void)self;
    note_offsets("pre_commit", offsets);
    if (script.in_pre_commit != NULL)
        script.in_pre_commit(offsets);
    return answer("pre_commit", error);
}

static inline int flush(void *self, const struct mr_offsets *offsets, struct mr_error **error)
{
    (void)self;
    note_offsets("flush", offsets);
    return answer("flush", error);
}

static inline int close_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)self;
    note_offsets("close", partitions);
    return answer("close", error);
}

static inline void request_stop(void *self)
{
    (void)self;
    script.stops_requested++;
}

static inline void stop(void *self)
{
    (void)self;
    note("stop ");
}

static inline void destroy(void *self)
{
    (void)self;
    note("destroy ");
}

static const struct mr_sink_task_ops ops = {
    .size = sizeof(ops), .create = create, .start = start, .open = open_partitions, .put = put, .flush = flush,
    .pre_commit = pre_commit, .close = close_partitions, .request_stop = request_stop, .stop = stop,
    .destroy = destroy,
};

/* --- set-up ---- */

static inline int set_up(void **state)
{
    (void)state;
    bench_reset();
    fake_producer_reset();
    fake_consumer_reset();
    memset(&script, 0, sizeof(script));
    return 0;
}

static inline struct task *start_with(const struct sink_setup *setup)
{
    struct sink_setup wanted = *setup;

    if (wanted.ops == NULL)
        wanted.ops = &ops;
    script.task = sink_task_of_test(&wanted);
    assert_non_null(script.task);
    task_request_start(script.task);
    bench_run(script.task);
    return script.task;
}

/* Running, with partitions 0 … last of topic t. What was called so far is forgotten. */
static inline struct task *start_assigned(const struct sink_setup *setup, int32_t last)
{
    struct task *task = start_with(setup);

    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, last);
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    script.calls[0] = fake_consumer.seen[0] = '\0';
    return task;
}

static inline struct task *start_plain(int32_t last)
{
    return start_assigned(&(struct sink_setup){.ops = NULL}, last);
}

static inline void drop_kept(void)
{
    while (script.kept_count > 0)
        mr_batch_drop(script.kept[--script.kept_count]);
}

static inline void finish(struct task *task)
{
    if (task_state(task) != TASK_STOPPED && task_state(task) != TASK_FAILED) {
        task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
        assert_true(bench_run(task));
    }
    task_destroy(task);
    drop_kept();
    assert_false(fake_consumer.is_open);
    assert_int_equal(0, fake_consumer.batches_out);
    assert_int_equal(0, bench.wake_references);
    if (fake_producer.listener != NULL)
        fake_producer_end();
    fake_consumer_reset();
}

static inline void add(int32_t partition, const char *value)
{
    fake_consumer_add("t", partition, value);
}

/* --- running ---- */

#define TEST(name) cmocka_unit_test_setup(name, set_up)

static inline void load_plugins(void)
{
    bench_load(MR_PLUGINS "/string_converter.so," MR_TEST_PLUGINS "/failing_transform.so," MR_TEST_PLUGINS "/failing_converter.so");
}

#define RUN_TESTS(tests) \
    load_plugins(); \
    int failures = cmocka_run_group_tests(tests, NULL, NULL); \
    loader_destroy(bench.loader); \
    return failures

#endif
