/* sink_task against random events: the sink keeps records in memory and loses them at each end. Nothing may be committed that it
 * has not written, and no record may be left out. The seed is printed; MILLRACE_SEED gives another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_script.h"

#define PARTITIONS 3
#define STEPS 4000
#define SEEDS 3

/* --- a sink with a memory and a store ---- */

static struct sink {
    bool is_stored[PARTITIONS][FAKE_LOG_RECORDS_MAX];
    int64_t memory_from[PARTITIONS], memory_to[PARTITIONS]; /* not stored yet; equal: nothing */
    int64_t next[PARTITIONS];                               /* that put may give, or any before; -1: any up to what is stored */
    uint64_t dice;
    bool is_calm;   /* nothing goes wrong any more */
    bool is_broken; /* put has failed for good */
    int puts, failures, lowered, rewinds, repeats, ends;
} sink;

static uint32_t roll(uint32_t sides)
{
    sink.dice = sink.dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(sink.dice >> 33) % sides;
}

static bool one_in(uint32_t sides)
{
    return !sink.is_calm && roll(sides) == 0;
}

static int64_t stored_to(int32_t p)
{
    int64_t to = 0;

    while (to < FAKE_LOG_RECORDS_MAX && sink.is_stored[p][to])
        to++;
    return to;
}

static void forget(int32_t p)
{
    sink.memory_from[p] = sink.memory_to[p] = 0;
    sink.next[p] = -1;
}

static void forget_all(void)
{
    for (int32_t p = 0; p < PARTITIONS; p++)
        forget(p);
}

static void store(int32_t p, int64_t to)
{
    for (; sink.memory_from[p] < to; sink.memory_from[p]++)
        sink.is_stored[p][sink.memory_from[p]] = true;
}

/* Never may a record be missing between what the sink has and what it is given next. */
static void take(int32_t p, int64_t offset)
{
    int64_t stored = stored_to(p);

    if (sink.memory_from[p] == sink.memory_to[p])
        sink.memory_from[p] = sink.memory_to[p] = offset;
    if (offset > (sink.next[p] < 0 ? stored : sink.next[p]))
        fail_msg("t-%d: given %lld, after %lld, stored to %lld", (int)p, (long long)offset, (long long)sink.next[p],
                 (long long)stored);
    sink.repeats += sink.is_stored[p][offset];
    if (offset != sink.memory_to[p]) { /* again from an earlier place: what is in memory comes again as well */
        assert_true(offset < sink.memory_to[p]);
        if (offset < sink.memory_from[p])
            sink.memory_from[p] = offset;
    }
    sink.memory_to[p] = sink.next[p] = offset + 1;
}

static void rewind_one(int32_t p)
{
    int64_t to = stored_to(p);

    if (mr_sink_context_seek(script.context, "t", p, roll(2) == 0 ? to : to / 2, NULL) != 0)
        return; /* not ours at present */
    forget(p);
    sink.rewinds++;
}

static int random_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    (void)self;
    sink.puts++;
    if (one_in(12)) {
        sink.failures++;
        if (one_in(4))
            rewind_one((int32_t)roll(PARTITIONS));
        return mr_error_set(error, MR_ERR_RETRIABLE, "not now");
    }
    if (one_in(60)) {
        sink.failures++;
        sink.is_broken = true;
        return mr_error_set(error, MR_ERR_CONNECT, "never");
    }
    for (size_t i = 0; i < count; i++)
        take(mr_record_partition(records[i]), mr_record_offset(records[i]));
    if (one_in(20))
        mr_sink_context_request_commit(script.context);
    if (one_in(25))
        rewind_one((int32_t)roll(PARTITIONS));
    return 0;
}

/* Stores what is in memory, or some of it, and answers with as much. */
static void answer_one(struct mr_offsets *offsets, int32_t p, bool all)
{
    int64_t given = mr_offsets_get(offsets, "t", p), to = sink.memory_to[p];

    if (given < 0)
        return;
    assert_true(given <= (sink.next[p] < 0 ? stored_to(p) : sink.next[p])); /* it asks for what was put, and no more */
    if (sink.memory_from[p] == to)
        return; /* all is stored */
    if (!all && to > sink.memory_from[p])
        to -= roll((uint32_t)(to - sink.memory_from[p]) + 1);
    store(p, to);
    if (sink.memory_from[p] == sink.memory_to[p])
        return;
    sink.lowered++;
    if (roll(2) == 0)
        mr_offsets_remove(offsets, "t", p);
    else
        assert_int_equal(0, mr_offsets_put(offsets, "t", p, sink.memory_from[p]));
}

static int random_pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    bool fails = one_in(8), all = sink.is_calm || roll(2) == 0, is_asked[PARTITIONS];

    (void)self;
    if (sink.is_broken)
        return mr_error_set(error, MR_ERR_CONNECT, "it is broken");
    for (int32_t p = 0; p < PARTITIONS; p++) {
        is_asked[p] = mr_offsets_get(offsets, "t", p) >= 0;
        answer_one(offsets, p, all && !fails);
    }
    if (fails) { /* some is stored; what is not is lost */
        sink.failures++;
        for (int32_t p = 0; p < PARTITIONS; p++)
            if (is_asked[p])
                forget(p);
        if (roll(3) == 0)
            rewind_one((int32_t)roll(PARTITIONS));
        return mr_error_set(error, MR_ERR_CONNECT, "the store is away");
    }
    if (one_in(10))
        mr_offsets_clear(offsets);
    if (one_in(10)) {
        assert_int_equal(0, mr_offsets_put(offsets, "t", (int32_t)roll(PARTITIONS), FAKE_LOG_RECORDS_MAX + 5)); /* of later */
        assert_int_equal(0, mr_offsets_put(offsets, "other", 0, 1));                                   /* of others */
    }
    if (one_in(10))
        rewind_one((int32_t)roll(PARTITIONS));
    return 0;
}

static int random_open(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)self, (void)error;
    for (size_t i = 0; i < mr_offsets_count(partitions); i++) {
        int32_t p = mr_offsets_partition(partitions, i);

        forget(p);
        if (one_in(3))
            assert_int_equal(0, mr_sink_context_seek(script.context, "t", p, stored_to(p), NULL));
    }
    return 0;
}

static int random_close(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)self, (void)error;
    for (size_t i = 0; i < mr_offsets_count(partitions); i++)
        forget(mr_offsets_partition(partitions, i));
    return 0;
}

static void random_stop(void *self)
{
    (void)self;
    forget_all();
}

static const struct mr_sink_task_ops random_ops = {
    .size = sizeof(random_ops), .create = create, .start = start, .open = random_open, .put = random_put,
    .pre_commit = random_pre_commit, .close = random_close, .stop = random_stop, .destroy = destroy};

/* --- the world ---- */

static void nothing_is_committed_that_is_not_stored(void)
{
    for (int32_t p = 0; p < PARTITIONS; p++)
        if (fake_committed("t", p) > stored_to(p))
            fail_msg("t-%d: %lld committed, %lld stored", (int)p, (long long)fake_committed("t", p),
                     (long long)stored_to(p));
}

/* The group forgets a member, not its offsets. */
static struct task *begin(void)
{
    struct task *task = sink_task_of_test(&(struct sink_setup){.ops = &random_ops, .max_poll_records = "7"});

    assert_non_null(task);
    for (size_t i = 0; i < fake_consumer.log_count; i++)
        fake_consumer.logs[i].is_assigned = false;
    fake_consumer.answer_is_due = fake_consumer.holds_commits = false;
    fake_consumer.held_count = 0;
    fake_consumer.commit_refusal = NULL;
    lease_set(&bench.lease, LEASE_FOR_EVER);
    bench.states[0] = bench.trace[0] = '\0';
    script.calls[0] = fake_consumer.seen[0] = '\0';
    task_request_start(task);
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, PARTITIONS - 1);
    bench_run(task);
    return task;
}

static bool has_ended(struct task *task)
{
    return task_state(task) == TASK_STOPPED || task_state(task) == TASK_FAILED;
}

static struct task *end_and_begin(struct task *task)
{
    sink.ends++;
    if (!has_ended(task)) {
        if (one_in(3)) /* the lease is gone: as good as killed */
            lease_set(&bench.lease, 0);
        task_request_stop(task, roll(2) == 0 ? TASK_DEPARTURE_LEAVE : TASK_DEPARTURE_STAY, bench_now_ms() + 1000);
        assert_true(bench_run(task));
    }
    task_destroy(task);
    assert_int_equal(0, fake_consumer.batches_out);
    forget_all();
    sink.is_broken = false;
    nothing_is_committed_that_is_not_stored();
    return begin();
}

static void rebalance(struct task *task, enum consumer_event_kind kind)
{
    int32_t first = (int32_t)roll(PARTITIONS), last = first + (int32_t)roll((uint32_t)(PARTITIONS - first));

    fake_consumer_group(kind, "t", first, last);
    if (roll(2) == 0)
        bench_run(task);
    if (!has_ended(task))
        fake_consumer_group(CONSUMER_ASSIGNED, "t", first, last);
}

static void add_records(void)
{
    int32_t p = (int32_t)roll(PARTITIONS);

    for (uint32_t n = roll(5); n > 0 && fake_consumer.logs[fake_log("t", p)].end < FAKE_LOG_RECORDS_MAX - 1; n--)
        add(p, "x");
}

static void confirm_held(void)
{
    if (fake_consumer.held_count > 0 && fake_consumer.event_count < FAKE_EVENTS_MAX / 2)
        fake_consumer_confirm(roll(4) == 0 ? "rebalance in progress" : NULL);
}

static void something_happens(struct task *task)
{
    switch (roll(16)) {
    case 0:
        rebalance(task, CONSUMER_REVOKED);
        break;
    case 1:
        rebalance(task, CONSUMER_LOST);
        break;
    case 2:
        fake_consumer.holds_commits = !fake_consumer.holds_commits;
        break;
    case 3:
        fake_consumer.commit_refusal = roll(2) == 0 ? "not a member" : NULL;
        break;
    case 4:
        confirm_held();
        break;
    case 5:
        bench_advance_ms(task, FLUSH_INTERVAL_MS * (1 + roll(3)));
        break;
    case 6:
        if (one_in(8))
            fake_consumer_say(CONSUMER_FENCED, NULL);
        break;
    default:
        add_records();
        bench_advance_ms(task, 1 + roll(FLUSH_INTERVAL_MS));
        break;
    }
    if (!has_ended(task))
        bench_run(task);
}

static void all_is_stored_in_the_end(struct task *task)
{
    sink.is_calm = true;
    task = end_and_begin(task);
    bench_advance_ms(task, 5 * FLUSH_INTERVAL_MS);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        int64_t end = fake_consumer.logs[fake_log("t", p)].end;

        assert_true(end > 100);
        assert_int_equal(end, stored_to(p));
        assert_int_equal(end, fake_committed("t", p));
    }
    finish(task);
}

static void run_seed(uint64_t seed)
{
    struct task *task;

    set_up(NULL);
    memset(&sink, 0, sizeof(sink));
    sink.dice = seed;
    forget_all();
    task = begin();
    for (int i = 0; i < STEPS; i++) {
        something_happens(task);
        nothing_is_committed_that_is_not_stored();
        if (has_ended(task) || one_in(100))
            task = end_and_begin(task);
        script.calls[0] = fake_consumer.seen[0] = '\0';
        bench.states[0] = '\0';
    }
    print_message("seed %llu: %d puts, %d failures, %d answers lowered, %d rewinds, %d repeats, %d ends\n",
                  (unsigned long long)seed, sink.puts, sink.failures, sink.lowered, sink.rewinds, sink.repeats, sink.ends);
    assert_true(sink.failures > 10 && sink.lowered > 10 && sink.rewinds > 10 && sink.ends > 10);
    all_is_stored_in_the_end(task);
}

static void whatever_happens_nothing_is_committed_before_it_is_stored(void **state)
{
    const char *given = getenv("MILLRACE_SEED");

    (void)state;
    if (given != NULL)
        run_seed(strtoull(given, NULL, 10));
    for (uint64_t seed = 1; given == NULL && seed <= SEEDS; seed++)
        run_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(whatever_happens_nothing_is_committed_before_it_is_stored)};
    RUN_TESTS(tests);
}
