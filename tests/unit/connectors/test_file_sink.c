/* FileStreamSink, driven through its public tables as a task drives it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "connector_test.h"
#include "file_plugin.h"

struct sink_bench {
    struct mr_sink_context context;
    const struct mr_sink_task_ops *ops;
    struct mr_config *config;
    void *self;
    struct mr_batch *batch;
    struct mr_offsets *offsets;
    uint32_t retry_after_ms;
    struct mr_error *error;
};

static void retry_after_ms(void *owner, uint32_t delay_ms)
{
    ((struct sink_bench *)owner)->retry_after_ms = delay_ms;
}

static const struct sink_context_host sink_host = {.retry_after_ms = retry_after_ms};

static void bench_init(struct sink_bench *bench, const char *path)
{
    char file[PATH_MAX + 8];
    const struct mr_sink_connector_ops *ops = file_sink_plugin.ops;

    snprintf(file, sizeof(file), "file=%s", path);
    *bench = (struct sink_bench){.ops = ops->task,
                                 .config = config_of(file_sink_plugin.config_def, (const char *const[]){file, NULL})};
    bench->context = (struct mr_sink_context){.host = &sink_host, .owner = bench, .connector = "test"};
    bench->batch = mr_batch_create(64 << 20);
    bench->offsets = offsets_create();
    bench->self = bench->ops->create(&bench->context, NULL);
}

static void bench_start(struct sink_bench *bench, const char *path)
{
    bench_init(bench, path);
    if (bench->ops->start(bench->self, bench->config, &bench->error) != 0)
        fail_msg("%s", mr_error_message(bench->error));
}

static void bench_release(struct sink_bench *bench)
{
    bench->ops->stop(bench->self);
    bench->ops->destroy(bench->self);
    mr_config_destroy(bench->config);
    mr_batch_drop(bench->batch);
    offsets_destroy(bench->offsets);
    mr_error_clear(&bench->error);
}

static int put_value(struct sink_bench *bench, const struct mr_value *value)
{
    struct mr_record *record;

    record = mr_batch_append(bench->batch);
    assert_int_equal(0, mr_record_set_value(record, NULL, value));
    mr_error_clear(&bench->error);
    return bench->ops->put(bench->self, &record, 1, &bench->error);
}

static int put_text(struct sink_bench *bench, const char *text)
{
    batch_clear(bench->batch);
    return put_value(bench, mr_string(mr_batch_arena(bench->batch), text));
}

/* May everything put so far be committed? */
static bool is_committed(struct sink_bench *bench)
{
    mr_offsets_clear(bench->offsets);
    assert_int_equal(0, mr_offsets_put(bench->offsets, "t", 0, 7));
    assert_int_equal(0, bench->ops->pre_commit(bench->self, bench->offsets, NULL));
    return mr_offsets_get(bench->offsets, "t", 0) == 7;
}

static void assert_file(const char *path, const char *expected)
{
    char got[4096];
    FILE *file = fopen(path, "r");
    size_t size;

    assert_non_null(file);
    size = fread(got, 1, sizeof(got) - 1, file);
    fclose(file);
    got[size] = '\0';
    assert_string_equal(expected, got);
}

static void values_are_printed_as_java_prints_them(void **state)
{
    struct sink_bench bench;
    const char *path = in_folder(*state, "out");
    struct mr_arena *arena;
    struct mr_value *map, *list;

    bench_start(&bench, path);
    arena = mr_batch_arena(bench.batch);
    map = mr_map_create(arena, 2);
    list = mr_array_create(arena, 2);
    assert_int_equal(0, mr_array_append(arena, list, mr_int32(arena, 1)));
    assert_int_equal(0, mr_array_append(arena, list, mr_null()));
    assert_int_equal(0, mr_map_put_text(arena, map, "a", mr_float64(arena, 2)));
    assert_int_equal(0, mr_map_put_text(arena, map, "b", list));
    assert_int_equal(0, put_value(&bench, mr_string(arena, "as it is")));
    assert_int_equal(0, put_value(&bench, mr_null()));
    assert_int_equal(0, put_value(&bench, mr_boolean(true)));
    assert_int_equal(0, put_value(&bench, mr_int64(arena, -5)));
    assert_int_equal(0, put_value(&bench, mr_float64(arena, 1e10)));
    assert_int_equal(0, put_value(&bench, map));
    assert_true(is_committed(&bench));
    assert_file(path, "as it is\nnull\ntrue\n-5\n1.0E10\n{a=2.0, b=[1, null]}\n");
    bench_release(&bench);
}

static void what_stands_in_the_file_stays(void **state)
{
    struct sink_bench bench;
    const char *path = in_folder(*state, "out");

    append_text_to(path, "before\n");
    bench_start(&bench, path);
    assert_int_equal(0, put_text(&bench, "after"));
    bench_release(&bench);
    assert_file(path, "before\nafter\n");
}

/* A worker that was killed in the middle of a write. */
static void half_a_line_is_ended_first(void **state)
{
    struct sink_bench bench;
    const char *path = in_folder(*state, "out");

    append_text_to(path, "whole\nhal");
    bench_start(&bench, path);
    assert_int_equal(0, put_text(&bench, "half"));
    bench_release(&bench);
    assert_file(path, "whole\nhal\nhalf\n");
}

static void a_pipe_that_nobody_reads_is_no_failure(void **state)
{
    struct sink_bench bench;
    const char *path = in_folder(*state, "pipe");
    char got[64];
    int reader;

    assert_int_equal(0, mkfifo(path, 0644));
    bench_start(&bench, path);
    assert_int_equal(0, put_text(&bench, "one"));
    assert_int_equal(1000, bench.retry_after_ms);
    assert_false(is_committed(&bench));
    assert_int_equal(-1, put_text(&bench, "two")); /* the first has to go first */
    assert_true(mr_error_is_retriable(bench.error));
    assert_int_equal(1000, mr_error_retry_after_ms(bench.error));
    reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(0, put_text(&bench, "two"));
    assert_true(is_committed(&bench));
    assert_int_equal(8, read(reader, got, sizeof(got)));
    assert_memory_equal("one\ntwo\n", got, 8);
    close(reader);
    assert_int_equal(0, put_text(&bench, "three")); /* the reader has gone */
    assert_false(is_committed(&bench));
    reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(is_committed(&bench));
    assert_int_equal(6, read(reader, got, sizeof(got)));
    assert_memory_equal("three\n", got, 6);
    close(reader);
    bench_release(&bench);
}

static void a_slow_reader_gets_every_byte_once(void **state)
{
    struct sink_bench bench;
    const char *path = in_folder(*state, "pipe");
    int reader, sent = 0;
    size_t got = 0, expected = 0;
    char bytes[40000];

    assert_int_equal(0, mkfifo(path, 0644));
    reader = open(path, O_RDONLY | O_NONBLOCK);
    bench_start(&bench, path);
    memset(bytes, 'x', sizeof(bytes));
    for (int round = 0; round < 200; round++) {
        char text[30001];
        ssize_t count;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        if (sent < 20 && put_text(&bench, text) == 0) {
            expected += sizeof(text);
            sent++;
        }
        count = read(reader, bytes, 1000 + round * 100);
        got += count > 0 ? (size_t)count : 0;
    }
    assert_int_equal(20, sent);
    for (int round = 0; round < 100 && got < expected; round++) {
        ssize_t count;

        is_committed(&bench);
        count = read(reader, bytes, sizeof(bytes));
        got += count > 0 ? (size_t)count : 0;
    }
    assert_true(is_committed(&bench));
    assert_int_equal(expected, got);
    close(reader);
    bench_release(&bench);
}

static void a_full_disk_holds_offsets_back_and_loses_nothing(void **state)
{
    struct sink_bench bench;

    (void)state;
    bench_start(&bench, "/dev/full");
    assert_int_equal(0, put_text(&bench, "one"));
    assert_false(is_committed(&bench));
    assert_non_null(strstr(host_last_warning, "/dev/full"));
    assert_int_equal(-1, put_text(&bench, "two"));
    assert_true(mr_error_is_retriable(bench.error));
    assert_false(is_committed(&bench));
    bench_release(&bench);
}

static void a_file_that_cannot_be_made_fails_the_start(void **state)
{
    struct sink_bench bench;

    bench_init(&bench, in_folder(*state, "no/such/folder"));
    assert_int_equal(-1, bench.ops->start(bench.self, bench.config, &bench.error));
    assert_int_equal(MR_ERR_CONNECT, mr_error_code(bench.error));
    assert_non_null(strstr(mr_error_message(bench.error), "Couldn't find or create file '"));
    bench_release(&bench);
}

static void no_file_means_standard_output(void **state)
{
    struct sink_bench bench;
    const char *path = in_folder(*state, "stdout");
    int fd = open(path, O_WRONLY | O_CREAT, 0644), saved = dup(STDOUT_FILENO);

    dup2(fd, STDOUT_FILENO);
    close(fd);
    bench_start(&bench, "");
    assert_int_equal(0, put_text(&bench, "out"));
    bench_release(&bench);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_file(path, "out\n");
}

static void an_empty_put_writes_what_waits(void **state)
{
    struct sink_bench bench;
    const char *path = in_folder(*state, "pipe");
    int reader;
    char got[16];

    assert_int_equal(0, mkfifo(path, 0644));
    bench_start(&bench, path);
    assert_int_equal(0, put_text(&bench, "one"));
    reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(0, bench.ops->put(bench.self, NULL, 0, &bench.error));
    assert_int_equal(4, read(reader, got, sizeof(got)));
    close(reader);
    bench_release(&bench);
}

static void each_task_has_everything_the_connector_was_given(void **state)
{
    const struct mr_sink_connector_ops *ops = file_sink_plugin.ops;
    struct mr_config *config = config_of(file_sink_plugin.config_def, (const char *const[]){"file=/x", NULL});
    struct connector_context_host host = {.raise_error = NULL};
    struct mr_connector_context context = {.host = &host, .name = "test"};
    struct mr_task_configs *configs = task_configs_create();
    struct mr_offset_changes *changes = offset_changes_create();
    void *self = ops->create(&context, NULL);
    bool handled = false;

    (void)state;
    assert_int_equal(0, ops->start(self, config, NULL));
    assert_int_equal(0, ops->task_configs(self, 3, configs, NULL));
    assert_int_equal(3, task_configs_count(configs));
    assert_int_equal(0, ops->alter_offsets(config, changes, &handled, NULL));
    assert_true(handled);
    ops->stop(self);
    ops->destroy(self);
    offset_changes_destroy(changes);
    task_configs_destroy(configs);
    mr_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_folder(values_are_printed_as_java_prints_them),
        test_in_folder(what_stands_in_the_file_stays),
        test_in_folder(half_a_line_is_ended_first),
        test_in_folder(a_pipe_that_nobody_reads_is_no_failure),
        test_in_folder(a_slow_reader_gets_every_byte_once),
        test_in_folder(a_full_disk_holds_offsets_back_and_loses_nothing),
        test_in_folder(a_file_that_cannot_be_made_fails_the_start),
        test_in_folder(no_file_means_standard_output),
        test_in_folder(an_empty_put_writes_what_waits),
        test_in_folder(each_task_has_everything_the_connector_was_given),
    };
    signal(SIGPIPE, SIG_IGN); /* as the worker does */
    mr_module_v1(&test_host);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
