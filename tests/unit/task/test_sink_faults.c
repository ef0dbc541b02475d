/* sink_task, stepped by hand: each fault with each error policy; docs/errors.md shows the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_matrix.h"
#include "sink_script.h"

/* What happens to the task's partition once it has been given records. */
enum group_event { GROUP_QUIET, GROUP_CLOSE_FAILS, GROUP_OPEN_FAILS, GROUP_MOVES };

enum put_fault { PUT_FINE, PUT_REFUSES, PUT_LOST, PUT_BUSY, PUT_REPORTS };

struct fault {
    const char *const *lines; /* of the pipeline */
    enum put_fault put;
    enum letter_fault letter;
    enum group_event group;
    bool start_fails, isolate, pre_commit_fails, consumer_fails, timestamp_is_bad;
};

static const struct fault *fault_now;
static struct outcome *outcome_now;
static int busy_left;

static bool is_bad(const struct mr_record *record)
{
    struct mr_bytes value = mr_value_bytes(mr_record_value(record));

    return value.size == 3 && memcmp(value.data, "bad", 3) == 0;
}

static void report_bad(struct mr_record *const *records, size_t count)
{
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(script.context);
    struct mr_error *reason = NULL;

    mr_error_set(&reason, MR_ERR_DATA, "put went wrong");
    for (size_t i = 0; i < count; i++) {
        if (!is_bad(records[i]))
            continue;
        if (reporter == NULL)
            script.fails = "put"; /* as a plugin does that has nobody to report to */
        else
            mr_errant_report(reporter, records[i], reason, NULL, NULL); /* its answer overlooked */
    }
    mr_error_drop(reason);
}

static void deliver(struct mr_record *const *records, size_t count)
{
    bool has_bad = false;

    script.fails = NULL;
    script.code = MR_ERR_DATA;
    for (size_t i = 0; i < count; i++)
        has_bad = has_bad || is_bad(records[i]);
    if (fault_now->put == PUT_REPORTS)
        report_bad(records, count);
    if (has_bad && (fault_now->put == PUT_REFUSES || fault_now->put == PUT_LOST || (fault_now->put == PUT_BUSY && busy_left-- > 0)))
        script.fails = "put";
    if (fault_now->put == PUT_BUSY)
        script.code = MR_ERR_RETRIABLE;
    if (fault_now->put == PUT_LOST)
        script.code = MR_ERR_CONNECT;
    for (size_t i = 0; script.fails == NULL && i < count; i++)
        if (fault_now->put != PUT_REPORTS || !is_bad(records[i]))
            outcome_now->delivered[mr_record_offset(records[i])] = true;
}

static void fail_once(struct mr_offsets *offsets)
{
    (void)offsets;
    script.fails = busy_left-- > 0 ? "pre_commit" : NULL;
    script.code = MR_ERR_CONNECT;
}

static void answer_letters(void)
{
    while (fault_now->letter != LETTER_UNANSWERED && fake_producer.sent_count > 0) {
        const struct mr_bytes value = fake_producer.sent[0].value;
        size_t record = value.size == 3 ? 1 : *(const char *)value.data == 'a' ? 0 : 2;

        if (fault_now->letter == LETTER_REFUSED_LATER) {
            fake_producer_return(PRODUCER_FAILED, "Broker: Topic authorization failed");
            return;
        }
        outcome_now->lettered[record] = true;
        fake_producer_return(PRODUCER_ACKED, NULL);
    }
}

/* It goes and comes back; what was not committed comes again. */
static void rebalance(struct task *task)
{
    static const char *const fails[] = {[GROUP_CLOSE_FAILS] = "close", [GROUP_OPEN_FAILS] = "open", [GROUP_MOVES] = NULL};

    if (fault_now->group == GROUP_QUIET || task_state(task) != TASK_RUNNING)
        return;
    script.fails = fails[fault_now->group];
    script.code = MR_ERR_CONNECT;
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    if (task_state(task) != TASK_RUNNING)
        return;
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
}

static struct task *start_faulty(const struct sink_setup *setup)
{
    if (!fault_now->start_fails)
        return start_assigned(setup, 0);
    script.fails = "start";
    script.code = MR_ERR_CONNECT;
    return start_with(setup);
}

static void run(const void *fault, const struct policy *policy, struct outcome *outcome)
{
    set_up(NULL);
    fault_now = fault;
    outcome_now = outcome;
    busy_left = fault_now->put == PUT_BUSY ? 3 : 1;
    fake_consumer.has_keys = fake_consumer.has_headers = true;
    struct task *task = start_faulty(&(struct sink_setup){.pipeline_lines = fault_now->lines,
                                                            .tolerate_all = policy->all,
                                                            .has_dead_letters = policy->letters,
                                                            .log_enable = policy->log,
                                                            .retry_timeout_ms = policy->retry_timeout_ms,
                                                            .isolate = fault_now->isolate,
                                                            .counters = &counters});
    script.in_put = deliver;
    script.in_pre_commit = fault_now->pre_commit_fails ? fail_once : NULL;
    fake_producer.refusal = fault_now->letter == LETTER_REFUSED_NOW ? "Broker: Message size too large" : NULL;
    add(0, "a");
    if (task_state(task) == TASK_RUNNING)
        bench_run(task);
    if (fault_now->timestamp_is_bad)
        fake_consumer.timestamp_ms = -5;
    if (fault_now->consumer_fails)
        fake_consumer_say(CONSUMER_FAILED, "Broker: Group authorization failed");
    add(0, "bad");
    add(0, "c");
    if (task_state(task) == TASK_RUNNING)
        bench_run(task);
    rebalance(task);
    for (int i = 0; i < 8 && task_state(task) == TASK_RUNNING; i++) {
        answer_letters();
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
    }
    answer_letters();
    snprintf(outcome->state, sizeof(outcome->state), "%s", task_state_name(task_state(task)));
    if (task_state(task) == TASK_FAILED && outcome->words != NULL && strstr(bench.trace, outcome->words) == NULL)
        fail_msg("'%s' is not in: %s", outcome->words, bench.trace);
    if (task_state(task) == TASK_RUNNING) {
        task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
        bench_run(task);
    }
    outcome->offset = fake_committed("t", 0) < 0 ? 0 : fake_committed("t", 0);
    finish(task);
}

#define FAULT(...) &(const struct fault){__VA_ARGS__}

static void no_fault_loses_a_record(void **state)
{
    const struct matrix_row rows[] = {
        {"`start`", COUNTED_NOT, .words = "start went wrong", .fault = FAULT(.start_fails = true)},
        {"`open`, at a rebalance", COUNTED_NOT, .words = "open went wrong", .fault = FAULT(.group = GROUP_OPEN_FAILS)},
        {"`close`, at a rebalance", COUNTED_NOT, .words = "close went wrong", .fault = FAULT(.group = GROUP_CLOSE_FAILS)},
        {"key converter", COUNTED_RECORD, .words = POLICY, .fault = FAULT(.lines = key)},
        {"value converter", COUNTED_RECORD, .words = POLICY, .fault = FAULT(.lines = value)},
        {"header converter", COUNTED_RECORD, .words = POLICY, .fault = FAULT(.lines = header)},
        {"transform or predicate", COUNTED_RECORD, .words = POLICY, .fault = FAULT(.lines = transform)},
        {"transform, retriable, no retry timeout; of records 0 and 1", COUNTED_RECORD, .is_retriable = true, .words = POLICY, .fault = FAULT(.lines = twice)},
        {"transform, retriable, works within the retry timeout", COUNTED_RECORD, .is_retriable = true, .retries = true, .fault = FAULT(.lines = twice)},
        {"converter, retriable, past the retry timeout; of all records", COUNTED_RECORD, .is_retriable = true, .retries = true, .words = POLICY, .fault = FAULT(.lines = always)},
        {"record with a timestamp below -1", COUNTED_NOT, .words = "Invalid record timestamp", .fault = FAULT(.timestamp_is_bad = true)},
        {"`put` refuses the batch", COUNTED_NOT, .words = "Exiting sink task due to unrecoverable exception.",
         .fault = FAULT(.put = PUT_REFUSES)},
        {"`put` refuses the batch, `millrace.errors.isolate=true`", COUNTED_RECORD, .log = LOG_OFF,
         .fault = FAULT(.put = PUT_REFUSES, .isolate = true)},
        {"… with `errors.log.enable=true`", COUNTED_RECORD, .log = LOG_ON, .fault = FAULT(.put = PUT_REFUSES, .isolate = true)},
        {"… and the letter is refused later", COUNTED_RECORD, .log = LOG_OFF,
         .fault = FAULT(.put = PUT_REFUSES, .isolate = true, .letter = LETTER_REFUSED_LATER)},
        {"`put` loses its connection, `millrace.errors.isolate=true`", COUNTED_NOT, .words = "Exiting sink task due to unrecoverable exception.",
         .fault = FAULT(.put = PUT_LOST, .isolate = true)},
        {"`put` is to be tried again", COUNTED_NOT, .fault = FAULT(.put = PUT_BUSY)},
        {"`put` is to be tried again, and the partition moves meanwhile", COUNTED_NOT,
         .fault = FAULT(.put = PUT_BUSY, .group = GROUP_MOVES)},
        {"`put` reports the record (and fails where there is nobody to report to)", COUNTED_REPORT, .log = LOG_OFF,
         .fault = FAULT(.put = PUT_REPORTS)},
        {"… with `errors.log.enable=true`", COUNTED_REPORT, .log = LOG_ON, .fault = FAULT(.put = PUT_REPORTS)},
        {"`preCommit` or `flush`, once", COUNTED_NOT, .fault = FAULT(.pre_commit_fails = true)},
        {"consumer", COUNTED_NOT, .words = "Group authorization failed", .fault = FAULT(.consumer_fails = true)},
        {"transform; its letter is refused at once", COUNTED_RECORD, .fault = FAULT(.lines = transform, .letter = LETTER_REFUSED_NOW)},
        {"transform; its letter is refused later", COUNTED_RECORD, .fault = FAULT(.lines = transform, .letter = LETTER_REFUSED_LATER)},
        {"transform; its letter is not answered", COUNTED_RECORD, .fault = FAULT(.lines = transform, .letter = LETTER_UNANSWERED)},
        {"`put` reports; the letter is refused at once", COUNTED_REPORT, .log = LOG_OFF,
         .fault = FAULT(.put = PUT_REPORTS, .letter = LETTER_REFUSED_NOW)},
        {"`put` reports; the letter is refused later", COUNTED_REPORT, .log = LOG_OFF,
         .fault = FAULT(.put = PUT_REPORTS, .letter = LETTER_REFUSED_LATER)},
    };
    (void)state;
    run_matrix("sink", rows, sizeof(rows) / sizeof(rows[0]), run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(no_fault_loses_a_record)};
    RUN_TESTS(tests);
}
