/* thread, queue, mpsc_stack, refcount: what several threads share. Meant to run under ThreadSanitizer too. */
#include "base_test.h"

#include <signal.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/mpsc_stack.h"
#include "base/queue.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "support/eventually.h"

enum { THREADS = 4, ROUNDS = 20000 };

static void start_all(pthread_t *threads, thread_run_fn *run, void *argument)
{
    char why[200];
    for (int i = 0; i < THREADS; i++)
        assert_true(thread_start(&threads[i], &(struct thread_setup){ "worker", run, argument, 0 }, why, sizeof(why)));
}

static void join_all(pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
}

/* ---- thread ---- */

static void *look_at_myself(void *argument)
{
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    pthread_getname_np(pthread_self(), argument, THREAD_NAME_MAX);
    return sigismember(&blocked, SIGTERM) && !sigismember(&blocked, SIGSEGV) ? argument : NULL;
}

static void a_thread_has_its_name_and_no_signals(void **state)
{
    (void)state;
    char name[THREAD_NAME_MAX], why[200];
    pthread_t thread;
    struct thread_setup setup = { "a name that is too long", look_at_myself, name, 256 * 1024 };
    assert_true(thread_start(&thread, &setup, why, sizeof(why)));
    assert_ptr_equal(thread_join(thread), name);
    assert_string_equal(name, "a name that is ");
}

static void a_thread_that_cannot_start_says_why(void **state)
{
    (void)state;
    char name[THREAD_NAME_MAX], why[200] = "";
    pthread_t thread;
    struct thread_setup setup = { "herder", look_at_myself, name, 0 };
    thread_fail_after(1);
    assert_true(thread_start(&thread, &setup, why, sizeof(why)));
    thread_join(thread);
    mem_watch_start(MEM_NEVER_FAIL);
    assert_false(thread_start(&thread, &setup, why, sizeof(why)));
    assert_int_equal(mem_live(), 0);
    mem_watch_stop();
    assert_non_null(strstr(why, "herder"));
    thread_fail_after(INT64_MAX);
    mem_watch_start(0);
    assert_false(thread_start(&thread, &setup, why, sizeof(why)));
    mem_watch_stop();
}

static void a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    mutex_init(&lock);
    cond_init(&cond);
    mutex_lock(&lock);
    int64_t deadline_ms = deadline_after_ms(30);
    while (cond_wait_until_ms(&cond, &lock, deadline_ms))
        continue;
    assert_true(clock_monotonic_ms(NULL) >= deadline_ms);
    assert_false(cond_wait_until_ms(&cond, &lock, -5));
    mutex_unlock(&lock);
    cond_destroy(&cond);
    mutex_destroy(&lock);
    assert_true(deadline_after_ms(-1) == DEADLINE_NEVER);
    assert_true(deadline_after_ms(INT64_MAX - 1) == DEADLINE_NEVER);
}

/* ---- queue ---- */

static void a_full_queue_refuses_and_keeps_order(void **state)
{
    (void)state;
    int items[3];
    struct queue *queue = queue_create(2);
    for (int round = 0; round < 5; round++) {
        assert_true(queue_try_push(queue, &items[0]));
        assert_true(queue_try_push(queue, &items[1]));
        assert_false(queue_try_push(queue, &items[2]));
        assert_false(queue_push(queue, &items[2], 5));
        assert_int_equal(queue_count(queue), 2);
        assert_ptr_equal(queue_pop(queue, 0), &items[0]);
        assert_ptr_equal(queue_pop(queue, -1), &items[1]);
        assert_null(queue_pop(queue, 0));
        assert_null(queue_pop(queue, 5));
        assert_true(queue_try_push(queue, &items[0]));
        assert_ptr_equal(queue_pop(queue, 0), &items[0]);
    }
    queue_destroy(queue, NULL);
    queue_destroy(NULL, NULL);
}

static void a_closed_queue_hands_out_the_rest_and_then_nothing(void **state)
{
    (void)state;
    int item;
    struct queue *queue = queue_create(2);
    assert_true(queue_try_push(queue, &item));
    queue_close(queue);
    queue_close(queue);
    assert_true(queue_is_closed(queue));
    assert_false(queue_try_push(queue, &item));
    assert_false(queue_push(queue, &item, -1));
    assert_ptr_equal(queue_pop(queue, -1), &item);
    assert_null(queue_pop(queue, -1));
    queue_destroy(queue, NULL);
}

static void items_left_are_freed_with_the_queue(void **state)
{
    (void)state;
    mem_watch_start(MEM_NEVER_FAIL);
    struct queue *queue = queue_create(2);
    queue_try_push(queue, mem_alloc(1));
    queue_try_push(queue, mem_alloc(1));
    queue_destroy(queue, mem_free);
    assert_int_equal(mem_live(), 0);
    mem_watch_stop();
    mem_watch_start(0);
    assert_null(queue_create(2));
    mem_watch_stop();
}

static void *pop_until_closed(void *argument)
{
    int *item;
    intptr_t sum = 0;
    while ((item = queue_pop(argument, -1)) != NULL)
        sum += *item;
    return (void *)sum;
}

static void *push_many(void *argument)
{
    static int one = 1;
    for (int i = 0; i < ROUNDS; i++)
        if (!queue_push(argument, &one, -1))
            return NULL;
    return argument;
}

static void every_item_is_popped_once_by_someone(void **state)
{
    (void)state;
    struct queue *queue = queue_create(8);
    pthread_t pushers[THREADS], poppers[THREADS];
    start_all(poppers, pop_until_closed, queue);
    start_all(pushers, push_many, queue);
    join_all(pushers);
    queue_close(queue);
    intptr_t sum = 0;
    for (int i = 0; i < THREADS; i++)
        sum += (intptr_t)thread_join(poppers[i]);
    assert_int_equal(sum, THREADS * ROUNDS);
    queue_destroy(queue, NULL);
}

static void closing_wakes_a_pusher_that_waits(void **state)
{
    (void)state;
    int item;
    char why[200];
    pthread_t pusher;
    struct queue *queue = queue_create(1);
    queue_try_push(queue, &item);
    struct thread_setup setup = { "pusher", push_many, queue, 0 };
    assert_true(thread_start(&pusher, &setup, why, sizeof(why)));
    queue_close(queue);
    assert_null(thread_join(pusher));
    assert_ptr_equal(queue_pop(queue, 0), &item);
    queue_destroy(queue, NULL);
}

/* ---- mpsc_stack ---- */

static void nodes_come_out_oldest_first_and_once(void **state)
{
    (void)state;
    struct mpsc_stack stack;
    struct mpsc_node nodes[3];
    mpsc_stack_init(&stack);
    for (int i = 0; i < 3; i++)
        mpsc_node_init(&nodes[i]);
    assert_true(mpsc_stack_is_empty(&stack));
    assert_true(mpsc_stack_push(&stack, &nodes[0]));
    assert_false(mpsc_stack_push(&stack, &nodes[1]));
    assert_false(mpsc_stack_push(&stack, &nodes[0]));
    assert_false(mpsc_stack_push(&stack, &nodes[2]));
    assert_true(mpsc_node_is_queued(&nodes[1]));
    struct mpsc_list list = mpsc_stack_take_all(&stack);
    assert_true(mpsc_stack_is_empty(&stack));
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(mpsc_list_next(&list), &nodes[i]);
    assert_null(mpsc_list_next(&list));
    assert_true(mpsc_stack_push(&stack, &nodes[1]));
}

/* The work counters are relaxed on purpose: the stack alone must make them visible with the node. */
struct owner {
    struct mpsc_node node;
    _Atomic int work;
};

struct wake_up_test {
    struct mpsc_stack stack;
    struct owner owners[3];
    _Atomic int done;
};

static void *hand_out_work(void *argument)
{
    struct wake_up_test *test = argument;
    for (int i = 0; i < ROUNDS; i++) {
        struct owner *owner = &test->owners[i % 3];
        atomic_fetch_add_explicit(&owner->work, 1, memory_order_relaxed);
        mpsc_stack_push(&test->stack, &owner->node);
    }
    atomic_fetch_add(&test->done, 1);
    return NULL;
}

static int do_work(struct wake_up_test *test)
{
    int work = 0;
    struct mpsc_list list = mpsc_stack_take_all(&test->stack);
    for (struct mpsc_node *node; (node = mpsc_list_next(&list)) != NULL;)
        work += atomic_exchange_explicit(&MPSC_OWNER(node, struct owner, node)->work, 0, memory_order_relaxed);
    return work;
}

static void no_wake_up_is_lost(void **state)
{
    (void)state;
    static struct wake_up_test test;
    pthread_t threads[THREADS];
    mpsc_stack_init(&test.stack);
    for (int i = 0; i < 3; i++)
        mpsc_node_init(&test.owners[i].node);
    start_all(threads, hand_out_work, &test);
    int work = 0;
    while (atomic_load(&test.done) < THREADS)
        work += do_work(&test);
    work += do_work(&test);
    assert_int_equal(work, THREADS * ROUNDS);
    assert_true(mpsc_stack_is_empty(&test.stack));
    join_all(threads);
}

/* ---- refcount ---- */

struct shared {
    struct refcount refcount;
    int payload;
};

static _Atomic int last_drops;

static void *use_and_drop(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < ROUNDS; i++) {
        refcount_take(&shared->refcount);
        assert_false(refcount_drop(&shared->refcount));
    }
    if (refcount_drop(&shared->refcount)) {
        atomic_fetch_add(&last_drops, 1);
        mem_free(shared);
    }
    return NULL;
}

static void the_last_of_several_owners_frees(void **state)
{
    (void)state;
    struct shared *shared = mem_calloc(1, sizeof(*shared));
    refcount_init(&shared->refcount);
    for (int i = 1; i < THREADS; i++)
        refcount_take(&shared->refcount);
    assert_int_equal(refcount_read(&shared->refcount), THREADS);
    pthread_t threads[THREADS];
    start_all(threads, use_and_drop, shared);
    join_all(threads);
    assert_int_equal(last_drops, 1);
}

/* ---- eventually ---- */

static bool third_time(void *argument)
{
    return ++*(int *)argument == 3;
}

static bool never(void *argument)
{
    (void)argument;
    return false;
}

static void eventually_waits_for_a_fact_up_to_its_deadline(void **state)
{
    (void)state;
    int asked = 0;
    assert_true(eventually(60000, third_time, &asked));
    assert_int_equal(asked, 3);
    assert_false(eventually(20, never, NULL));
}

RUN_TESTS(cmocka_unit_test(a_thread_has_its_name_and_no_signals), cmocka_unit_test(a_thread_that_cannot_start_says_why),
          cmocka_unit_test(a_wait_ends_at_its_deadline), cmocka_unit_test(a_full_queue_refuses_and_keeps_order),
          cmocka_unit_test(a_closed_queue_hands_out_the_rest_and_then_nothing),
          cmocka_unit_test(items_left_are_freed_with_the_queue), cmocka_unit_test(every_item_is_popped_once_by_someone),
          cmocka_unit_test(closing_wakes_a_pusher_that_waits), cmocka_unit_test(nodes_come_out_oldest_first_and_once),
          cmocka_unit_test(no_wake_up_is_lost), cmocka_unit_test(the_last_of_several_owners_frees),
          cmocka_unit_test(eventually_waits_for_a_fact_up_to_its_deadline))
