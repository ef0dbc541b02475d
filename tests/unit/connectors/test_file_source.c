/* FileStreamSource, driven through its public tables as a task drives it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connector_test.h"
#include "file_plugin.h"

#define POLLS_MAX 10000

/* All lines that come until the source says it is idle, joined by "|", and the last position. */
struct read {
    char lines[8192];
    size_t count, polls;
    int64_t position;
    size_t most; /* records of one poll */
};

static const char *path_of(void *const *state)
{
    return in_folder(*state, "in");
}

static void bench_start(struct source_bench *bench, const char *path, const char *more)
{
    char file[PATH_MAX + 8];
    const char *lines[] = {file, "topic=lines", more, NULL};

    snprintf(file, sizeof(file), "file=%s", path);
    source_bench_init(bench, &file_source_plugin, lines);
    source_bench_start(bench);
}

static void note(struct read *read, struct mr_batch *batch)
{
    size_t count = mr_batch_count(batch), used;

    read->most = count > read->most ? count : read->most;
    for (size_t i = 0; i < count; i++) {
        struct mr_record *record = mr_batch_at(batch, i);
        struct mr_bytes text = mr_value_bytes(mr_record_value(record));
        const struct mr_value *position = mr_map_get(mr_record_source_offset(record), "position");

        used = strlen(read->lines);
        if (used + text.size + 2 < sizeof(read->lines))
            snprintf(read->lines + used, sizeof(read->lines) - used, "%s%.*s", read->count == 0 ? "" : "|",
                     (int)text.size, (const char *)text.data);
        read->position = mr_value_is_null(position) ? -1 : mr_value_integer(position);
        read->count++;
    }
}

static void read_all(struct source_bench *bench, struct read *read)
{
    *read = (struct read){.position = -2};
    while (read->polls++ < POLLS_MAX) {
        if (source_bench_poll(bench) != 0)
            fail_msg("%s", mr_error_message(bench->error));
        note(read, bench->batch);
        if (mr_batch_count(bench->batch) == 0 && bench->poll_after_is_set && bench->poll_after_ms > 0)
            return;
    }
    fail_msg("the source never becomes idle");
}

static void assert_reads(struct source_bench *bench, const char *lines, int64_t position)
{
    struct read read;

    read_all(bench, &read);
    assert_string_equal(lines, read.lines);
    if (*lines != '\0')
        assert_int_equal(position, read.position);
}

/* --- records ---- */

static void a_line_becomes_the_record_that_kafka_s_own_source_makes(void **state)
{
    struct source_bench bench;
    struct mr_record *record;
    const char *path = path_of(state);

    append_text_to(path, "Grüße\nzwei\n");
    bench_start(&bench, path, NULL);
    assert_int_equal(0, source_bench_poll(&bench));
    assert_int_equal(2, mr_batch_count(bench.batch));
    record = mr_batch_at(bench.batch, 0);
    assert_string_equal("lines", mr_record_topic(record));
    assert_int_equal(MR_PARTITION_NONE, mr_record_partition(record));
    assert_true(mr_value_is_null(mr_record_key(record)));
    assert_null(mr_record_key_schema(record));
    assert_int_equal(MR_TYPE_STRING, mr_schema_type(mr_record_value_schema(record)));
    assert_text("Grüße", mr_record_value(record));
    assert_int_equal(host_wall_ms, mr_record_timestamp_ms(record));
    assert_int_equal(0, mr_record_header_count(record));
    assert_int_equal(1, mr_map_count(mr_record_source_partition(record)));
    assert_text(path, mr_map_get(mr_record_source_partition(record), "filename"));
    assert_int_equal(1, mr_map_count(mr_record_source_offset(record)));
    assert_int_equal(8, mr_value_integer(mr_map_get(mr_record_source_offset(record), "position"))); /* bytes */
    assert_int_equal(MR_KIND_INT64, mr_value_kind(mr_map_get(mr_record_source_offset(record), "position")));
    source_bench_release(&bench);
}

static void every_kind_of_line_end_counts(void **state)
{
    struct source_bench bench;

    append_text_to(path_of(state), "a\nb\r\nc\rd\n\n\r\ne");
    bench_start(&bench, path_of(state), NULL);
    assert_reads(&bench, "a|b|c|d||", 12);
    source_bench_release(&bench);
}

static void a_last_line_waits_for_its_end(void **state)
{
    struct source_bench bench;

    append_text_to(path_of(state), "one\ntw");
    bench_start(&bench, path_of(state), NULL);
    assert_reads(&bench, "one", 4);
    append_text_to(path_of(state), "o\r");
    assert_reads(&bench, "", 0); /* a \n may follow */
    append_text_to(path_of(state), "\nthree\n");
    assert_reads(&bench, "two|three", 15);
    source_bench_release(&bench);
}

static void broken_characters_are_repaired(void **state)
{
    struct source_bench bench;

    append_text_to(path_of(state), "a\xff" "b\xc3\n\xe2\x82\xac\n");
    bench_start(&bench, path_of(state), NULL);
    assert_reads(&bench, "a\xef\xbf\xbd" "b\xef\xbf\xbd|\xe2\x82\xac", 9);
    source_bench_release(&bench);
}

static void batch_size_bounds_a_poll(void **state)
{
    struct source_bench bench;
    struct read read;

    for (int i = 0; i < 25; i++)
        append_text_to(path_of(state), "line\n");
    bench_start(&bench, path_of(state), "batch.size=10");
    read_all(&bench, &read);
    assert_int_equal(25, read.count);
    assert_int_equal(10, read.most);
    assert_int_equal(125, read.position);
    source_bench_release(&bench);
}

static void a_poll_stays_within_the_bytes_it_is_to_use(void **state)
{
    struct source_bench bench;
    struct read read;

    for (int i = 0; i < 1000; i++)
        append_text_to(path_of(state), "a line of some length, so that many of them are more than a little buffer\n");
    bench_start(&bench, path_of(state), NULL);
    source_bench_stop(&bench);
    mr_batch_drop(bench.batch);
    bench.batch = mr_batch_create(64 << 10); /* the smallest millrace.task.buffer.bytes */
    bench.context.batch_bytes_max = 16 << 10;
    source_bench_start(&bench);
    read_all(&bench, &read);
    assert_int_equal(1000, read.count);
    assert_in_range(read.most, 10, 100);
    source_bench_release(&bench);
}

static void many_lines_over_many_blocks_arrive_whole_and_in_order(void **state)
{
    struct source_bench bench;
    FILE *file = fopen(path_of(state), "w");
    int64_t seen = 0, position = 0;

    for (int i = 0; i < 100000; i++)
        fprintf(file, "line %d of many%s", i, i % 3 == 0 ? "\r\n" : "\n");
    fclose(file);
    bench_start(&bench, path_of(state), NULL);
    while (seen < 100000) {
        assert_int_equal(0, source_bench_poll(&bench));
        for (size_t i = 0; i < mr_batch_count(bench.batch); i++, seen++) {
            char expected[64];
            struct mr_record *record = mr_batch_at(bench.batch, i);
            int length = snprintf(expected, sizeof(expected), "line %d of many", (int)seen);

            assert_text(expected, mr_record_value(record));
            position += length + (seen % 3 == 0 ? 2 : 1);
            assert_int_equal(position, mr_value_integer(mr_map_get(mr_record_source_offset(record), "position")));
        }
    }
    source_bench_release(&bench);
}

/* --- long lines ---- */

static void write_long(const char *path, size_t size, const char *end)
{
    FILE *file = fopen(path, "a");

    for (size_t i = 0; i < size; i++)
        fputc('a' + (int)(i % 26), file);
    fputs(end, file);
    fclose(file);
}

static void a_line_of_the_greatest_length_needs_no_second_copy(void **state)
{
    struct source_bench bench;
    size_t size = 16u << 20;
    struct mr_bytes text = {.data = NULL};

    write_long(path_of(state), size, "\n");
    bench_start(&bench, path_of(state), NULL);
    mr_batch_drop(bench.batch);
    bench.batch = mr_batch_create(size + (1 << 20));
    for (int polls = 0; polls < 200 && text.data == NULL; polls++) {
        assert_int_equal(0, source_bench_poll(&bench));
        if (mr_batch_count(bench.batch) == 1)
            text = mr_value_bytes(mr_record_value(mr_batch_at(bench.batch, 0)));
        else
            assert_int_equal(0, bench.poll_after_ms);
    }
    assert_int_equal(size, text.size);
    assert_int_equal('a' + (int)((size - 1) % 26), ((const char *)text.data)[size - 1]);
    source_bench_release(&bench);
}

static void a_line_beyond_the_limit_fails_and_names_its_place(void **state)
{
    struct source_bench bench;
    int status = 0;

    append_text_to(path_of(state), "ok\n");
    write_long(path_of(state), 3u << 20, "\n");
    bench_start(&bench, path_of(state), "millrace.line.max.bytes=1048576");
    for (int polls = 0; polls < 20 && status == 0; polls++)
        status = source_bench_poll(&bench);
    assert_int_equal(-1, status);
    assert_int_equal(MR_ERR_CONNECT, mr_error_code(bench.error));
    assert_non_null(strstr(mr_error_message(bench.error), "position 3"));
    assert_non_null(strstr(mr_error_message(bench.error), path_of(state)));
    source_bench_release(&bench);
}

/* --- positions ---- */

static void it_goes_on_at_the_stored_position(void **state)
{
    struct source_bench bench;
    char file[PATH_MAX + 8];

    append_text_to(path_of(state), "Grüße\nzwei\ndrei\n");
    snprintf(file, sizeof(file), "file=%s", path_of(state));
    source_bench_init(&bench, &file_source_plugin, (const char *const[]){file, "topic=t", NULL});
    source_bench_store(&bench, "position", 8);
    source_bench_start(&bench);
    assert_reads(&bench, "zwei|drei", 18);
    assert_int_equal(0, host_warnings);
    source_bench_release(&bench);
}

static void a_position_inside_a_line_goes_back_to_its_beginning_with_a_warning(void **state)
{
    struct source_bench bench;
    char file[PATH_MAX + 8];

    /* A JVM worker counted characters: 6 for the first line. */
    append_text_to(path_of(state), "Grüße\nzwei\ndrei\n");
    snprintf(file, sizeof(file), "file=%s", path_of(state));
    source_bench_init(&bench, &file_source_plugin, (const char *const[]){file, "topic=t", NULL});
    source_bench_store(&bench, "position", 13);
    source_bench_start(&bench);
    assert_reads(&bench, "drei", 18);
    assert_int_equal(0, host_warnings);
    source_bench_release(&bench);

    source_bench_init(&bench, &file_source_plugin, (const char *const[]){file, "topic=t", NULL});
    source_bench_store(&bench, "position", 11);
    source_bench_start(&bench);
    assert_reads(&bench, "zwei|drei", 18);
    assert_int_equal(1, host_warnings);
    assert_non_null(strstr(host_last_warning, "inside a line"));
    source_bench_release(&bench);
}

static void a_position_beyond_the_end_starts_over(void **state)
{
    struct source_bench bench;
    char file[PATH_MAX + 8];

    append_text_to(path_of(state), "short\n");
    snprintf(file, sizeof(file), "file=%s", path_of(state));
    source_bench_init(&bench, &file_source_plugin, (const char *const[]){file, "topic=t", NULL});
    source_bench_store(&bench, "position", 4000);
    source_bench_start(&bench);
    assert_reads(&bench, "short", 6);
    assert_int_equal(1, host_warnings);
    source_bench_release(&bench);
}

/* --- files that come, go and change ---- */

static void a_missing_file_is_waited_for_and_told_once(void **state)
{
    struct source_bench bench;

    bench_start(&bench, path_of(state), NULL);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(0, source_bench_poll(&bench));
        assert_int_equal(0, mr_batch_count(bench.batch));
        assert_int_equal(1000, bench.poll_after_ms);
    }
    assert_int_equal(1, host_warnings);
    append_text_to(path_of(state), "here\n");
    assert_reads(&bench, "here", 5);
    source_bench_release(&bench);
}

static void a_cut_file_begins_anew(void **state)
{
    struct source_bench bench;

    append_text_to(path_of(state), "one\ntwo\npart");
    bench_start(&bench, path_of(state), NULL);
    assert_reads(&bench, "one|two", 8);
    assert_int_equal(0, truncate(path_of(state), 0));
    append_text_to(path_of(state), "new\n");
    assert_reads(&bench, "new", 4);
    source_bench_release(&bench);
}

static void a_rotated_file_loses_no_line(void **state)
{
    struct source_bench bench;

    append_text_to(path_of(state), "one\ntwo\nlast words");
    bench_start(&bench, path_of(state), NULL);
    assert_reads(&bench, "one|two", 8);
    assert_int_equal(0, rename(path_of(state), in_folder(*state, "in.1")));
    append_text_to(path_of(state), "new\n");
    for (int i = 0; i < 3 && !(mr_batch_count(bench.batch) == 1); i++)
        assert_int_equal(0, source_bench_poll(&bench));
    assert_text("last words", mr_record_value(mr_batch_at(bench.batch, 0)));
    assert_reads(&bench, "new", 4);
    source_bench_release(&bench);
}

static void an_idle_source_looks_more_and_more_seldom_and_holds_no_buffer(void **state)
{
    struct source_bench bench;
    uint32_t last_ms = 0;

    append_text_to(path_of(state), "one\n");
    bench_start(&bench, path_of(state), NULL);
    assert_reads(&bench, "one", 4);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(0, source_bench_poll(&bench));
        assert_true(bench.poll_after_ms >= last_ms);
        last_ms = bench.poll_after_ms;
    }
    assert_int_equal(1000, last_ms);
    append_text_to(path_of(state), "two\n");
    assert_reads(&bench, "two", 8);
    assert_int_equal(0, source_bench_poll(&bench));
    assert_true(bench.poll_after_ms < 1000);
    source_bench_release(&bench);
}

static void a_directory_fails_the_task(void **state)
{
    struct source_bench bench;

    bench_start(&bench, *state, NULL);
    assert_int_equal(-1, source_bench_poll(&bench));
    assert_non_null(strstr(mr_error_message(bench.error), "is a directory"));
    source_bench_release(&bench);
}

static void standard_input_has_no_positions_and_an_end(void **state)
{
    struct source_bench bench;
    int pipe_fds[2], saved = dup(STDIN_FILENO);

    (void)state;
    assert_int_equal(0, pipe(pipe_fds));
    dup2(pipe_fds[0], STDIN_FILENO);
    close(pipe_fds[0]);
    source_bench_init(&bench, &file_source_plugin, (const char *const[]){"file=", "topic=t", NULL});
    source_bench_start(&bench);
    assert_int_equal(6, write(pipe_fds[1], "hi\nrem", 6));
    assert_reads(&bench, "hi", -1);
    close(pipe_fds[1]);
    assert_reads(&bench, "rem", -1); /* nothing can follow: what is left is a line */
    assert_int_equal(0, source_bench_poll(&bench));
    assert_int_equal(0, mr_batch_count(bench.batch));
    assert_int_equal(UINT32_MAX, bench.poll_after_ms);
    source_bench_release(&bench);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

/* --- the connector ---- */

static const struct mr_source_connector_ops *connector_ops(void)
{
    return file_source_plugin.ops;
}

static void there_is_one_task_whatever_tasks_max_says(void **state)
{
    struct mr_config *config =
        config_of(file_source_plugin.config_def, (const char *const[]){"file=/x", "topic=t", "other=1", NULL});
    struct connector_context_host host = {.raise_error = NULL};
    struct mr_connector_context context = {.host = &host, .name = "test"};
    struct mr_task_configs *configs = task_configs_create();
    void *self = connector_ops()->create(&context, NULL);

    (void)state;
    assert_int_equal(0, connector_ops()->start(self, config, NULL));
    assert_int_equal(0, connector_ops()->task_configs(self, 10, configs, NULL));
    assert_int_equal(1, task_configs_count(configs));
    connector_ops()->stop(self);
    connector_ops()->destroy(self);
    task_configs_destroy(configs);
    mr_config_destroy(config);
}

static enum mr_support support_of(const char *file)
{
    struct mr_config *config = config_of(file_source_plugin.config_def, (const char *const[]){file, "topic=t", NULL});
    enum mr_support support = connector_ops()->exactly_once_support(config);

    mr_config_destroy(config);
    return support;
}

static void only_a_file_can_be_exactly_once(void **state)
{
    (void)state;
    assert_int_equal(MR_SUPPORTED, support_of("file=/x"));
    assert_int_equal(MR_UNSUPPORTED, support_of("file="));
}

struct change {
    const char *file;
    bool has_filename;
    const struct mr_value *position; /* NULL: the member is missing */
    bool forget;
};

/* NULL: accepted. */
static const char *alter(const struct change *change, struct mr_arena *arena, struct mr_error **error)
{
    struct mr_config *config =
        config_of(file_source_plugin.config_def, (const char *const[]){change->file, "topic=t", NULL});
    struct mr_offset_changes *changes = offset_changes_create();
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);
    bool handled = false;
    int status;

    if (change->has_filename)
        assert_int_equal(0, mr_map_put_text(arena, partition, "filename", mr_string(arena, "/x")));
    if (change->position != NULL)
        assert_int_equal(0, mr_map_put_text(arena, offset, "position", change->position));
    assert_int_equal(0, offset_changes_add(changes, partition, change->forget ? mr_null() : offset));
    mr_error_clear(error);
    status = connector_ops()->alter_offsets(config, changes, &handled, error);
    assert_int_equal(status == 0, handled);
    offset_changes_destroy(changes);
    mr_config_destroy(config);
    return status == 0 ? NULL : mr_error_message(*error);
}

static void changed_offsets_are_checked_in_kafka_s_words(void **state)
{
    struct mr_arena *arena = mr_arena_create(1 << 16);
    struct mr_error *error = NULL;
    const struct mr_value *good = mr_int64(arena, 17);

    (void)state;
    assert_null(alter(&(struct change){"file=/x", true, good, false}, arena, &error));
    assert_null(alter(&(struct change){"file=/x", false, NULL, true}, arena, &error));
    assert_string_equal("Offset objects should either be null or contain the key 'position'",
                        alter(&(struct change){"file=/x", true, NULL, false}, arena, &error));
    assert_string_equal("The value for the 'position' key in the offset is expected to be a Long value",
                        alter(&(struct change){"file=/x", true, mr_string(arena, "17"), false}, arena, &error));
    assert_string_equal("The value for the 'position' key in the offset should be a non-negative value",
                        alter(&(struct change){"file=/x", true, mr_int64(arena, -1), false}, arena, &error));
    assert_string_equal("Partition objects should contain the key 'filename'",
                        alter(&(struct change){"file=/x", false, good, false}, arena, &error));
    assert_non_null(strstr(alter(&(struct change){"file=", true, good, false}, arena, &error), "stdin"));
    mr_error_clear(&error);
    mr_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_folder(a_line_becomes_the_record_that_kafka_s_own_source_makes),
        test_in_folder(every_kind_of_line_end_counts),
        test_in_folder(a_last_line_waits_for_its_end),
        test_in_folder(broken_characters_are_repaired),
        test_in_folder(batch_size_bounds_a_poll),
        test_in_folder(a_poll_stays_within_the_bytes_it_is_to_use),
        test_in_folder(many_lines_over_many_blocks_arrive_whole_and_in_order),
        test_in_folder(a_line_of_the_greatest_length_needs_no_second_copy),
        test_in_folder(a_line_beyond_the_limit_fails_and_names_its_place),
        test_in_folder(it_goes_on_at_the_stored_position),
        test_in_folder(a_position_inside_a_line_goes_back_to_its_beginning_with_a_warning),
        test_in_folder(a_position_beyond_the_end_starts_over),
        test_in_folder(a_missing_file_is_waited_for_and_told_once),
        test_in_folder(a_cut_file_begins_anew),
        test_in_folder(a_rotated_file_loses_no_line),
        test_in_folder(an_idle_source_looks_more_and_more_seldom_and_holds_no_buffer),
        test_in_folder(a_directory_fails_the_task),
        test_in_folder(standard_input_has_no_positions_and_an_end),
        test_in_folder(there_is_one_task_whatever_tasks_max_says),
        test_in_folder(only_a_file_can_be_exactly_once),
        test_in_folder(changed_offsets_are_checked_in_kafka_s_words),
    };
    mr_module_v1(&test_host);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
