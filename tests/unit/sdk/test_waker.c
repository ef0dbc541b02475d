/* Wakers: waking until detached, and release exactly once, also under threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/thread.h"
#include "sdk/waker_host.h"
#include "support/alloc_torture.h"

struct task {
    atomic_int wakes, releases;
    struct mr_waker *detached_inside; /* wake detaches this one itself */
    int releases_seen_inside;
};

static void task_wake(void *argument)
{
    struct task *task = argument;
    atomic_fetch_add(&task->wakes, 1);
    if (task->detached_inside != NULL) {
        waker_detach(task->detached_inside);
        task->detached_inside = NULL;
        task->releases_seen_inside = atomic_load(&task->releases);
    }
}

static void task_release(void *argument)
{
    struct task *task = argument;
    atomic_fetch_add(&task->releases, 1);
}

static struct mr_waker *waker_of(struct task *task)
{
    struct mr_waker *waker =
        waker_create(&(struct waker_setup){.wake = task_wake, .release = task_release, .argument = task});
    assert_non_null(waker);
    return waker;
}

static void waking_calls_until_detached(void **state)
{
    (void)state;
    struct task task = {0};
    struct mr_waker *waker = waker_of(&task);
    mr_waker_wake(waker);
    mr_waker_wake(waker);
    assert_int_equal(task.wakes, 2);
    assert_int_equal(task.releases, 0);
    waker_detach(waker);
    assert_int_equal(task.releases, 1);
    mr_waker_wake(waker);
    assert_int_equal(task.wakes, 2);
    assert_int_equal(task.releases, 1);
    mr_waker_drop(waker);
}

static void a_kept_reference_outlives_the_task(void **state)
{
    (void)state;
    struct mr_waker *kept;
    {
        struct task task = {0};
        struct mr_waker *waker = waker_of(&task);
        kept = mr_waker_take(waker);
        waker_detach(waker);
        mr_waker_drop(waker);
    }
    mr_waker_wake(kept);
    mr_waker_drop(kept);
}

static void release_waits_for_the_wake_that_is_inside(void **state)
{
    (void)state;
    struct task task = {0};
    struct mr_waker *waker = waker_of(&task);
    task.detached_inside = waker;
    mr_waker_wake(waker);
    assert_int_equal(task.releases_seen_inside, 0);
    assert_int_equal(task.releases, 1);
    mr_waker_drop(waker);
}

static void null_is_no_waker(void **state)
{
    (void)state;
    mr_waker_wake(NULL);
    assert_null(mr_waker_take(NULL));
    mr_waker_drop(NULL);
}

/* A task on the heap that its release frees: any wake after that is a use after free that the sanitizers see. */
struct heap_task {
    atomic_int wakes;
};

static atomic_int heap_releases;

static void heap_wake(void *argument)
{
    struct heap_task *task = argument;
    atomic_fetch_add_explicit(&task->wakes, 1, memory_order_relaxed);
}

static void heap_release(void *argument)
{
    atomic_fetch_add(&heap_releases, 1);
    mem_free(argument);
}

#define ROUNDS 300
#define WAKERS 3

static void *wake_often(void *argument)
{
    struct mr_waker *waker = argument;
    for (int i = 0; i < 200; i++)
        mr_waker_wake(waker);
    mr_waker_drop(waker);
    return NULL;
}

static void detaching_amid_wakes_releases_once(void **state)
{
    (void)state;
    atomic_store(&heap_releases, 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct heap_task *task = mem_calloc(1, sizeof(*task));
        struct mr_waker *waker =
            waker_create(&(struct waker_setup){.wake = heap_wake, .release = heap_release, .argument = task});
        assert_non_null(waker);
        pthread_t threads[WAKERS];
        for (int i = 0; i < WAKERS; i++) {
            struct thread_setup setup = {.name = "wake", .run = wake_often, .argument = mr_waker_take(waker)};
            assert_true(thread_start(&threads[i], &setup, NULL, 0));
        }
        for (int i = 0; i < round; i++)
            mr_waker_wake(waker);
        waker_detach(waker);
        mr_waker_drop(waker);
        for (int i = 0; i < WAKERS; i++)
            thread_join(threads[i]);
    }
    assert_int_equal(atomic_load(&heap_releases), ROUNDS);
}

static bool make(void *argument)
{
    struct mr_waker *waker = waker_create(&(struct waker_setup){.wake = task_wake, .argument = argument});
    if (waker != NULL)
        waker_detach(waker);
    mr_waker_drop(waker);
    return waker != NULL;
}

static void making_survives_every_failing_allocation(void **state)
{
    (void)state;
    struct task task = {0};
    alloc_torture(make, &task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waking_calls_until_detached),
        cmocka_unit_test(a_kept_reference_outlives_the_task),
        cmocka_unit_test(release_waits_for_the_wake_that_is_inside),
        cmocka_unit_test(null_is_no_waker),
        cmocka_unit_test(detaching_amid_wakes_releases_once),
        cmocka_unit_test(making_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
