/* VerifiableSource and VerifiableSink: what they number, print and resume from, with standard output in a file of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connector_test.h"
#include "verifiable_plugin.h"

/* --- what they print ---- */

static int own_stdout = -1;
static char printed[1 << 20];

static void print_into(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);

    fflush(stdout);
    own_stdout = dup(STDOUT_FILENO);
    assert_true(fd >= 0 && own_stdout >= 0 && dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
    close(fd);
}

static const char *end_printing(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, printed, sizeof(printed) - 1);

    assert_int_equal(STDOUT_FILENO, dup2(own_stdout, STDOUT_FILENO));
    close(own_stdout);
    close(fd);
    assert_true(size >= 0);
    printed[size] = '\0';
    return printed;
}

/* --- the source ---- */

/* Ends of transactions, as asked for: the numbers after which they stand; aborts are negative, less one. */
struct cuts {
    int64_t at[64];
    size_t count, batches;
};

static void note(struct cuts *cuts, const struct mr_record *record, bool is_abort)
{
    if (record == NULL) {
        cuts->batches++;
        return;
    }
    int64_t seqno = mr_value_integer(mr_record_value(record));

    cuts->at[cuts->count++] = is_abort ? -seqno - 1 : seqno;
}

static void note_commit(void *owner, const struct mr_record *record)
{
    note(owner, record, false);
}

static void note_abort(void *owner, const struct mr_record *record)
{
    note(owner, record, true);
}

static const struct transaction_host cuts_host = {.commit = note_commit, .abort = note_abort};

static int64_t seqno_at(const struct source_bench *bench, size_t index)
{
    return mr_value_integer(mr_record_value(mr_batch_at(bench->batch, index)));
}

static int64_t offset_at(const struct source_bench *bench, size_t index)
{
    return mr_value_integer(mr_map_get(mr_record_source_offset(mr_batch_at(bench->batch, index)), "seqno"));
}

static void records_are_numbered_and_told_as_kafkas_tool_does(void **state)
{
    const char *path = in_folder(*state, "out");
    struct source_bench bench;
    struct mr_record_metadata metadata = {.size = sizeof(metadata), .topic = "t"};
    struct mr_record *record;

    source_bench_init(&bench, &verifiable_source_plugin, (const char *const[]){"topic=a \"b\"", "throughput=10", "id=3", NULL});
    source_bench_start(&bench);
    print_into(path);
    assert_int_equal(0, source_bench_poll(&bench));
    record = mr_batch_at(bench.batch, 0);
    assert_int_equal(0, bench.ops->commit_record(bench.self, record, &metadata, NULL));
    assert_string_equal("{\"name\":\"test\",\"task\":3,\"topic\":\"a \\\"b\\\"\",\"time_ms\":1700000000000,\"seqno\":0}\n"
                        "{\"name\":\"test\",\"task\":3,\"topic\":\"a \\\"b\\\"\",\"time_ms\":1700000000000,\"seqno\":0,\"committed\":true}\n",
                        end_printing(path));
    assert_int_equal(1, mr_batch_count(bench.batch));
    assert_string_equal("a \"b\"", mr_record_topic(record));
    assert_int_equal(MR_TYPE_INT32, mr_schema_type(mr_record_key_schema(record)));
    assert_int_equal(3, mr_value_integer(mr_record_key(record)));
    assert_int_equal(MR_TYPE_INT64, mr_schema_type(mr_record_value_schema(record)));
    assert_int_equal(3, mr_value_integer(mr_map_get(mr_record_source_partition(record), "id")));
    assert_int_equal(0, offset_at(&bench, 0));
    source_bench_release(&bench);
}

static void a_complete_record_holds_what_is_printed(void **state)
{
    const char *path = in_folder(*state, "out");
    struct source_bench bench;
    struct mr_record_metadata metadata = {.size = sizeof(metadata), .topic = "t"};

    source_bench_init(&bench, &verifiable_source_plugin,
                      (const char *const[]){"topic=t", "throughput=10", "complete.record.data=True", NULL});
    source_bench_start(&bench);
    print_into(path);
    assert_int_equal(0, source_bench_poll(&bench));
    struct mr_record *record = mr_batch_at(bench.batch, 0);
    assert_int_equal(0, bench.ops->commit_record(bench.self, record, &metadata, NULL));
    assert_non_null(strstr(end_printing(path), "\"seqno\":0,\"committed\":true}\n"));
    const struct mr_value *value = mr_record_value(record);
    assert_int_equal(0, mr_value_validate(mr_record_value_schema(record), value, NULL, NULL));
    assert_text("test", mr_struct_get(value, "name"));
    assert_text("t", mr_struct_get(value, "topic"));
    assert_int_equal(0, mr_value_integer(mr_struct_get(value, "task")));
    assert_int_equal(0, mr_value_integer(mr_struct_get(value, "seqno")));
    assert_int_equal(host_wall_ms, mr_value_integer(mr_struct_get(value, "time_ms")));
    source_bench_release(&bench);
}

static void it_goes_on_after_the_stored_number(void **state)
{
    const char *path = in_folder(*state, "out");
    struct source_bench bench;

    source_bench_init(&bench, &verifiable_source_plugin, (const char *const[]){"topic=t", NULL});
    source_bench_store(&bench, "seqno", 41);
    source_bench_start(&bench);
    print_into(path);
    assert_int_equal(0, source_bench_poll(&bench));
    end_printing(path);
    assert_int_equal(100, mr_batch_count(bench.batch)); /* all that one poll may bring */
    assert_false(bench.poll_after_is_set);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(42 + i, seqno_at(&bench, i));
        assert_int_equal(42 + i, offset_at(&bench, i));
    }
    source_bench_release(&bench);
}

static void an_offset_without_a_number_is_refused(void **state)
{
    struct source_bench bench;

    (void)state;
    source_bench_init(&bench, &verifiable_source_plugin, (const char *const[]){"topic=t", NULL});
    source_bench_store(&bench, "position", 41);
    bench.self = bench.ops->create(&bench.context, &bench.error);
    assert_int_equal(-1, bench.ops->start(bench.self, bench.config, &bench.error));
    assert_non_null(strstr(mr_error_message(bench.error), "seqno"));
    source_bench_release(&bench);
}

static void its_pace_is_kept_and_not_made_up_for(void **state)
{
    const char *path = in_folder(*state, "out");
    struct source_bench bench;
    size_t count = 0;

    source_bench_init(&bench, &verifiable_source_plugin, (const char *const[]){"topic=t", "throughput=40", NULL});
    source_bench_start(&bench);
    print_into(path);
    for (int64_t until_ms = host_monotonic_ms + 10000; host_monotonic_ms < until_ms; host_monotonic_ms += bench.poll_after_ms) {
        assert_int_equal(0, source_bench_poll(&bench));
        assert_in_range(bench.poll_after_ms, 1, 1000);
        count += mr_batch_count(bench.batch);
    }
    assert_in_range(count, 395, 401);
    host_monotonic_ms += 3600 * 1000; /* paused for an hour */
    assert_int_equal(0, source_bench_poll(&bench));
    assert_int_equal(1, mr_batch_count(bench.batch));
    end_printing(path);
    source_bench_release(&bench);
}

static void a_throughput_of_zero_sends_one_record(void **state)
{
    const char *path = in_folder(*state, "out");
    struct source_bench bench;

    source_bench_init(&bench, &verifiable_source_plugin, (const char *const[]){"topic=t", "throughput=0", NULL});
    source_bench_start(&bench);
    print_into(path);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(0, source_bench_poll(&bench));
        assert_int_equal(i == 0, mr_batch_count(bench.batch));
        assert_int_equal(UINT32_MAX, bench.poll_after_ms);
        host_monotonic_ms += 60000;
    }
    end_printing(path);
    source_bench_release(&bench);
}

static void a_task_without_boundaries_of_its_own_ignores_them(void **state)
{
    const char *path = in_folder(*state, "out");
    struct source_bench bench;

    source_bench_init(&bench, &verifiable_source_plugin,
                      (const char *const[]){"topic=t", "millrace.transaction.records=5", "millrace.transaction.abort.every=1", NULL});
    source_bench_start(&bench);
    print_into(path);
    assert_int_equal(0, source_bench_poll(&bench));
    end_printing(path);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(i, seqno_at(&bench, i));
    source_bench_release(&bench);
}

static void transactions_end_at_multiples_and_aborted_ones_come_again(void **state)
{
    static const int64_t seqnos[] = {7, 8, 9, 10, 11, 12, 13, 14, 10, 11, 12, 13, 14, 15};
    static const int64_t offsets[] = {7, 8, 9, 9, 9, 9, 9, 9, 10, 11, 12, 13, 14, 15};
    static const int64_t ends[] = {9, -15, 14, 19, 24, -30, 29};
    const char *path = in_folder(*state, "out");
    struct cuts cuts = {.count = 0};
    struct mr_transaction transaction = {.host = &cuts_host, .owner = &cuts};
    struct mr_record_metadata none = {.size = sizeof(none)};
    struct source_bench bench;

    source_bench_init(&bench, &verifiable_source_plugin,
                      (const char *const[]){"topic=t", "millrace.transaction.records=5", "millrace.transaction.abort.every=3", NULL});
    bench.context.transaction = &transaction;
    bench.context.batch_records_max = 33;
    source_bench_store(&bench, "seqno", 6);
    source_bench_start(&bench);
    print_into(path);
    assert_int_equal(0, source_bench_poll(&bench));
    /* 10 was aborted: nothing is told of it, until it comes again. */
    assert_int_equal(0, bench.ops->commit_record(bench.self, mr_batch_at(bench.batch, 3), &none, NULL));
    assert_null(strstr(end_printing(path), "committed"));
    for (size_t i = 0; i < sizeof(seqnos) / sizeof(seqnos[0]); i++) {
        assert_int_equal(seqnos[i], seqno_at(&bench, i));
        assert_int_equal(offsets[i], offset_at(&bench, i));
    }
    assert_int_equal(sizeof(ends) / sizeof(ends[0]), cuts.count);
    assert_memory_equal(ends, cuts.at, sizeof(ends));
    assert_int_equal(0, cuts.batches);
    source_bench_release(&bench);
}

static void without_a_length_each_poll_is_a_transaction(void **state)
{
    const char *path = in_folder(*state, "out");
    struct cuts cuts = {.count = 0};
    struct mr_transaction transaction = {.host = &cuts_host, .owner = &cuts};
    struct source_bench bench;

    source_bench_init(&bench, &verifiable_source_plugin, (const char *const[]){"topic=t", "throughput=0", NULL});
    bench.context.transaction = &transaction;
    source_bench_start(&bench);
    print_into(path);
    assert_int_equal(0, source_bench_poll(&bench));
    assert_int_equal(0, source_bench_poll(&bench)); /* without a record */
    end_printing(path);
    assert_int_equal(1, cuts.batches);
    source_bench_release(&bench);
}

static void many_lines_are_printed_whole(void **state)
{
    const char *path = in_folder(*state, "out"), *line;
    struct source_bench bench;
    int64_t seqno = 0;

    source_bench_init(&bench, &verifiable_source_plugin, (const char *const[]){"topic=t", NULL});
    bench.context.batch_records_max = 3000;
    source_bench_start(&bench);
    print_into(path);
    assert_int_equal(0, source_bench_poll(&bench));
    for (line = end_printing(path); *line != '\0'; line = strchr(line, '\n') + 1, seqno++) {
        assert_memory_equal("{\"name\":\"test\"", line, 14);
        assert_int_equal(seqno, strtoll(strstr(line, "\"seqno\":") + 8, NULL, 10));
    }
    assert_int_equal(3000, seqno);
    source_bench_release(&bench);
}

static void each_task_is_told_its_number(void **state)
{
    const struct mr_source_connector_ops *ops = verifiable_source_plugin.ops;
    struct mr_config *config = config_of(verifiable_source_plugin.config_def, (const char *const[]){"topic=t", NULL});
    struct connector_context_host host = {.raise_error = NULL};
    struct mr_connector_context context = {.host = &host, .name = "test"};
    struct mr_task_configs *configs = task_configs_create();
    void *self = ops->create(&context, NULL);

    (void)state;
    assert_int_equal(0, ops->start(self, config, NULL));
    assert_int_equal(0, ops->task_configs(self, 3, configs, NULL));
    assert_int_equal(3, task_configs_count(configs));
    assert_int_equal(MR_SUPPORTED, ops->exactly_once_support(config));
    assert_int_equal(MR_SUPPORTED, ops->can_define_transaction_boundaries(config));
    ops->stop(self);
    ops->destroy(self);
    task_configs_destroy(configs);
    mr_config_destroy(config);
}

/* --- the sink ---- */

struct sink {
    struct mr_sink_context context;
    const struct mr_sink_task_ops *ops;
    struct mr_config *config;
    void *self;
    struct mr_offsets *offsets;
    struct mr_batch *batch;
};

static const struct sink_context_host sink_host = {.assignment = NULL};

static void sink_start(struct sink *sink)
{
    const struct mr_sink_connector_ops *ops = verifiable_sink_plugin.ops;

    *sink = (struct sink){.ops = ops->task,
                          .config = config_of(verifiable_sink_plugin.config_def, (const char *const[]){"id=2", NULL}),
                          .context = {.host = &sink_host, .connector = "sink"},
                          .offsets = offsets_create(),
                          .batch = mr_batch_create(1 << 20)};
    sink->self = sink->ops->create(&sink->context, NULL);
    assert_int_equal(0, sink->ops->start(sink->self, sink->config, NULL));
}

static void sink_release(struct sink *sink)
{
    sink->ops->stop(sink->self);
    sink->ops->destroy(sink->self);
    mr_config_destroy(sink->config);
    offsets_destroy(sink->offsets);
    mr_batch_drop(sink->batch);
}

static void put(struct sink *sink, int32_t partition, int64_t offset, const struct mr_value *key, const struct mr_value *value)
{
    struct mr_record *record = mr_batch_append(sink->batch);
    const struct record_origin origin = {.topic = "t", .partition = partition, .offset = offset};

    assert_int_equal(0, mr_record_set_topic(record, "t"));
    assert_int_equal(0, mr_record_set_key(record, NULL, key));
    assert_int_equal(0, mr_record_set_value(record, NULL, value));
    assert_int_equal(0, record_set_origin(record, &origin));
    assert_int_equal(0, sink->ops->put(sink->self, &record, 1, NULL));
}

static void flush(struct sink *sink, int32_t partition)
{
    mr_offsets_clear(sink->offsets);
    assert_int_equal(0, mr_offsets_put(sink->offsets, "t", partition, 1000));
    assert_int_equal(0, sink->ops->flush(sink->self, sink->offsets, NULL));
}

#define LINE(task, seqno, offset, more)                                                                                \
    "{\"name\":\"sink\",\"task\":" task ",\"sinkTask\":2,\"topic\":\"t\",\"seqno\":" seqno ",\"offset\":" offset          \
    ",\"time_ms\":1700000000000" more "}\n"
#define FLUSHED ",\"flushed\":true"

static void what_came_is_told_and_once_more_when_it_is_flushed(void **state)
{
    const char *path = in_folder(*state, "out");
    struct sink sink;
    struct mr_arena *arena;

    sink_start(&sink);
    arena = mr_batch_arena(sink.batch);
    print_into(path);
    put(&sink, 0, 10, mr_int32(arena, 1), mr_int64(arena, 7));
    put(&sink, 1, 5, mr_null(), mr_string(arena, "%s\n\""));
    put(&sink, 0, 11, mr_int32(arena, 1), mr_int64(arena, 8));
    flush(&sink, 0);
    flush(&sink, 0); /* nothing new */
    flush(&sink, 1);
    assert_string_equal(LINE("1", "7", "10", "") LINE("null", "\"%s\\n\\\"\"", "5", "") LINE("1", "8", "11", "")
                            LINE("1", "7", "10", FLUSHED) LINE("1", "8", "11", FLUSHED)
                                LINE("null", "\"%s\\n\\\"\"", "5", FLUSHED),
                        end_printing(path));
    sink_release(&sink);
}

/* Longer than what a pipe takes in one piece. */
static void a_long_line_is_printed_as_one(void **state)
{
    const char *path = in_folder(*state, "out"), *told;
    char text[10001];
    struct sink sink;

    sink_start(&sink);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    print_into(path);
    put(&sink, 0, 10, mr_null(), mr_string(mr_batch_arena(sink.batch), text));
    put(&sink, 0, 11, mr_null(), mr_null());
    flush(&sink, 0);
    told = end_printing(path);
    assert_int_equal('\n', told[strlen(told) - 1]);
    for (int i = 0; i < 2; i++) {
        assert_non_null(told = strstr(told, text));
        assert_memory_equal("\",\"offset\":10,", told + 10000, 14);
        told += 10000;
        assert_memory_equal("}\n{\"name\"", strchr(told, '}'), 9);
    }
    sink_release(&sink);
}

static void what_a_lost_partition_had_is_not_told_as_flushed(void **state)
{
    const char *path = in_folder(*state, "out");
    struct sink sink;

    sink_start(&sink);
    print_into(path);
    put(&sink, 0, 10, mr_null(), mr_null());
    assert_int_equal(0, mr_offsets_put(sink.offsets, "t", 0, 11));
    assert_int_equal(0, sink.ops->close(sink.self, sink.offsets, NULL));
    flush(&sink, 0);
    assert_string_equal(LINE("null", "null", "10", ""), end_printing(path));
    sink_release(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_folder(records_are_numbered_and_told_as_kafkas_tool_does),
        test_in_folder(a_complete_record_holds_what_is_printed),
        test_in_folder(it_goes_on_after_the_stored_number),
        cmocka_unit_test(an_offset_without_a_number_is_refused),
        test_in_folder(its_pace_is_kept_and_not_made_up_for),
        test_in_folder(a_throughput_of_zero_sends_one_record),
        test_in_folder(a_task_without_boundaries_of_its_own_ignores_them),
        test_in_folder(transactions_end_at_multiples_and_aborted_ones_come_again),
        test_in_folder(without_a_length_each_poll_is_a_transaction),
        test_in_folder(many_lines_are_printed_whole),
        cmocka_unit_test(each_task_is_told_its_number),
        test_in_folder(what_came_is_told_and_once_more_when_it_is_flushed),
        test_in_folder(a_long_line_is_printed_as_one),
        test_in_folder(what_a_lost_partition_had_is_not_told_as_flushed),
    };
    mr_module_v1(&test_host);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
