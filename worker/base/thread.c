#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/mem.h"

#include "base/bans.h"

static _Atomic int64_t starts_left = INT64_MAX;

struct birth {
    thread_run_fn *run;
    void *argument;
    char name[THREAD_NAME_MAX];
};

static void *run_named(void *argument)
{
    struct birth birth = *(struct birth *)argument;
    mem_free(argument);
    pthread_setname_np(pthread_self(), birth.name);
    void *crash_stack = crash_stack_begin();
    void *result = birth.run(birth.argument);
    crash_stack_end(crash_stack);
    return result;
}

static bool refuse(void)
{
    int64_t left = atomic_load(&starts_left);
    return left != INT64_MAX && atomic_fetch_sub(&starts_left, 1) <= 0;
}

/* Signals stay with the main thread, except those a thread causes itself. */
static void block_signals(sigset_t *before)
{
    sigset_t blocked;
    sigfillset(&blocked);
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        sigdelset(&blocked, own[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

static int create(pthread_t *thread, struct birth *birth, size_t stack_size)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    if (stack_size > 0)
        error = pthread_attr_setstacksize(&attributes, stack_size);
    sigset_t before;
    block_signals(&before);
    if (error == 0)
        error = refuse() ? EAGAIN : pthread_create(thread, &attributes, run_named, birth);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

bool thread_start(pthread_t *thread, const struct thread_setup *setup, char *why, size_t why_size)
{
    struct birth *birth = mem_alloc(sizeof(*birth));
    int error = ENOMEM;
    if (birth != NULL) {
        birth->run = setup->run;
        birth->argument = setup->argument;
        snprintf(birth->name, sizeof(birth->name), "%s", setup->name);
        error = create(thread, birth, setup->stack_size);
    }
    if (error == 0)
        return true;
    mem_free(birth);
    char words[128];
    snprintf(why, why_size, "thread %s cannot be started: %s", setup->name,
             strerror_r(error, words, sizeof(words)));
    return false;
}

/* Keeps the call when asserts are compiled out. */
static void must(int error)
{
    assert(error == 0);
    (void)error;
}

void *thread_join(pthread_t thread)
{
    void *result = NULL;
    must(pthread_join(thread, &result));
    return result;
}

void thread_fail_after(int64_t successes)
{
    atomic_store(&starts_left, successes);
}

void mutex_init(pthread_mutex_t *mutex)
{
    must(pthread_mutex_init(mutex, NULL));
}

void mutex_destroy(pthread_mutex_t *mutex)
{
    must(pthread_mutex_destroy(mutex));
}

void mutex_lock(pthread_mutex_t *mutex)
{
    must(pthread_mutex_lock(mutex));
}

bool mutex_try_lock(pthread_mutex_t *mutex)
{
    int status = pthread_mutex_trylock(mutex);
    if (status == EBUSY)
        return false;
    must(status);
    return true;
}

void mutex_unlock(pthread_mutex_t *mutex)
{
    must(pthread_mutex_unlock(mutex));
}

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    must(pthread_condattr_init(&attributes));
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(cond, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

void cond_destroy(pthread_cond_t *cond)
{
    must(pthread_cond_destroy(cond));
}

void cond_signal(pthread_cond_t *cond)
{
    must(pthread_cond_signal(cond));
}

void cond_broadcast(pthread_cond_t *cond)
{
    must(pthread_cond_broadcast(cond));
}

void cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    must(pthread_cond_wait(cond, mutex));
}

bool cond_wait_until_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    if (deadline_ms == DEADLINE_NEVER) {
        cond_wait(cond, mutex);
        return true;
    }
    if (deadline_ms < 0)
        deadline_ms = 0;
    struct timespec until = { .tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000 };
    int error = pthread_cond_timedwait(cond, mutex, &until);
    must(error == ETIMEDOUT ? 0 : error);
    return error == 0;
}

int64_t deadline_after_ms(int64_t timeout_ms)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    return timeout_ms < 0 || timeout_ms > DEADLINE_NEVER - now_ms ? DEADLINE_NEVER : now_ms + timeout_ms;
}
