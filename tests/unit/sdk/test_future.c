/* Futures: one or many parts, the first error wins, waiting, callbacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"
#include "sdk/future_host.h"
#include "support/alloc_torture.h"

static void fail_part(struct mr_future *future, const char *words)
{
    struct mr_error *error = NULL;
    mr_error_set(&error, MR_ERR_RETRIABLE, "%s", words);
    future_fail(future, &error);
    assert_null(error);
}

static void a_result_that_came_is_there_without_waiting(void **state)
{
    (void)state;
    struct mr_future *future = future_create(1);
    struct mr_error *error = NULL;
    assert_false(mr_future_is_done(future));
    assert_int_equal(mr_future_wait(future, 0, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_clear(&error);
    future_complete(future);
    assert_true(mr_future_is_done(future));
    assert_int_equal(mr_future_wait(future, 0, &error), 0);
    assert_null(error);
    mr_future_drop(future);
}

static void every_waiter_gets_the_error(void **state)
{
    (void)state;
    struct mr_future *future = future_create(1);
    fail_part(future, "broker gone");
    for (int i = 0; i < 2; i++) {
        struct mr_error *error = NULL;
        assert_int_equal(mr_future_wait(future, 1000, &error), -1);
        assert_string_equal(mr_error_message(error), "broker gone");
        assert_true(mr_error_is_retriable(error));
        mr_error_clear(&error);
    }
    assert_int_equal(mr_future_wait(future, 0, NULL), -1);
    mr_future_drop(future);
}

static void it_is_done_when_every_part_is(void **state)
{
    (void)state;
    struct mr_future *future = future_create(2);
    future_add_part(future);
    future_complete(future);
    fail_part(future, "first");
    assert_false(mr_future_is_done(future));
    fail_part(future, "second");
    struct mr_error *error = NULL;
    assert_int_equal(mr_future_wait(future, 0, &error), -1);
    assert_string_equal(mr_error_message(error), "first");
    mr_error_clear(&error);
    mr_future_drop(future);

    struct mr_future *none = future_create(0);
    assert_int_equal(mr_future_wait(none, 0, NULL), 0);
    mr_future_drop(none);
}

struct called {
    int count;
    char words[32];
};

static void on_done(void *argument, const struct mr_error *error)
{
    struct called *called = argument;
    called->count++;
    const char *words = error == NULL ? "fine" : mr_error_message(error);
    size_t length = strlen(words) < sizeof(called->words) ? strlen(words) : sizeof(called->words) - 1;
    memcpy(called->words, words, length);
    called->words[length] = '\0';
}

static void the_callback_runs_once_before_or_after(void **state)
{
    (void)state;
    struct called early = {0}, late = {0};
    struct mr_future *future = future_create(2);
    future_on_done(future, on_done, &early);
    future_complete(future);
    assert_int_equal(early.count, 0);
    fail_part(future, "lost");
    assert_int_equal(early.count, 1);
    assert_string_equal(early.words, "lost");
    mr_future_drop(future);

    future = future_create(1);
    future_complete(future);
    future_on_done(future, on_done, &late);
    assert_int_equal(late.count, 1);
    assert_string_equal(late.words, "fine");
    mr_future_drop(future);
}

static void a_deadline_ends_the_wait(void **state)
{
    (void)state;
    struct mr_future *future = future_create(1);
    struct mr_error *error = NULL;
    int64_t before_ms = clock_monotonic_ms(NULL);
    assert_int_equal(mr_future_wait(future, 30, &error), -1);
    assert_true(clock_monotonic_ms(NULL) - before_ms >= 29);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_clear(&error);
    mr_future_drop(future); /* undone: nothing leaks */
}

static void dropping_null_is_fine(void **state)
{
    (void)state;
    mr_future_drop(NULL);
    assert_null(mr_future_take(NULL));
}

#define PARTS 4
#define ROUNDS 100

struct shared {
    struct mr_future *future;
    atomic_int failures_seen;
};

static void *complete_part(void *argument)
{
    struct shared *shared = argument;
    fail_part(shared->future, "from a thread");
    mr_future_drop(shared->future);
    return NULL;
}

static void *wait_for_all(void *argument)
{
    struct shared *shared = argument;
    struct mr_error *error = NULL;
    if (future_wait_until_ms(shared->future, DEADLINE_NEVER, &error) != 0 &&
        strcmp(mr_error_message(error), "from a thread") == 0)
        atomic_fetch_add(&shared->failures_seen, 1);
    mr_error_clear(&error);
    mr_future_drop(shared->future);
    return NULL;
}

static void count_done(void *argument, const struct mr_error *error)
{
    if (error != NULL)
        atomic_fetch_add((atomic_int *)argument, 1);
}

static void parts_and_waiters_may_be_threads(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct shared shared = {.future = future_create(PARTS)};
        atomic_int called = 0;
        pthread_t threads[2 * PARTS];
        for (int i = 0; i < 2 * PARTS; i++) {
            mr_future_take(shared.future);
            struct thread_setup setup = {
                .name = "future", .run = i % 2 == 0 ? wait_for_all : complete_part, .argument = &shared};
            assert_true(thread_start(&threads[i], &setup, NULL, 0));
        }
        future_on_done(shared.future, count_done, &called);
        for (int i = 0; i < 2 * PARTS; i++)
            thread_join(threads[i]);
        assert_int_equal(atomic_load(&called), 1);
        assert_int_equal(atomic_load(&shared.failures_seen), PARTS);
        mr_future_drop(shared.future);
    }
}

static bool make(void *argument)
{
    (void)argument;
    struct mr_future *future = future_create(1);
    if (future == NULL)
        return false;
    fail_part(future, "words");
    struct mr_error *error = NULL;
    assert_int_equal(mr_future_wait(future, 0, &error), -1);
    assert_non_null(error);
    mr_error_drop(error);
    mr_future_drop(future);
    return true;
}

static void failing_survives_every_failing_allocation(void **state)
{
    (void)state;
    alloc_torture(make, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_that_came_is_there_without_waiting),
        cmocka_unit_test(every_waiter_gets_the_error),
        cmocka_unit_test(it_is_done_when_every_part_is),
        cmocka_unit_test(the_callback_runs_once_before_or_after),
        cmocka_unit_test(a_deadline_ends_the_wait),
        cmocka_unit_test(dropping_null_is_fine),
        cmocka_unit_test(parts_and_waiters_may_be_threads),
        cmocka_unit_test(failing_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
