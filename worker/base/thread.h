/*
 * thread: the little that pthreads leave to be said each time: a name, words for a failed start, waits with a deadline
 * on the monotonic clock. Locks and conditions are plain pthread objects.
 *
 * Threads started here have all signals blocked: signals belong to the main thread.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THREAD_NAME_MAX 16      /* with the NUL; longer names are cut (a Linux limit) */
#define DEADLINE_NEVER INT64_MAX

typedef void *thread_run_fn(void *argument);

/* stack_size 0: the system's default. false: not started, why says so. Join it with thread_join, once. */
struct thread_setup {
    const char *name;
    thread_run_fn *run;
    void *argument;
    size_t stack_size;
};
bool thread_start(pthread_t *thread, const struct thread_setup *setup, char *why, size_t why_size);
void *thread_join(pthread_t thread);

/* For tests: the first `successes` starts work, later ones fail. INT64_MAX: all work again. */
void thread_fail_after(int64_t successes);

void mutex_init(pthread_mutex_t *mutex);
void mutex_destroy(pthread_mutex_t *mutex);
void mutex_lock(pthread_mutex_t *mutex);      /* any error is a bug of ours: asserts */
bool mutex_try_lock(pthread_mutex_t *mutex);  /* false: somebody has it */
void mutex_unlock(pthread_mutex_t *mutex);

void cond_init(pthread_cond_t *cond);         /* on the monotonic clock: needed for cond_wait_until_ms */
void cond_destroy(pthread_cond_t *cond);
void cond_signal(pthread_cond_t *cond);
void cond_broadcast(pthread_cond_t *cond);
void cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);

/* Waits until signalled or until clock_monotonic_ms(NULL) reaches the deadline. false: the deadline passed. As ever, the
 * caller re-checks its fact: a wake-up proves nothing. */
bool cond_wait_until_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);

/* now + timeout; a negative timeout is DEADLINE_NEVER. */
int64_t deadline_after_ms(int64_t timeout_ms);

#endif
