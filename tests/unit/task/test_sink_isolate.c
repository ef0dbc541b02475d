/* sink_task, stepped by hand: the records at fault in a batch that put refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/error_counters.h"
#include "sink_script.h"

static struct error_counters counters;
static const struct sink_setup isolating = {
    .tolerate_all = true, .has_dead_letters = true, .isolate = true, .counters = &counters};

static bool is_bad(const struct mr_record *record)
{
    struct mr_bytes value = mr_value_bytes(mr_record_value(record));

    return value.size >= 3 && memcmp(value.data, "bad", 3) == 0;
}

/* Refuses a batch with a bad record in it; nothing of it is taken. */
static size_t taken, puts_of_records;
static char order[8192];
static void refuse_bad(struct mr_record *const *records, size_t count)
{
    bool has_bad = false;

    puts_of_records += count > 0;
    for (size_t i = 0; i < count; i++)
        has_bad = has_bad || is_bad(records[i]);
    script.fails = has_bad ? "put" : NULL;
    if (script.code == 0)
        script.code = MR_ERR_DATA;
    taken += has_bad ? 0 : count;
    for (size_t i = 0; !has_bad && i < count; i++) {
        struct mr_bytes value = mr_value_bytes(mr_record_value(records[i]));
        size_t used = strlen(order);

        snprintf(order + used, sizeof(order) - used, "%.*s ", (int)value.size, (const char *)value.data);
    }
}

static struct task *start_isolating(int32_t last)
{
    memset(&counters, 0, sizeof(counters));
    taken = puts_of_records = 0;
    order[0] = '\0';
    struct task *task = start_assigned(&isolating, last);
    script.in_put = refuse_bad;
    return task;
}

static void acknowledge_letters(void)
{
    while (fake_producer.sent_count > 0)
        fake_producer_return(PRODUCER_ACKED, NULL);
}

static void only_the_record_at_fault_becomes_a_dead_letter(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    add(0, "a");
    add(0, "b");
    add(0, "bad");
    add(0, "d");
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_string_equal("put[a b bad d] put[a b] put[bad] put[d] ", script.calls); /* the fault was in the second half */
    assert_int_equal(1, fake_producer.sent_count);
    assert_memory_equal("bad", fake_producer.sent[0].value.data, 3);
    assert_int_equal(1, counters.record_failures);
    assert_int_equal(1, counters.record_errors);
    assert_int_equal(1, counters.records_skipped);
    assert_int_equal(1, counters.dead_letter_requests);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 0)); /* up to the letter under way */
    acknowledge_letters();
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(4, fake_committed("t", 0));
    finish(task);
}

static void a_single_refused_record_is_not_put_again(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    add(0, "bad");
    bench_run(task);
    assert_string_equal("put[bad] ", script.calls);
    assert_int_equal(1, fake_producer.sent_count);
    acknowledge_letters();
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    finish(task);
}

static size_t log2_up(size_t n)
{
    size_t log = 0;

    while (((size_t)1 << log) < n)
        log++;
    return log;
}

/* Every place of one and of two culprits among 1 … 33 records, and all of them. */
static void the_number_of_puts_is_bounded(void **state)
{
    (void)state;
    size_t tried = 0;
    for (size_t n = 1; n <= 33; n++) {
        for (size_t first = 0; first < n; first++) {
            for (size_t second = first; second < n; second += n / 4 + 1) {
                set_up(NULL);
                struct task *task = start_isolating(0);
                for (size_t i = 0; i < n; i++)
                    add(0, i == first || i == second ? "bad" : "good");
                bench_run(task);
                size_t culprits = first == second ? 1 : 2;
                assert_int_equal(TASK_RUNNING, task_state(task));
                assert_int_equal(n - culprits, taken);
                assert_int_equal(culprits, fake_producer.sent_count);
                if (puts_of_records > 1 + 2 * culprits * log2_up(n))
                    fail_msg("%zu puts for %zu of %zu", puts_of_records, culprits, n);
                acknowledge_letters();
                bench_advance_ms(task, FLUSH_INTERVAL_MS);
                assert_int_equal(n, fake_committed("t", 0));
                finish(task);
                tried++;
            }
        }
    }
    print_message("%zu batches isolated, none put more than 1 + 2*k*log2(n) times\n", tried);
}

static void a_batch_of_nothing_but_faults_is_given_up_record_by_record(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    for (int i = 0; i < 16; i++)
        add(0, "bad");
    bench_run(task);
    assert_int_equal(16, fake_producer.sent_count);
    assert_int_equal(0, taken);
    acknowledge_letters();
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(16, fake_committed("t", 0));
    finish(task);
}

static void records_stay_in_order(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    static const char *const values[] = {"1", "bad", "2", "3", "4", "bad", "bad", "5", "6"};
    for (size_t i = 0; i < 9; i++)
        add(0, values[i]);
    bench_run(task);
    assert_string_equal("1 2 3 4 5 6 ", order);
    finish(task);
}

static void commits_follow_while_parts_are_put(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    for (int i = 0; i < 8; i++)
        add(0, i == 7 ? "bad" : "good");
    /* The group is served and offsets are committed between two parts. */
    bench_step(task); /* the whole, refused */
    bench_step(task); /* the first half, taken */
    fake_clock_advance_ms(&bench.clock, FLUSH_INTERVAL_MS);
    bench_step(task);
    assert_int_equal(4, fake_committed("t", 0));
    bench_run(task);
    finish(task);
}

static void a_lost_partition_takes_its_records_out_of_the_search(void **state)
{
    (void)state;
    struct task *task = start_isolating(1);
    for (int i = 0; i < 4; i++)
        add(0, i == 1 ? "bad" : "keep");
    for (int i = 0; i < 4; i++)
        add(1, i == 2 ? "bad" : "gone");
    bench_step(task); /* the whole */
    bench_step(task); /* the first half: refused */
    fake_consumer_group(CONSUMER_REVOKED, "t", 1, 1);
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_string_equal("keep keep keep ", order);
    assert_int_equal(1, fake_producer.sent_count);
    acknowledge_letters();
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(4, fake_committed("t", 0));
    assert_int_equal(-1, fake_committed("t", 1));
    finish(task);
}

static void a_search_whose_partitions_are_all_lost_ends(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    for (int i = 0; i < 4; i++)
        add(0, i == 1 ? "bad" : "good");
    bench_step(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_int_equal(0, fake_producer.sent_count);
    assert_int_equal(-1, fake_committed("t", 0));
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_string_equal("good good good ", order); /* they come again, all of them */
    finish(task);
}

static int retries_left;
static void refuse_bad_busily(struct mr_record *const *records, size_t count)
{
    refuse_bad(records, count);
    script.code = MR_ERR_DATA;
    if (count == 2 && retries_left > 0) {
        retries_left--;
        script.fails = "put";
        script.code = MR_ERR_RETRIABLE;
    }
}

static void a_part_is_retried_like_a_batch(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    retries_left = 2;
    script.in_put = refuse_bad_busily;
    for (int i = 0; i < 4; i++)
        add(0, i == 3 ? "bad" : "good");
    bench_run(task);
    bench_advance_ms(task, 500);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_string_equal("put[good good good bad] put[good good] put[good good] put[good good] put[good] put[bad] ",
                        script.calls);
    assert_int_equal(1, fake_producer.sent_count);
    finish(task);
}

static void a_letter_that_cannot_be_written_fails_the_task(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    fake_producer.refusal = "the letter is too large";
    add(0, "a");
    add(0, "bad");
    add(0, "c");
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "too large"));
    assert_int_equal(1, fake_committed("t", 0));
    finish(task);
}

static void what_no_record_is_at_fault_for_fails_the_task(void **state)
{
    (void)state;
    static const enum mr_error_code codes[] = {MR_ERR_CONNECT, MR_ERR_CONFIG, MR_ERR_NO_MEMORY, MR_ERR_TIMEOUT, MR_ERR_CONFLICT,
                                               MR_ERR_NOT_FOUND, MR_ERR_NOT_SUPPORTED, MR_ERR_ILLEGAL_STATE};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        set_up(NULL);
        struct task *task = start_isolating(0);
        script.code = codes[i];
        add(0, "a");
        add(0, "bad");
        bench_run(task);
        assert_int_equal(TASK_FAILED, task_state(task));
        assert_int_equal(0, fake_producer.sent_count);
        assert_int_equal(-1, fake_committed("t", 0));
        finish(task);
    }
}

/* The target goes away in the middle of the search: what is not yet settled comes again, and none of it becomes a letter. */
static void refuse_bad_then_be_away(struct mr_record *const *records, size_t count)
{
    refuse_bad(records, count);
    script.code = MR_ERR_DATA;
    if (puts_of_records > 2) {
        script.fails = "put";
        script.code = MR_ERR_CONNECT;
    }
}

static void a_connection_lost_during_the_search_gives_up_no_record(void **state)
{
    (void)state;
    struct task *task = start_isolating(0);
    script.in_put = refuse_bad_then_be_away;
    for (int i = 0; i < 4; i++)
        add(0, i == 2 ? "bad" : "good");
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(0, fake_producer.sent_count);
    assert_int_equal(2, fake_committed("t", 0));
    finish(task);
}

static void without_dead_letters_the_fault_is_logged(void **state)
{
    (void)state;
    struct task *task = start_assigned(
        &(struct sink_setup){.tolerate_all = true, .log_enable = true, .isolate = true, .counters = &counters}, 0);
    memset(&counters, 0, sizeof(counters));
    script.in_put = refuse_bad;
    add(0, "a");
    add(0, "bad");
    add(0, "c");
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_int_equal(1, counters.errors_logged);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    finish(task);
}

static void it_has_to_be_asked_for_and_told_to_somebody(void **state)
{
    (void)state;
    static const struct sink_setup setups[] = {
        {.tolerate_all = true, .has_dead_letters = true},          /* not asked for */
        {.has_dead_letters = true, .isolate = true},               /* not tolerated */
        {.tolerate_all = true, .isolate = true},                   /* nobody is told */
    };
    for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        set_up(NULL);
        struct task *task = start_assigned(&setups[i], 0);
        script.in_put = refuse_bad;
        add(0, "a");
        add(0, "bad");
        bench_run(task);
        assert_int_equal(TASK_FAILED, task_state(task));
        assert_non_null(strstr(bench.trace, "Exiting sink task due to unrecoverable exception."));
        assert_int_equal(-1, fake_committed("t", 0));
        finish(task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_record_at_fault_becomes_a_dead_letter),
        TEST(a_single_refused_record_is_not_put_again),
        TEST(the_number_of_puts_is_bounded),
        TEST(a_batch_of_nothing_but_faults_is_given_up_record_by_record),
        TEST(records_stay_in_order),
        TEST(commits_follow_while_parts_are_put),
        TEST(a_lost_partition_takes_its_records_out_of_the_search),
        TEST(a_search_whose_partitions_are_all_lost_ends),
        TEST(a_part_is_retried_like_a_batch),
        TEST(a_letter_that_cannot_be_written_fails_the_task),
        TEST(what_no_record_is_at_fault_for_fails_the_task),
        TEST(a_connection_lost_during_the_search_gives_up_no_record),
        TEST(without_dead_letters_the_fault_is_logged),
        TEST(it_has_to_be_asked_for_and_told_to_somebody),
    };
    RUN_TESTS(tests);
}
