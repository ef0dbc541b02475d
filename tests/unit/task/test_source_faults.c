/* source_task, stepped by hand: each fault with each error policy; docs/errors.md shows the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_matrix.h"
#include "source_script.h"

enum produce_fault { PRODUCE_FINE, PRODUCE_REFUSED_NOW, PRODUCE_REFUSED_LATER, PRODUCE_BROKEN };

struct fault {
    const char *const *lines;
    enum produce_fault produce;
    enum letter_fault letter;
    enum mr_error_code poll; /* 0: fine */
    bool topic_fails, topic_waits, has_no_topic, producer_is_replaced;
    int store_fails; /* so many times in a row */
    const char *call; /* the plugin's that fails, each time */
};

static const struct fault *fault_now;
static int waits_left;
static struct outcome *outcome_now;

static size_t record_of(struct mr_bytes value)
{
    const char *text = value.data;

    text += *text == '"'; /* as JSON */
    return text[0] == 'b' ? 1 : text[0] == 'a' ? 0 : 2;
}

static void answer_records(void)
{
    while (fake_producer.listener != NULL && fake_producer.sent_count > 0) {
        size_t record = record_of(fake_producer.sent[0].value);

        if (record == 1 && fault_now->produce == PRODUCE_REFUSED_LATER) {
            fake_producer_return(PRODUCER_FAILED, "Broker: Message size too large");
            continue;
        }
        outcome_now->delivered[record] = true;
        fake_producer_return(PRODUCER_ACKED, NULL);
    }
}

static void answer_letters(void)
{
    while (fault_now->letter != LETTER_UNANSWERED && fake_letters.listener != NULL && fake_letters.sent_count > 0) {
        size_t record = record_of(fake_letters.sent[0].value);

        if (fault_now->letter == LETTER_REFUSED_LATER) {
            fake_letters_return(PRODUCER_FAILED, "Broker: Topic authorization failed");
            continue;
        }
        outcome_now->lettered[record] = true;
        fake_letters_return(PRODUCER_ACKED, NULL);
    }
}

static void fail_poll(void)
{
    bool fails = fault_now->poll != 0 && script.at == 1 && script.polls < 6;

    script.fails = fails ? "poll" : fault_now->call;
    script.code = fails ? fault_now->poll : MR_ERR_CONNECT;
    script.per_poll = fails ? 0 : 1;
}

static enum source_topic want(void *argument, const char *topic, int64_t *again_at_ms, struct mr_error **error)
{
    (void)argument, (void)topic;
    if (script.at < 2 || (fault_now->topic_waits && waits_left == 0))
        return SOURCE_TOPIC_THERE;
    if (fault_now->topic_waits) {
        waits_left--;
        *again_at_ms = bench_now_ms() + 100;
        return SOURCE_TOPIC_WAITS;
    }
    mr_error_set(error, MR_ERR_CONNECT, "the topic cannot be created");
    return SOURCE_TOPIC_FAILED;
}

static bool has_ended(const struct task *task)
{
    return task_state(task) == TASK_FAILED;
}

static void live(struct task *task)
{
    bench_run(task);
    for (int i = 0; i < 8 && !has_ended(task); i++) {
        if (fault_now->producer_is_replaced && i == 0) /* with two of them under way */
            fake_producer_swap();
        else
            answer_records();
        answer_letters();
        fake_store.mode = i < fault_now->store_fails ? STORE_FAILS : STORE_CONFIRMS;
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
        if (fake_producer.is_closed && fake_producer.listener != NULL) {
            fake_producer_end();
            bench_run(task);
        }
    }
}

static void run(const void *fault, const struct policy *policy, struct outcome *outcome)
{
    struct source_setup setup = {.pipeline_lines = ((const struct fault *)fault)->lines,
                                 .tolerate_all = policy->all,
                                 .has_dead_letters = policy->letters,
                                 .has_context = true,
                                 .log_enable = policy->log,
                                 .retry_timeout_ms = policy->retry_timeout_ms,
                                 .counters = &counters};
    void *ignored;

    set_up(&ignored);
    fault_now = fault;
    outcome_now = outcome;
    waits_left = 5;
    if (fault_now->topic_fails || fault_now->topic_waits)
        setup.topics.want = want;
    struct task *task = create_with(&setup);
    script.has_keys = script.has_headers = true;
    script.per_poll = 1;
    script.in_poll = fail_poll;
    fake_letters.refusal = fault_now->letter == LETTER_REFUSED_NOW ? "Broker: Topic authorization failed" : NULL;
    if (fault_now->produce == PRODUCE_REFUSED_NOW || fault_now->produce == PRODUCE_BROKEN) {
        fake_producer.refused_value = "bad";
        fake_producer.refusal = "Broker: Message size too large";
        fake_producer.refusal_code = fault_now->produce == PRODUCE_BROKEN ? MR_ERR_CONNECT : MR_ERR_DATA;
    }
    add(0, "a");
    add_to(fault_now->has_no_topic ? NULL : "lines", 0, "bad");
    add(0, "c");
    script.fails = fault_now->call;
    script.code = MR_ERR_CONNECT;
    task_request_start(task);
    live(task);
    snprintf(outcome->state, sizeof(outcome->state), "%s", task_state_name(task_state(task)));
    if (task_state(task) == TASK_FAILED && outcome->words != NULL && strstr(bench.trace, outcome->words) == NULL)
        fail_msg("'%s' is not in: %s", outcome->words, bench.trace);
    finish(task);
    if (fake_letters.listener != NULL)
        fake_end(&fake_letters);
    outcome->offset = fake_store.stored[0] < 0 ? 0 : fake_store.stored[0];
}

#define FAULT(...) &(const struct fault){__VA_ARGS__}

static void no_fault_loses_a_record(void **state)
{
    const struct matrix_row rows[] = {
        {"`poll`, retriable", COUNTED_NOT, .fault = FAULT(.poll = MR_ERR_RETRIABLE)},
        {"`poll`, anything else", COUNTED_NOT, .words = "poll went wrong", .fault = FAULT(.poll = MR_ERR_CONNECT)},
        {"`start`", COUNTED_NOT, .words = "start went wrong", .fault = FAULT(.call = "start")},
        {"`commitRecord`, each time", COUNTED_NOT, .fault = FAULT(.call = "commit_record")},
        {"`commit`, each time", COUNTED_NOT, .fault = FAULT(.call = "commit")},
        {"transform or predicate", COUNTED_RECORD, .words = POLICY, .fault = FAULT(.lines = transform)},
        {"header converter", COUNTED_RECORD, .words = POLICY, .fault = FAULT(.lines = header)},
        {"key converter", COUNTED_RECORD, .words = POLICY, .fault = FAULT(.lines = key)},
        {"value converter", COUNTED_RECORD, .words = POLICY, .fault = FAULT(.lines = value)},
        {"transform, retriable, no retry timeout; of records 0 and 1", COUNTED_RECORD, .is_retriable = true, .words = POLICY,
         .fault = FAULT(.lines = twice)},
        {"transform, retriable, works within the retry timeout", COUNTED_RECORD, .is_retriable = true, .retries = true,
         .fault = FAULT(.lines = twice)},
        {"converter, retriable, past the retry timeout; of all records", COUNTED_RECORD, .is_retriable = true, .retries = true,
         .words = POLICY, .fault = FAULT(.lines = always)},
        {"record without a topic", COUNTED_NOT, .words = "has no topic", .fault = FAULT(.has_no_topic = true)},
        {"topic cannot be created", COUNTED_NOT, .words = "the topic cannot be created", .fault = FAULT(.topic_fails = true)},
        {"topic is not there for a while", COUNTED_NOT, .fault = FAULT(.topic_waits = true)},
        {"the producer is replaced, and its records come back", COUNTED_NOT, .fault = FAULT(.producer_is_replaced = true)},
        {"Kafka's client refuses the record", COUNTED_PRODUCE, .words = "Unrecoverable exception from producer send callback",
         .fault = FAULT(.produce = PRODUCE_REFUSED_NOW)},
        {"the broker refuses the record", COUNTED_PRODUCE, .words = "Unrecoverable exception from producer send callback",
         .fault = FAULT(.produce = PRODUCE_REFUSED_LATER)},
        {"the producer refuses whatever it is given", COUNTED_NOT, .fault = FAULT(.produce = PRODUCE_BROKEN)},
        {"offsets cannot be stored, once", COUNTED_NOT, .fault = FAULT(.store_fails = 1)},
        {"offsets cannot be stored for long", COUNTED_NOT, .fault = FAULT(.store_fails = 5)},
        {"transform; its letter is refused at once", COUNTED_RECORD, .fault = FAULT(.lines = transform, .letter = LETTER_REFUSED_NOW)},
        {"transform; its letter is refused later", COUNTED_RECORD, .fault = FAULT(.lines = transform, .letter = LETTER_REFUSED_LATER)},
        {"transform; its letter is not answered", COUNTED_RECORD, .fault = FAULT(.lines = transform, .letter = LETTER_UNANSWERED)},
        {"the broker refuses the record, and its letter", COUNTED_PRODUCE,
         .fault = FAULT(.produce = PRODUCE_REFUSED_LATER, .letter = LETTER_REFUSED_LATER)},
    };
    (void)state;
    run_matrix("source", rows, sizeof(rows) / sizeof(rows[0]), run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(no_fault_loses_a_record)};
    RUN_TESTS(tests);
}
