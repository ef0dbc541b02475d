/* source_task with exactly once, stepped by hand: what brokers and the cluster may answer, and what undoes a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "exactly_once_bench.h"

/* --- what the brokers may answer ---- */

static void no_answer_is_asked_for_again(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = create_exact(SOURCE_BOUNDARY_POLL);
    fake_transactions.next = PRODUCER_TRANSACTION_AGAIN;
    task_request_start(task);
    bench_run(task);
    assert_true(fake_transactions_run());
    bench_run(task);
    assert_null(strstr(script.calls, "start"));
    assert_true(fake_transactions_run());
    bench_run(task);
    fake_land_all();
    bench_run(task);
    fake_transactions.next = PRODUCER_TRANSACTION_AGAIN;
    fake_transactions_settle(task);
    assert_said("init init begin commit? commit(a |0=1 ) ");
    end(task);
}

static void who_is_fenced_fails_with_advice(void **state)
{
    (void)state;
    struct task *task = start_sending();
    fake_land_all();
    bench_run(task);
    fake_transactions.next = PRODUCER_TRANSACTION_FENCED;
    assert_true(fake_transactions_settle(task));
    assert_said("init begin commit? ");
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(bench.failure.kind, FAILURE_FENCED);
    assert_non_null(strstr(bench.trace, "transaction.timeout.ms"));
    assert_string_equal(script.committed, "");
    end(task);
    assert_int_equal(fake_transactions.copies_sent, 0);
    assert_int_equal(fake_transactions.copies, 0);
}

/* --- what the cluster answers ---- */

static struct task *start_holding(enum task_question question)
{
    fake_transactions.held = question;
    fake_transactions.is_holding = true;
    return start_exact(SOURCE_BOUNDARY_POLL);
}

static void let_go(struct task *task)
{
    fake_transactions.is_holding = false;
    bench_wake(task);
    fake_transactions_settle(task);
}

static void no_producer_begins_before_the_round(void **state)
{
    (void)state;
    struct task *task = start_holding(TASK_ASKS_ROUND);
    assert_said("");
    assert_int_equal(TASK_STARTING, task_state(task));
    let_go(task);
    assert_said("init ");
    assert_string_equal(fake_transactions.asked, "round owner ");
    assert_int_equal(TASK_RUNNING, task_state(task));
    end(task);
}

static void no_plugin_starts_before_it_is_known_whose_the_task_is(void **state)
{
    (void)state;
    struct task *task = start_holding(TASK_ASKS_OWNER);
    assert_said("init ");
    assert_null(strstr(script.calls, "start"));
    let_go(task);
    assert_non_null(strstr(script.calls, "start"));
    end(task);
}

static void who_waits_for_an_answer_can_be_stopped(void **state)
{
    (void)state;
    struct task *task = start_holding(TASK_ASKS_OWNER);
    ask_to_stop(task, 10000);
    assert_true(fake_transactions_settle(task));
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_null(strstr(script.calls, "start"));
    end(task);
}

static void a_round_that_fails_for_good_fails_the_task(void **state)
{
    (void)state;
    fake_transactions.is_refused = true;
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "says no to round"));
    assert_said("");
    end(task);
}

/* Its commit is refused, since another producer has its id. */
static struct task *be_fenced(void)
{
    fake_transactions.held = TASK_ASKS_SUCCESSOR;
    fake_transactions.is_holding = true;
    struct task *task = start_sending();
    fake_land_all();
    bench_run(task);
    fake_transactions.next = PRODUCER_TRANSACTION_FENCED;
    assert_false(fake_transactions_settle(task));
    assert_string_equal(fake_transactions.asked, "round owner successor ");
    return task;
}

static void who_is_fenced_by_its_successor_stops_without_a_word(void **state)
{
    (void)state;
    struct task *task = be_fenced();
    ask_to_stop(task, 10000);
    assert_true(fake_transactions_settle(task));
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_string_equal(script.committed, "");
    end(task);
}

static void who_is_fenced_by_nobody_known_fails(void **state)
{
    (void)state;
    struct task *task = be_fenced();
    let_go(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(bench.failure.kind, FAILURE_FENCED);
    end(task);
}

/* What the brokers say to a record does not tell; the abort does. */
static void a_refused_record_of_a_fenced_producer_is_fencing(void **state)
{
    (void)state;
    struct task *task = start_sending();
    fake_land(PRODUCER_FAILED);
    fake_transactions.next = PRODUCER_TRANSACTION_FENCED;
    assert_true(fake_transactions_settle(task));
    assert_string_equal(fake_transactions.asked, "round owner successor ");
    assert_int_equal(bench.failure.kind, FAILURE_FENCED);
    end(task);
}

/* The producer takes no more, for a reason that only the abort tells. */
static struct task *refuse_records(enum producer_transaction abort_comes_to)
{
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_said("init ");
    fake_producer.refusal = "erroneous state";
    fake_producer.refusal_code = MR_ERR_CONNECT;
    add(0, "a");
    bench_advance_ms(task, 1000);
    fake_transactions.next = abort_comes_to;
    assert_true(fake_transactions_settle(task));
    return task;
}

static void a_producer_that_takes_no_more_is_asked_by_an_abort_why(void **state)
{
    (void)state;
    struct task *task = refuse_records(PRODUCER_TRANSACTION_FENCED);
    assert_string_equal(fake_transactions.asked, "round owner successor ");
    assert_int_equal(bench.failure.kind, FAILURE_FENCED);
    end(task);
}

static void a_producer_that_takes_no_more_fails_the_task(void **state)
{
    (void)state;
    struct task *task = refuse_records(PRODUCER_TRANSACTION_DONE);
    assert_said("begin abort(|) ");
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "erroneous state"));
    end(task);
}

static void offsets_that_are_not_taken_do_not_hold_up_a_stop_without_time(void **state)
{
    (void)state;
    struct task *task = start_sending();
    fake_producer.room = 0; /* the record is under way, its offset will not be taken */
    fake_land_all();
    bench_run(task);
    ask_to_stop(task, 500);
    bench_run(task);
    bench_advance_ms(task, 1000);
    assert_true(fake_transactions_settle(task));
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_null(strstr(fake_transactions.said, "commit"));
    assert_non_null(strstr(fake_transactions.said, "abort"));
    end(task);
}

static void who_lost_the_lease_inside_a_transaction_ends_to_be_built_anew(void **state)
{
    (void)state;
    struct task *task = start_sending();
    lease_set(&bench.lease, 0);
    bench_run(task);
    fake_land(PRODUCER_NOT_SENT);
    lease_set(&bench.lease, LEASE_FOR_EVER);
    assert_true(fake_transactions_settle(task));
    assert_said("init begin abort(|) ");
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_string_equal(script.committed, "");
    end(task);
}

/* Up to where its offset is with the producer, for the commit. */
static struct task *start_a_commit(void)
{
    struct task *task = start_sending();
    fake_land_all();
    bench_run(task);
    assert_int_equal(fake_producer.sent_count, 1);
    assert_string_equal(fake_producer.sent[0].topic->name, "connect-offsets");
    return task;
}

static void whose_offsets_came_back_unsent_is_built_anew_though_no_loss_of_a_lease_was_seen(void **state)
{
    (void)state;
    struct task *task = start_a_commit();
    fake_land(PRODUCER_NOT_SENT);
    fake_transactions.next = PRODUCER_TRANSACTION_ABORT;
    assert_true(fake_transactions_settle(task));
    assert_said("init begin commit? abort(a |) ");
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_string_equal(script.committed, "");
    end(task);
}

static void whose_offsets_only_the_abort_gives_back_fails(void **state)
{
    (void)state;
    struct task *task = start_a_commit();
    fake_land(PRODUCER_FAILED);
    fake_transactions.next = PRODUCER_TRANSACTION_ABORT;
    assert_true(fake_transactions_settle(task));
    assert_int_equal(TASK_FAILED, task_state(task));
    end(task);
}

/* The brokers undo a transaction that lasts too long, in an outage for instance. */
static void who_lost_the_lease_and_was_shut_out_meanwhile_is_built_anew_as_well(void **state)
{
    (void)state;
    struct task *task = start_sending();
    lease_set(&bench.lease, 0);
    bench_run(task);
    fake_land(PRODUCER_NOT_SENT);
    lease_set(&bench.lease, LEASE_FOR_EVER);
    fake_transactions.next = PRODUCER_TRANSACTION_FENCED;
    assert_true(fake_transactions_settle(task));
    assert_string_equal(fake_transactions.asked, "round owner successor ");
    assert_int_equal(TASK_STOPPED, task_state(task));
    end(task);
}

static void a_record_that_kafka_refuses_fails_the_task_whatever_is_tolerated(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = create_with(&(struct source_setup){
        .tolerate_all = true,
        .exactly_once = {.run = fake_run, .ask = fake_ask, .boundary = SOURCE_BOUNDARY_POLL, .offsets_topic = "connect-offsets"}});
    task_request_start(task);
    bench_run(task);
    fake_transactions_run();
    bench_run(task);
    fake_land(PRODUCER_FAILED);
    assert_true(fake_transactions_settle(task));
    assert_said("init begin abort(|) ");
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "too large"));
    end(task);
}

static void what_came_back_from_a_fenced_producer_fails_the_task(void **state)
{
    (void)state;
    struct task *task = start_sending();
    fake_land(PRODUCER_NOT_SENT);
    fake_transactions.next = PRODUCER_TRANSACTION_FENCED;
    assert_true(fake_transactions_settle(task));
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(bench.failure.kind, FAILURE_FENCED);
    end(task);
}

static void what_came_back_unsent_is_undone_and_read_again(void **state)
{
    (void)state;
    struct task *task = start_sending();
    fake_land(PRODUCER_NOT_SENT);
    assert_true(fake_transactions_settle(task));
    assert_said("init begin abort(|) ");
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_string_equal(script.committed, "");
    end(task);
}

static void offsets_that_cannot_be_written_undo_the_transaction(void **state)
{
    (void)state;
    fake_store.mode = STORE_REFUSES;
    add(0, "a");
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_said("init begin abort(a |) ");
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "an offset of that kind"));
    end(task);
}

static void take_told(void *argument, const struct mr_error *error)
{
    *(int *)argument = error == NULL ? 1 : -1;
}

/* As when the task fails for another reason after its offsets were taken. */
static void offsets_of_a_transaction_that_was_undone_are_not_told_stored(void **state)
{
    int64_t wake_at_ms = INT64_MAX;
    int told = 0;

    (void)state;
    add(0, "a");
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    struct transaction *transaction = &SOURCE_TASK_OF(task)->exact.transaction;
    struct mr_arena *arena = mr_arena_create(1 << 16);
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);
    assert_int_equal(0, mr_map_put_text(arena, partition, "p", mr_int64(arena, 0)));
    assert_int_equal(0, mr_map_put_text(arena, offset, "o", mr_int64(arena, 1)));
    assert_int_equal(TRANSACTION_OPEN, transaction->state);
    assert_int_equal(0, transaction_put(transaction, "files", &(struct offset_entry){partition, offset}, 1, take_told, &told, NULL));
    transaction_abort(transaction);
    assert_true(fake_transactions_run());
    assert_int_equal(TRANSACTION_NONE, transaction_follow(transaction, &wake_at_ms));
    assert_int_equal(-1, told);
    mr_arena_destroy(arena);
    end(task);
}

/* A task inside a transaction that is to remove the offset of a partition; the store below has not removed it yet. */
static struct task *forget_late(struct mr_arena *arena, int *told)
{
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    struct transaction *transaction = &SOURCE_TASK_OF(task)->exact.transaction;
    struct mr_value *partition = mr_map_create(arena, 1);

    assert_int_equal(0, mr_map_put_text(arena, partition, "p", mr_int64(arena, 3)));
    fake_transactions.forgets_late = true;
    assert_int_equal(TRANSACTION_OPEN, transaction->state);
    assert_int_equal(0, transaction_put(transaction, "files", &(struct offset_entry){partition, mr_null()}, 1, take_told, told, NULL));
    transaction_commit(transaction);
    return task;
}

static enum transaction_state follow(struct task *task)
{
    int64_t wake_at_ms = INT64_MAX;

    return transaction_follow(&SOURCE_TASK_OF(task)->exact.transaction, &wake_at_ms);
}

/* Else an offset of the worker's topic would speak again when the worker dies in between. */
static void a_commit_waits_until_the_store_below_has_forgotten(void **state)
{
    struct mr_arena *arena = mr_arena_create(1 << 16);
    int told = 0;

    (void)state;
    add(0, "a");
    struct task *task = forget_late(arena, &told);
    assert_int_equal(TRANSACTION_BUSY, follow(task));
    assert_false(fake_transactions_run());
    int wakes = bench.wakes;
    fake_transactions.forgotten(fake_transactions.forgotten_argument, NULL);
    assert_true(bench.wakes > wakes);
    assert_int_equal(TRANSACTION_BUSY, follow(task));
    assert_true(fake_transactions_run());
    assert_int_equal(TRANSACTION_NONE, follow(task));
    assert_int_equal(1, told);
    mr_arena_destroy(arena);
    end(task);
}

static void what_the_store_below_cannot_forget_is_not_committed(void **state)
{
    struct mr_arena *arena = mr_arena_create(1 << 16);
    struct mr_error *error = NULL;
    int told = 0;

    (void)state;
    add(0, "a");
    struct task *task = forget_late(arena, &told);
    mr_error_set(&error, MR_ERR_CONNECT, "the store is closed");
    fake_transactions.forgotten(fake_transactions.forgotten_argument, error);
    assert_int_equal(TRANSACTION_BROKEN, follow(task));
    assert_true(SOURCE_TASK_OF(task)->exact.transaction.needs_abort);
    assert_int_equal(-1, told);
    mr_error_drop(error);
    mr_arena_destroy(arena);
    end(task);
}

static void a_stop_without_time_does_not_wait_for_the_store_below(void **state)
{
    struct mr_arena *arena = mr_arena_create(1 << 16);
    int told = 0;

    (void)state;
    add(0, "a");
    struct task *task = forget_late(arena, &told);
    SOURCE_TASK_OF(task)->exact.transaction.is_given_up = true;
    assert_int_equal(TRANSACTION_BROKEN, follow(task));
    assert_int_equal(-1, told);
    end(task);
    fake_transactions.forgotten(fake_transactions.forgotten_argument, NULL); /* and finds nobody */
    mr_arena_destroy(arena);
}

static void a_denied_id_fails_the_start(void **state)
{
    (void)state;
    fake_transactions.next = PRODUCER_TRANSACTION_FAILED;
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_null(strstr(script.calls, "start"));
    assert_non_null(strstr(bench.trace, "did not like the init"));
    end(task);
}

static void without_a_free_thread_it_is_tried_again(void **state)
{
    (void)state;
    fake_transactions.no_thread = true;
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_int_equal(fake_transactions.refused_jobs, 1);
    bench_advance_ms(task, 1000);
    assert_true(fake_transactions.refused_jobs > 2 && fake_transactions.refused_jobs < 20);
    fake_transactions.no_thread = false;
    bench_advance_ms(task, 200);
    fake_transactions_settle(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    end(task);
}

static void an_abandoned_task_commits_nothing(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    assert_said("init begin ");
    task_abandon(task);
    assert_true(fake_transactions_settle(task));
    assert_null(strstr(fake_transactions.said, "commit"));
    end(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXACT(no_answer_is_asked_for_again),
        EXACT(who_is_fenced_fails_with_advice),
        EXACT(no_producer_begins_before_the_round),
        EXACT(no_plugin_starts_before_it_is_known_whose_the_task_is),
        EXACT(who_waits_for_an_answer_can_be_stopped),
        EXACT(a_round_that_fails_for_good_fails_the_task),
        EXACT(who_is_fenced_by_its_successor_stops_without_a_word),
        EXACT(who_is_fenced_by_nobody_known_fails),
        EXACT(a_refused_record_of_a_fenced_producer_is_fencing),
        EXACT(a_producer_that_takes_no_more_is_asked_by_an_abort_why),
        EXACT(a_producer_that_takes_no_more_fails_the_task),
        EXACT(offsets_that_are_not_taken_do_not_hold_up_a_stop_without_time),
        EXACT(who_lost_the_lease_inside_a_transaction_ends_to_be_built_anew),
        EXACT(who_lost_the_lease_and_was_shut_out_meanwhile_is_built_anew_as_well),
        EXACT(whose_offsets_came_back_unsent_is_built_anew_though_no_loss_of_a_lease_was_seen),
        EXACT(whose_offsets_only_the_abort_gives_back_fails),
        EXACT(a_record_that_kafka_refuses_fails_the_task_whatever_is_tolerated),
        EXACT(what_came_back_unsent_is_undone_and_read_again),
        EXACT(what_came_back_from_a_fenced_producer_fails_the_task),
        EXACT(offsets_that_cannot_be_written_undo_the_transaction),
        EXACT(offsets_of_a_transaction_that_was_undone_are_not_told_stored),
        EXACT(a_commit_waits_until_the_store_below_has_forgotten),
        EXACT(what_the_store_below_cannot_forget_is_not_committed),
        EXACT(a_stop_without_time_does_not_wait_for_the_store_below),
        EXACT(a_denied_id_fails_the_start),
        EXACT(without_a_free_thread_it_is_tried_again),
        EXACT(an_abandoned_task_commits_nothing),
    };
    RUN_TESTS(tests);
}
