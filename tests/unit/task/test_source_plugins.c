/* The source plugins of tests/plugins under a source task: what the public ABI promises to sources, end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/thread.h"
#include "sdk/collect.h"
#include "sdk/config_host.h"
#include "sdk/contexts.h"
#include "sdk/plugin_metrics.h"
#include "source_bench.h"
#include "support/eventually.h"
#include "task/source_task_internal.h"

#include <millrace/connector.h>

static int set_up(void **state)
{
    (void)state;
    bench_reset();
    fake_producer_reset();
    fake_store_reset();
    return 0;
}

static const struct loader_plugin *plugin_of(const char *class_name)
{
    const struct loader_plugin *plugin = NULL;

    assert_int_equal(0, loader_find_any(bench.loader, class_name, NULL, &plugin, NULL));
    return plugin;
}

static struct task *create_task(const char *class_name, const char *const *lines)
{
    const struct loader_plugin *plugin = plugin_of(class_name);
    struct task *task = source_task_of_test(
        &(struct source_setup){.ops = plugin->source->task, .config_def = plugin->config_def, .config_lines = lines});

    assert_non_null(task);
    return task;
}

static double metric(struct task *task, const char *name)
{
    const struct mr_metrics *metrics = SOURCE_TASK_OF(task)->context.metrics;

    for (size_t i = 0; i < plugin_metrics_count(metrics); i++)
        if (strcmp(plugin_metrics_read(metrics, i).name, name) == 0)
            return plugin_metrics_read(metrics, i).value;
    return 0; /* not registered yet */
}

static void finish(struct task *task)
{
    if (task_state(task) < TASK_STOPPING)
        task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms());
    if (task_state(task) < TASK_STOPPED && !bench_run(task)) {
        fake_producer_end();
        assert_true(bench_run(task));
    }
    task_destroy(task);
    assert_int_equal(0, bench.wake_references);
}

/* --- progress_source ---- */

static void progress_markers_commits_and_metrics(void **state)
{
    (void)state;
    struct task *task = create_task("org.acme.ProgressSourceConnector", NULL);
    task_request_prepare(task);
    bench_run(task);
    assert_true(metric(task, "prepares") == 1); /* prepared, not started: it has not read anything */
    assert_string_equal("PREPARED ", bench.states);
    task_request_start(task);
    bench_run(task);
    assert_true(metric(task, "prepares") == 1);
    assert_true(metric(task, "has-transaction") == 0);
    assert_string_equal("1 ", sent_now());
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(-1, fake_store.stored[0]); /* the markers wait for the record before them */
    acknowledge(1);
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_store.stored[0]);
    acknowledge_all();
    bench_run(task);
    assert_true(metric(task, "records") >= 2);
    assert_true(metric(task, "commits") >= 1);
    assert_true(metric(task, "filtered") == 0);
    finish(task);
    /* A second one goes on from there. */
    fake_producer_reset();
    int64_t stored = fake_store.stored[0];
    task = create_task("org.acme.ProgressSourceConnector", NULL);
    task_request_start(task);
    bench_run(task);
    char expected[32];
    snprintf(expected, sizeof(expected), "%lld ", (long long)stored + 1);
    assert_string_equal(expected, sent_now());
    finish(task);
}

static void each_third_poll_is_delayed_as_its_error_says(void **state)
{
    static const char *const no_markers[] = {"markers=0", NULL};

    (void)state;
    struct task *task = create_task("org.acme.ProgressSourceConnector", no_markers);
    task_request_start(task);
    bench_run(task);
    assert_string_equal("1 ", sent_now());
    bench_advance_ms(task, 50);
    assert_string_equal("1 2 ", sent_now());
    bench_advance_ms(task, 50 + 399); /* the third fails and is called again after 400 ms */
    assert_string_equal("1 2 ", sent_now());
    bench_advance_ms(task, 1);
    assert_string_equal("1 2 3 ", sent_now());
    finish(task);
}

/* What a task asks for when boundaries are its own. */
static struct boundaries {
    int commits_after, commits, aborts;
    const struct mr_record *last;
} boundaries;

static void on_commit(void *owner, const struct mr_record *record)
{
    (void)owner;
    boundaries.commits_after += record != NULL;
    boundaries.commits += record == NULL;
    boundaries.last = record != NULL ? record : boundaries.last;
}

static void on_abort(void *owner, const struct mr_record *record)
{
    (void)owner, (void)record;
    boundaries.aborts++;
}

static const struct mr_value *no_offset(void *owner, const struct mr_value *partition, struct mr_arena *arena,
                                        struct mr_error **error)
{
    (void)owner, (void)partition, (void)arena, (void)error;
    return mr_null();
}

static void a_task_that_has_a_transaction_sets_its_boundaries(void **state)
{
    static const struct transaction_host transaction_host = {.commit = on_commit, .abort = on_abort};
    static const struct source_context_host context_host = {.offset = no_offset};
    const struct loader_plugin *plugin = plugin_of("org.acme.ProgressSourceConnector");
    const struct mr_source_task_ops *ops = plugin->source->task;
    struct mr_transaction transaction = {.host = &transaction_host};
    struct mr_source_context context = {
        .host = &context_host, .connector = "files", .transaction = &transaction, .metrics = plugin_metrics_create()};
    struct mr_config *config = mr_config_parse(plugin->config_def, NULL, NULL, 0, NULL);
    struct mr_batch *batch = mr_batch_create(1 << 20);
    void *self = ops->create(&context, NULL);

    (void)state;
    boundaries = (struct boundaries){.commits = 0};
    assert_int_equal(0, ops->start(self, config, NULL));
    for (int i = 0; i < 3; i++)
        assert_int_equal(i < 2 ? 0 : -1, ops->poll(self, batch, NULL));
    assert_int_equal(2, boundaries.commits_after);
    assert_ptr_equal(mr_batch_at(batch, 1), boundaries.last);
    assert_int_equal(2, boundaries.commits);
    assert_int_equal(1, boundaries.aborts);
    ops->stop(self);
    ops->destroy(self);
    mr_batch_drop(batch);
    mr_config_destroy(config);
    plugin_metrics_destroy(context.metrics);
}

static void a_connector_declares_and_checks(void **state)
{
    const struct loader_plugin *plugin = plugin_of("org.acme.ProgressSourceConnector");
    const char *names[] = {"markers"}, *texts[] = {"102"};
    struct mr_config *config = mr_config_parse(plugin->config_def, names, texts, 1, NULL);
    struct mr_config_report *report = config_report_create();
    struct mr_offset_changes *changes = offset_changes_create();
    struct mr_arena *arena = mr_arena_create(65536);
    struct mr_value *partition = mr_map_create(arena, 1);
    struct mr_error *error = NULL;
    bool handled = false;

    (void)state;
    assert_int_equal(MR_SUPPORTED, plugin->source->exactly_once_support(config));
    assert_int_equal(MR_SUPPORTED, plugin->source->can_define_transaction_boundaries(config));
    plugin->source->validate(config, report, NULL);
    assert_int_equal(1, config_report_count_of(report, "markers"));
    assert_string_equal("102 markers are too many", config_report_message(report, 0));
    assert_int_equal(0, offset_changes_add(changes, partition, mr_null()));
    assert_int_equal(-1, plugin->source->alter_offsets(config, changes, &handled, &error));
    assert_false(handled);
    mr_error_clear(&error);
    assert_int_equal(0, mr_map_put_text(arena, partition, "p", mr_int64(arena, 0)));
    assert_int_equal(0, plugin->source->alter_offsets(config, changes, &handled, &error));
    assert_true(handled);
    mr_arena_destroy(arena);
    offset_changes_destroy(changes);
    config_report_destroy(report);
    mr_config_destroy(config);
}

static void options_carry_all_that_forms_need(void **state)
{
    const struct loader_plugin *plugin = plugin_of("org.acme.ProgressSourceConnector");
    const char *names[] = {"markers"}, *odd[] = {"3"}, *even[] = {"4"};
    struct mr_error *error = NULL;
    struct mr_text_list *values = text_list_create();
    bool visible = false;

    (void)state;
    assert_null(mr_config_parse(plugin->config_def, names, odd, 1, &error));
    assert_non_null(strstr(mr_error_message(error), "must be even"));
    mr_error_clear(&error);
    struct mr_config *config = mr_config_parse(plugin->config_def, names, even, 1, NULL);
    assert_int_equal(2, config_option_count(config));
    assert_int_equal(0, config_option_recommend(config, 1, values, &visible, NULL, NULL));
    assert_true(visible);
    assert_int_equal(2, text_list_count(values));
    const struct mr_config_row *row = &config_option_at(config, 0)->row;
    assert_string_equal("Progress", row->group);
    assert_int_equal(1, row->order_in_group);
    assert_int_equal(MR_WIDTH_SHORT, row->width);
    assert_string_equal("Markers", row->display_name);
    assert_string_equal("pace", row->dependents[0]);
    text_list_destroy(values);
    mr_config_destroy(config);
}

/* --- blocking_source ---- */

static void *step_until_the_end(void *argument)
{
    bench_run(argument);
    return NULL;
}

static bool polls_again(void *argument)
{
    return metric(argument, "polls") >= 2 && strcmp(task_inside(argument), "poll") == 0;
}

static void a_stop_ends_a_poll_that_blocks(void **state)
{
    static const char *const one_record[] = {"records=1", NULL};
    pthread_t thread;
    char why[128];

    (void)state;
    struct task *task = create_task("org.acme.WaitingSourceConnector", one_record);
    assert_true(task_blocks(task));
    task_request_start(task);
    assert_true(thread_start(&thread,
                             &(struct thread_setup){.name = "own", .run = step_until_the_end, .argument = task}, why,
                             sizeof(why)));
    assert_true(eventually(20000, polls_again, task));
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 60000);
    thread_join(thread); /* it waits for its record */
    assert_string_equal("1 ", sent_now());
    acknowledge_all();
    assert_false(bench_run(task));
    assert_int_equal(1, fake_store.stored[0]);
    finish(task);
}

static bool has_sent_all(void *argument)
{
    if (bench.wakes > 0)
        bench_run(argument);
    return fake_producer.total == 20;
}

static void a_source_wakes_its_task_by_itself(void **state)
{
    static const char *const records[] = {"records=20", NULL};

    (void)state;
    struct task *task = create_task("org.acme.WakingSourceConnector", records);
    assert_false(task_blocks(task));
    task_request_start(task);
    assert_true(eventually(20000, has_sent_all, task)); /* the clock stands still: nothing but wakes makes it poll */
    bench_run(task);
    assert_int_equal(INT64_MAX, bench.wake_at_ms);
    finish(task);
}

static void a_task_may_end_while_its_source_wakes_it(void **state)
{
    static const char *const records[] = {"records=100000", "gap.ms=0", NULL};

    for (int i = 0; i < 20; i++) {
        set_up(state);
        struct task *task = create_task("org.acme.WakingSourceConnector", records);
        task_request_start(task);
        for (int steps = 0; steps < 5; steps++)
            bench_step(task);
        task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms());
        while (!fake_producer.is_closed)
            bench_step(task);
        fake_producer_end();
        while (bench_step(task) != TASK_STEP_ENDED)
            ;
        finish(task);
    }
}

/* --- careless_source ---- */

struct mistake {
    const char *line;
    const char *words; /* of the failure; NULL: none */
    const char *sent;
};

static void a_mistake_fails_its_task_alone_and_in_words(void **state)
{
    static const struct mistake cases[] = {
        {"mistake=no-topic", "left a record unfinished", "good "},
        {"mistake=no-value", "left a record unfinished", "good "},
        {"mistake=no-header", "left a record unfinished", "good "},
        {"mistake=silent", "poll failed without a reason", "good "},
        {"mistake=endless", "", "good "} /* which step runs out of memory first is open */,
        {"mistake=negative-time", "Invalid record timestamp", "good "},
        {"mistake=error-and-success", NULL, "good good "},
        {"mistake=odd-partition", NULL, "good good "},
        {"mistake=no-source", "left a record unfinished", "good "},
        {"mistake=null-source", NULL, "good good "},
        {"mistake=bad-source", "have to be maps", "good "},
        {"mistake=wrong-kind", NULL, "good text "}, /* StringConverter prints whatever there is */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *lines[] = {cases[i].line, NULL};

        set_up(state);
        struct task *task = create_task("org.acme.CarelessSourceConnector", lines);
        task_request_start(task);
        for (int steps = 0; steps < 3 && task_state(task) < TASK_STOPPING && fake_producer.total < 2; steps++)
            bench_step(task);
        assert_string_equal(cases[i].sent, sent_now());
        acknowledge_all();
        if (cases[i].words == NULL)
            task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
        bench_run(task);
        acknowledge_all();
        bench_run(task);
        if (fake_producer.listener != NULL && fake_producer.is_closed) {
            fake_producer_end();
            bench_run(task);
        }
        assert_int_equal(cases[i].words == NULL ? TASK_STOPPED : TASK_FAILED, task_state(task));
        if (cases[i].words != NULL && strstr(bench.trace, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].line, bench.trace);
        assert_in_range(fake_store.stored[0], 1, 2); /* what was good is stored */
        finish(task);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(progress_markers_commits_and_metrics),
        TEST(each_third_poll_is_delayed_as_its_error_says),
        TEST(a_task_that_has_a_transaction_sets_its_boundaries),
        TEST(a_connector_declares_and_checks),
        TEST(options_carry_all_that_forms_need),
        TEST(a_stop_ends_a_poll_that_blocks),
        TEST(a_source_wakes_its_task_by_itself),
        TEST(a_task_may_end_while_its_source_wakes_it),
        TEST(a_mistake_fails_its_task_alone_and_in_words),
    };
    bench_load(MR_PLUGINS "/string_converter.so," MR_TEST_PLUGINS "/progress_source.so," MR_TEST_PLUGINS
                          "/blocking_source.so," MR_TEST_PLUGINS "/careless_source.so");
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    loader_destroy(bench.loader);
    return failures;
}
