/* sink_feed: a plugin's task that is fed by hand, without consumer and group. */
#include <sched.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sink_script.h"
#include "task/sink_feed.h"

#define ITEMS_MAX 10

static struct record_origin origins[ITEMS_MAX];
static struct sink_feed_item items[ITEMS_MAX];
static size_t item_count;
static struct mr_error *why;

static const char *const failing[] = {"transforms=f", "transforms.f.type=org.acme.Failing", NULL};
static const char *const failing_once[] = {"transforms=f", "transforms.f.type=org.acme.Failing", "transforms.f.times=1", NULL};
static const char *const dropping[] = {"transforms=d", "transforms.d.type=org.apache.kafka.connect.transforms.Filter", NULL};

static int set_up_feed(void **state)
{
    item_count = 0;
    return set_up(state);
}

static int tear_down_feed(void **state)
{
    (void)state;
    mr_error_clear(&why);
    drop_kept();
    return 0;
}

/* NULL: no memory (only while the test makes that happen). */
static struct sink_feed *feed_of(bool isolates, const char *const *lines)
{
    static const struct mr_config_def no_options = {.size = sizeof(no_options)};
    struct string_map *properties = bench_properties(lines), *options = bench_properties(NULL);
    struct mr_config *config = options == NULL ? NULL : config_create(&no_options, options, NULL);
    struct sink_feed *feed = NULL;

    if (properties != NULL && config != NULL)
        feed = sink_feed_create(&(struct sink_feed_setup){.connector = "files",
                                                          .plugin = &ops,
                                                          .config = config,
                                                          .pipeline = &(struct sink_pipeline_setup){.loader = bench.loader,
                                                                                                    .connector = properties},
                                                          .isolate = isolates,
                                                          .flush_timeout_ms = 300},
                                &why);
    else
        mr_config_destroy(config);
    string_map_destroy(properties);
    string_map_destroy(options);
    return feed;
}

static struct sink_feed *start_feed(bool isolates, const char *const *lines)
{
    struct sink_feed *feed = feed_of(isolates, lines);

    assert_non_null(feed);
    assert_int_equal(0, sink_feed_start(feed, &why));
    script.calls[0] = '\0';
    return feed;
}

static void give(int32_t partition, int64_t offset, const char *value)
{
    assert_true(item_count < ITEMS_MAX);
    origins[item_count] = (struct record_origin){.topic = "t",
                                                 .partition = partition,
                                                 .offset = offset,
                                                 .timestamp_ms = 1000,
                                                 .timestamp_type = MR_TIMESTAMP_CREATE_TIME,
                                                 .value = {value, strlen(value)}};
    items[item_count] = (struct sink_feed_item){.origin = &origins[item_count]};
    item_count++;
}

static int feed_all(struct sink_feed *feed)
{
    return sink_feed_put(feed, items, item_count, deadline_after_ms(5000), &why);
}

/* "taken failed …" */
static const char *results(void)
{
    static const char *const names[] = {"open", "taken", "dropped", "failed"};
    static char text[200];

    text[0] = '\0';
    for (size_t i = 0; i < item_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i == 0 ? "" : " ", names[items[i].result]);
    return text;
}

static void records_are_opened_put_and_said_to_be_safe_in_order(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    give(1, 5, "c");
    give(0, 9, "b");
    give(0, 7, "a");
    assert_int_equal(0, feed_all(feed));
    assert_string_equal("open[0=7 1=5] put[a b c] pre_commit[0=10 1=6] ", script.calls);
    assert_string_equal("taken taken taken", results());
    script.calls[0] = '\0';
    item_count = 0;
    give(0, 3, "d"); /* further back, in a partition that is open */
    assert_int_equal(0, feed_all(feed));
    assert_string_equal("put[d] pre_commit[0=4] ", script.calls);
    script.calls[0] = '\0';
    sink_feed_destroy(feed);
    assert_non_null(strstr(script.calls, "stop destroy "));
    assert_non_null(strstr(script.calls, "close["));
}

static void a_record_that_a_stage_fails_at_fails_alone(void **state)
{
    struct sink_feed *feed = start_feed(false, failing);

    (void)state;
    give(0, 1, "a");
    give(0, 2, "bad");
    give(0, 3, "c");
    assert_int_equal(0, feed_all(feed));
    assert_string_equal("open[0=1] put[a c] pre_commit[0=4] ", script.calls);
    assert_string_equal("taken failed taken", results());
    assert_string_equal("TRANSFORMATION", items[1].stage);
    assert_non_null(strstr(items[1].why, "a bad record"));
    sink_feed_destroy(feed);
}

static void a_stage_that_may_work_later_ends_the_call_and_blames_no_record(void **state)
{
    struct sink_feed *feed = start_feed(false, failing_once);

    (void)state;
    give(0, 1, "a");
    assert_int_equal(-1, feed_all(feed));
    assert_string_equal("open", results());
    assert_string_equal("open[0=1] ", script.calls);
    mr_error_clear(&why);
    assert_int_equal(0, feed_all(feed)); /* it works by now */
    assert_string_equal("taken", results());
    sink_feed_destroy(feed);
}

static void a_record_that_is_dropped_is_settled_without_a_put(void **state)
{
    struct sink_feed *feed = start_feed(false, dropping);

    (void)state;
    give(0, 1, "a");
    assert_int_equal(0, feed_all(feed));
    assert_string_equal("dropped", results());
    assert_string_equal("open[0=1] ", script.calls);
    sink_feed_destroy(feed);
}

static void a_put_that_fails_for_a_while_gets_the_same_records_again(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    script.fails = "put";
    script.fails_times = 2;
    script.code = MR_ERR_RETRIABLE;
    script.retry_after_ms = 1;
    give(0, 1, "a");
    assert_int_equal(0, feed_all(feed));
    assert_string_equal("open[0=1] put[a] put[a] put[a] pre_commit[0=2] ", script.calls);
    assert_string_equal("taken", results());
    sink_feed_destroy(feed);
}

static void a_target_that_is_away_for_longer_ends_the_call_and_blames_no_record(void **state)
{
    struct sink_feed *feed = start_feed(true, NULL);

    (void)state;
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    give(0, 1, "a");
    give(0, 2, "b");
    assert_int_equal(-1, sink_feed_put(feed, items, item_count, deadline_after_ms(150), &why));
    assert_string_equal("open open", results());
    assert_non_null(strstr(mr_error_message(why), "put of the connector failed"));
    sink_feed_destroy(feed);
}

static bool has_bad(struct mr_record *const *records, size_t count)
{
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        struct mr_bytes value = mr_value_bytes(mr_record_value(records[i]));
        found = found || (value.size == 3 && memcmp(value.data, "bad", 3) == 0);
    }
    return found;
}

static void refuse_bad(struct mr_record *const *records, size_t count)
{
    script.fails = has_bad(records, count) ? "put" : NULL;
    script.code = MR_ERR_DATA;
}

static void the_record_at_fault_in_a_put_is_found_where_that_is_wished(void **state)
{
    struct sink_feed *feed = start_feed(true, NULL);

    (void)state;
    script.in_put = refuse_bad;
    give(0, 1, "a");
    give(0, 2, "b");
    give(0, 3, "bad");
    give(0, 4, "d");
    assert_int_equal(0, feed_all(feed));
    assert_string_equal("open[0=1] put[a b bad d] put[a b] put[bad d] put[bad] put[d] pre_commit[0=5] ", script.calls);
    assert_string_equal("taken taken failed taken", results());
    assert_string_equal("TASK_PUT", items[2].stage);
    sink_feed_destroy(feed);
}

/* Refused together, taken by parts, until the target is away. */
static void take_one_part(struct mr_record *const *records, size_t count)
{
    script.fails = script.puts == 2 || count == 0 ? NULL : "put";
    script.code = script.puts == 1 ? MR_ERR_DATA : MR_ERR_CONNECT;
    (void)records;
}

static void what_a_put_had_taken_before_it_failed_is_settled(void **state)
{
    struct sink_feed *feed = start_feed(true, NULL);

    (void)state;
    script.in_put = take_one_part;
    give(0, 1, "a");
    give(0, 2, "b");
    give(0, 2, "b2"); /* another letter of the same record */
    give(1, 4, "c");
    assert_int_equal(-1, feed_all(feed));
    assert_string_equal("open[0=1 1=4] put[a b b2 c] put[a b] put[b2 c] pre_commit[0=3] ", script.calls);
    assert_string_equal("taken taken open open", results());
    assert_non_null(strstr(mr_error_message(why), "put of the connector failed"));
    sink_feed_destroy(feed);
}

static void a_put_that_refuses_ends_the_call_where_it_is_not(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    script.in_put = refuse_bad;
    give(0, 1, "a");
    give(0, 2, "bad");
    assert_int_equal(-1, feed_all(feed));
    assert_string_equal("open open", results());
    sink_feed_destroy(feed);
}

static int report_status;
static bool report_is_done;
static void report_first(struct mr_record *const *records, size_t count)
{
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(script.context);
    struct mr_error *reason = NULL;
    struct mr_future *future = NULL;

    if (count == 0)
        return;
    mr_error_set(&reason, MR_ERR_DATA, "does not fit");
    report_status = mr_errant_report(reporter, records[0], reason, &future, NULL);
    report_is_done = future != NULL && mr_future_is_done(future);
    mr_future_drop(future);
    mr_error_drop(reason);
}

static void a_record_that_the_plugin_reports_has_failed(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    script.in_put = report_first;
    give(0, 1, "a");
    give(0, 2, "b");
    assert_int_equal(0, feed_all(feed));
    assert_int_equal(0, report_status);
    assert_true(report_is_done);
    assert_string_equal("failed taken", results());
    assert_string_equal("does not fit", items[0].why);
    sink_feed_destroy(feed);
}

static void a_record_of_a_batch_that_was_settled_can_not_be_reported(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    script.keeps_batches = true;
    give(0, 1, "a");
    assert_int_equal(0, feed_all(feed));
    struct mr_record *late = mr_batch_at(script.kept[0], 0);
    report_first(&late, 1);
    assert_int_equal(-1, report_status);
    assert_string_equal("taken", results());
    assert_memory_equal("a", mr_value_bytes(mr_record_value(late)).data, 1);
    sink_feed_destroy(feed);
    assert_memory_equal("a", mr_value_bytes(mr_record_value(late)).data, 1); /* the plugin's as long as it likes */
}

static int asked;
static void safe_later(struct mr_offsets *offsets)
{
    if (++asked < 3)
        assert_int_equal(0, mr_offsets_put(offsets, "t", 0, asked));
}

static void what_is_safe_later_is_waited_for(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    asked = 0;
    script.in_pre_commit = safe_later;
    give(0, 1, "a");
    give(0, 2, "b");
    assert_int_equal(0, feed_all(feed));
    assert_int_equal(3, asked);
    assert_true(script.empty_puts >= 1);
    assert_string_equal("taken taken", results());
    sink_feed_destroy(feed);
}

static void safe_up_to_2(struct mr_offsets *offsets)
{
    assert_int_equal(0, mr_offsets_put(offsets, "t", 0, 2));
}

static void what_is_never_said_to_be_safe_stays_open(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    script.in_pre_commit = safe_up_to_2;
    give(0, 1, "a");
    give(0, 2, "b");
    assert_int_equal(-1, feed_all(feed));
    assert_string_equal("taken open", results());
    assert_non_null(strstr(mr_error_message(why), "does not say in time that they are safe"));
    sink_feed_destroy(feed);
}

static void a_flush_that_fails_leaves_all_open(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    script.fails = "pre_commit";
    script.code = MR_ERR_CONNECT;
    give(0, 1, "a");
    assert_int_equal(-1, feed_all(feed));
    assert_string_equal("open", results());
    sink_feed_destroy(feed);
}

static int seek_status;
static void seek(void)
{
    seek_status = mr_sink_context_seek(script.context, "t", 0, 5, NULL);
    assert_int_equal(0, mr_sink_context_pause(script.context, "t", 0, NULL));
}

static void nothing_can_be_sought(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);

    (void)state;
    script.in_open = seek;
    give(0, 1, "a");
    assert_int_equal(0, feed_all(feed));
    assert_int_equal(-1, seek_status);
    sink_feed_destroy(feed);
}

static struct sink_feed *fed;
static void interrupt_it(struct mr_record *const *records, size_t count)
{
    (void)records, (void)count;
    sink_feed_interrupt(fed);
}

static void what_was_given_up_during_put_is_not_asked_about(void **state)
{
    fed = start_feed(true, NULL);

    (void)state;
    script.in_put = interrupt_it;
    give(0, 1, "a");
    assert_int_equal(-1, feed_all(fed));
    assert_int_equal(MR_ERR_TIMEOUT, mr_error_code(why));
    assert_int_equal(1, script.stops_requested);
    assert_string_equal("open[0=1] put[a] ", script.calls);
    assert_string_equal("open", results());
    mr_error_clear(&why);
    assert_int_equal(-1, feed_all(fed));
    assert_string_equal("open[0=1] put[a] ", script.calls);
    sink_feed_destroy(fed);
}

static atomic_bool is_inside;
static void hang(struct mr_record *const *records, size_t count)
{
    (void)records, (void)count;
    atomic_store(&is_inside, true);
    while (!mr_sink_context_is_stopping(script.context))
        sched_yield();
}

static void *interrupt_when_inside(void *feed)
{
    while (!atomic_load(&is_inside))
        sched_yield();
    sink_feed_interrupt(feed);
    return NULL;
}

static void a_put_that_hangs_is_asked_from_outside_to_let_go(void **state)
{
    struct sink_feed *feed = start_feed(false, NULL);
    pthread_t thread;

    (void)state;
    atomic_store(&is_inside, false);
    script.in_put = hang;
    give(0, 1, "a");
    assert_true(thread_start(&thread, &(struct thread_setup){.name = "interrupt", .run = interrupt_when_inside, .argument = feed}, NULL, 0));
    assert_int_equal(-1, feed_all(feed));
    thread_join(thread);
    assert_int_equal(1, script.stops_requested);
    assert_string_equal("open", results());
    sink_feed_destroy(feed);
}

static void a_start_that_fails_is_told_and_stopped(void **state)
{
    struct sink_feed *feed = feed_of(false, NULL);

    (void)state;
    script.fails = "start";
    script.code = MR_ERR_CONFIG;
    assert_int_equal(-1, sink_feed_start(feed, &why));
    assert_non_null(strstr(mr_error_message(why), "start of the connector failed"));
    sink_feed_destroy(feed);
    assert_string_equal("create start stop destroy ", script.calls);
}

static void want_of_memory_loses_nothing(void **state)
{
    static char large[100000];
    bool is_done = false;

    (void)state;
    memset(large, 'a', sizeof(large) - 1); /* no arena has room for it without asking */
    give(0, 1, large);
    for (int64_t n = 0; !is_done; n++) {
        mem_watch_start(n);
        struct sink_feed *feed = feed_of(false, NULL);
        is_done = feed != NULL && sink_feed_start(feed, &why) == 0 && feed_all(feed) == 0;
        mem_watch_stop();
        if (feed != NULL)
            assert_string_equal(is_done ? "taken" : "open", results()); /* never the record's fault */
        items[0].result = SINK_FEED_OPEN;
        sink_feed_destroy(feed);
        mr_error_clear(&why);
        script.calls[0] = '\0';
        assert_true(n < 5000);
    }
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_feed, tear_down_feed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_opened_put_and_said_to_be_safe_in_order),
        TEST(a_record_that_a_stage_fails_at_fails_alone),
        TEST(a_stage_that_may_work_later_ends_the_call_and_blames_no_record),
        TEST(a_record_that_is_dropped_is_settled_without_a_put),
        TEST(a_put_that_fails_for_a_while_gets_the_same_records_again),
        TEST(a_target_that_is_away_for_longer_ends_the_call_and_blames_no_record),
        TEST(the_record_at_fault_in_a_put_is_found_where_that_is_wished),
        TEST(what_a_put_had_taken_before_it_failed_is_settled),
        TEST(a_put_that_refuses_ends_the_call_where_it_is_not),
        TEST(a_record_that_the_plugin_reports_has_failed),
        TEST(a_record_of_a_batch_that_was_settled_can_not_be_reported),
        TEST(what_is_safe_later_is_waited_for),
        TEST(what_is_never_said_to_be_safe_stays_open),
        TEST(a_flush_that_fails_leaves_all_open),
        TEST(nothing_can_be_sought),
        TEST(what_was_given_up_during_put_is_not_asked_about),
        TEST(a_put_that_hangs_is_asked_from_outside_to_let_go),
        TEST(a_start_that_fails_is_told_and_stopped),
        TEST(want_of_memory_loses_nothing),
    };
    bench_load(MR_PLUGINS "/string_converter.so," MR_PLUGINS "/transforms.so," MR_TEST_PLUGINS "/failing_transform.so");
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    loader_destroy(bench.loader);
    return failures;
}
