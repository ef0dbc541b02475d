/* source_script.h: a source task stepped by hand, with a plugin that brings what the test says and notes what it was asked.
 * Include after cmocka.h. */
#ifndef SOURCE_SCRIPT_H
#define SOURCE_SCRIPT_H

#include "sdk/config_host.h"
#include "source_bench.h"

/* --- a plugin that does what the test says ---- */

#define LINES_MAX 20000

static struct script {
    struct mr_source_context *context;
    /* What poll brings: records (value) and progress markers (value NULL), `per_poll` at a time. */
    struct {
        int64_t partition, offset;
        const char *value, *topic;
    } lines[LINES_MAX];
    size_t count, at, per_poll;
    char calls[1024];        /* all but poll, commit_record and commit, each followed by a blank */
    int polls, commits, stops_requested;
    char committed[1024];    /* by commit_record: "value@topic:partition:offset " */
    const char *fails;       /* this call fails … */
    enum mr_error_code code; /* … with this; 0: without saying why */
    uint32_t retry_after_ms, poll_after_ms;
    bool polls_nothing_after, breaks_record, stop_in_poll;
    bool has_keys, has_headers; /* records have their value as key, and in a header "h" */
    void (*in_poll)(void);
    void (*after_poll)(struct mr_batch *batch, size_t first); /* `first`: the line that its first record is of */
    struct task *task;
} script;

static inline void note_call(const char *call)
{
    size_t used = strlen(script.calls);

    snprintf(script.calls + used, sizeof(script.calls) - used, "%s ", call);
}

static inline int answer(const char *call, struct mr_error **error)
{
    if (script.fails == NULL || strcmp(script.fails, call) != 0)
        return 0;
    if (script.code != 0)
        mr_error_set(error, script.code, "%s went wrong", call);
    if (script.retry_after_ms > 0)
        mr_error_set_retry_after_ms(*error, script.retry_after_ms);
    return -1;
}

static inline void *create(struct mr_source_context *context, struct mr_error **error)
{
    note_call("create");
    script.context = context;
    return answer("create", error) == 0 ? &script : NULL;
}

static inline int prepare(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config;
    note_call("prepare");
    return answer("prepare", error);
}

static inline int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config;
    note_call("start");
    return answer("start", error);
}

static inline int append_line(struct mr_batch *batch, size_t at, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);
    const char *value = script.lines[at].value;
    struct mr_record *record;

    if (partition == NULL || offset == NULL ||
        mr_map_put_text(arena, partition, "p", mr_int64(arena, script.lines[at].partition)) != 0 ||
        mr_map_put_text(arena, offset, "o", mr_int64(arena, script.lines[at].offset)) != 0)
        return mr_arena_failed(arena, error);
    if (value == NULL)
        return mr_batch_append_progress(batch, partition, offset) == 0 ? 0 : mr_arena_failed(arena, error);
    record = mr_batch_append(batch);
    if (record != NULL && ((script.has_keys && mr_record_set_key(record, NULL, mr_string(arena, value)) != 0) ||
                           (script.has_headers && mr_record_add_header(record, "h", NULL, mr_string(arena, value)) != 0)))
        return mr_arena_failed(arena, error);
    if (record == NULL || mr_record_set_value(record, NULL, mr_string(arena, value)) != 0 ||
        (script.lines[at].topic != NULL && mr_record_set_topic_ref(record, script.lines[at].topic) != 0) ||
        mr_record_set_source(record, partition, offset) != 0)
        return mr_arena_failed(arena, error);
    return 0;
}

static inline int poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    size_t first = script.at;

    (void)self;
    script.polls++;
    if (script.in_poll != NULL)
        script.in_poll();
    for (size_t i = 0; i < script.per_poll && script.at < script.count; i++)
        if (append_line(batch, script.at++, error) != 0)
            return -1;
    if (script.after_poll != NULL && script.at > first)
        script.after_poll(batch, first);
    if (script.breaks_record && mr_batch_count(batch) > 0) {
        int ignored = mr_record_set_value(mr_batch_at(batch, 0), NULL, NULL);
        (void)ignored;
    }
    if (script.poll_after_ms > 0)
        mr_source_context_poll_after_ms(script.context, script.poll_after_ms);
    return answer("poll", error);
}

static inline int commit(void *self, struct mr_error **error)
{
    (void)self;
    script.commits++;
    return answer("commit", error);
}

static inline int commit_record(void *self, const struct mr_record *record, const struct mr_record_metadata *metadata,
                         struct mr_error **error)
{
    size_t used = strlen(script.committed);
    struct mr_bytes value = mr_value_bytes(mr_record_value(record));

    (void)self;
    snprintf(script.committed + used, sizeof(script.committed) - used, "%.*s@%s:%d:%lld ", (int)value.size,
             (const char *)value.data, metadata->topic == NULL ? "-" : metadata->topic, metadata->partition,
             (long long)metadata->offset);
    return answer("commit_record", error);
}

static inline void request_stop(void *self)
{
    (void)self;
    script.stops_requested++;
}

static inline void stop(void *self)
{
    (void)self;
    note_call("stop");
}

static inline void destroy(void *self)
{
    (void)self;
    note_call("destroy");
}

static const struct mr_source_task_ops ops = {
    .size = sizeof(ops), .create = create, .prepare = prepare, .start = start, .poll = poll, .commit = commit,
    .commit_record = commit_record, .request_stop = request_stop, .stop = stop, .destroy = destroy,
};

static inline void add_to(const char *topic, int64_t partition, const char *value)
{
    int64_t offset = 1;

    for (size_t i = 0; i < script.count; i++)
        offset += script.lines[i].partition == partition;
    script.lines[script.count].partition = partition;
    script.lines[script.count].offset = offset;
    script.lines[script.count].topic = topic;
    script.lines[script.count++].value = value;
}

static inline void add(int64_t partition, const char *value)
{
    add_to("lines", partition, value);
}

/* --- set-up ---- */

static inline int set_up(void **state)
{
    bench_reset();
    fake_producer_reset();
    fake_store_reset();
    memset(&script, 0, sizeof(script));
    script.per_poll = 100;
    script.poll_after_ms = 0;
    *state = NULL;
    return 0;
}

static inline struct task *create_with(const struct source_setup *setup)
{
    struct source_setup wanted = *setup;

    wanted.ops = &ops;
    script.task = source_task_of_test(&wanted);
    assert_non_null(script.task);
    return script.task;
}

static inline struct task *start_with(const struct source_setup *setup)
{
    struct task *task = create_with(setup);

    task_request_start(task);
    bench_run(task);
    return task;
}

static inline struct task *start_plain(void)
{
    return start_with(&(struct source_setup){.ops = NULL});
}

/* Stops what still runs; what is under way is given back by the producer. */
static inline void finish(struct task *task)
{
    if (task_state(task) != TASK_STOPPED && task_state(task) != TASK_FAILED) {
        task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms());
        if (!bench_run(task)) {
            if (!fake_producer.is_closed)
                fail_msg("the task does not end");
            fake_producer_end();
            assert_true(bench_run(task));
        }
    }
    task_destroy(task);
    assert_int_equal(0, bench.wake_references);
}

/* The producer has let go of its user: the last thing a task waits for. */
static inline void close_producer(struct task *task)
{
    assert_true(fake_producer.is_closed);
    fake_producer_end();
    assert_true(bench_run(task));
}

/* --- running ---- */

#define TEST(name) cmocka_unit_test_setup(name, set_up)

static inline void load_plugins(void)
{
    bench_load(MR_PLUGINS "/string_converter.so," MR_PLUGINS "/transforms.so," MR_TEST_PLUGINS "/exploding_transform.so," MR_TEST_PLUGINS
                          "/failing_transform.so," MR_TEST_PLUGINS "/failing_converter.so");
}

#define RUN_TESTS(tests) \
    load_plugins(); \
    int failures = cmocka_run_group_tests(tests, NULL, NULL); \
    loader_destroy(bench.loader); \
    return failures

#endif
