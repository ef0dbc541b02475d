/*
 * job_pool: plugin calls that are no steps (connector start, stop, validate, taskConfigs; closing of
 * handles), each with a deadline.
 *
 * A job's outcome is told exactly once, by `on_outcome`: JOB_DONE after `run` has returned in time,
 * JOB_TIMED_OUT when the deadline came first (`on_late` follows when that has returned). A job whose deadline passes
 * while it waits is never run. One that is inside then costs its thread, which is written off and replaced; when `run`
 * does return, `on_late` cleans up.
 *
 * Jobs with the same non-NULL `serial` object run one after another, in the order posted: the calls of one
 * connector instance. A hung one blocks its followers (they time out), nobody else.
 *
 * Limits: JOB_QUEUE_MAX jobs wait; a further one is refused (job_post answers false). threads_max jobs run at
 * the same time, not counting those that have blocked: been inside for JOB_BLOCKED_MS. With them and those written off,
 * JOB_THREADS_HARD_MAX threads at the most, then jobs wait. So a crowd of hanging plugins delays others by a moment.
 * Threads that had nothing to do for idle_ms leave, the watch thread as well; the next job starts them again.
 *
 * thread: job_post any. Callbacks: `run` and `on_late` on a job thread, `on_outcome` on a job thread or the
 * watch thread, no lock held; on_outcome must only post.
 */
#ifndef EXECUTOR_JOB_POOL_H
#define EXECUTOR_JOB_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_QUEUE_MAX 10000
#define JOB_THREADS_HARD_MAX 1024
#define JOB_BLOCKED_MS 250
#define JOB_IDLE_MS 5000

struct job_pool;

enum job_outcome { JOB_DONE, JOB_TIMED_OUT };

typedef void job_run_fn(void *argument);
typedef void job_outcome_fn(void *argument, enum job_outcome outcome);
/* Runs on the last job thread before it leaves, no lock held; others may have come meanwhile. */
typedef void job_calm_fn(void);

struct job {
    job_run_fn *run;
    job_outcome_fn *on_outcome; /* may be NULL */
    job_run_fn *on_late; /* after a timed-out run has returned; also called, without run, for a job that
                            timed out while it waited. May be NULL */
    void *argument;
    const void *serial;  /* compared, never looked into */
    int64_t deadline_ms; /* clock_monotonic_ms; INT64_MAX: none */
};

struct job_pool_setup {
    const char *thread_name;
    size_t threads_max;
    uint32_t idle_ms;     /* 0: JOB_IDLE_MS */
    job_calm_fn *on_calm; /* may be NULL */
};

struct job_pool_counts {
    size_t waiting, running, written_off, threads;
};

struct job_pool *job_pool_create(const struct job_pool_setup *setup, char *why, size_t why_size);
/* Takes no more jobs; waits for those there. false: some are still inside at the deadline, and the pool goes
 * on existing for them: it must not be destroyed. */
bool job_pool_stop(struct job_pool *pool, int64_t deadline_ms);
void job_pool_destroy(struct job_pool *pool); /* after a successful stop */

/* false: the queue is full, the pool is stopping, or no memory or thread for it: nothing is called. */
bool job_post(struct job_pool *pool, const struct job *job);
struct job_pool_counts job_pool_count(struct job_pool *pool);

#endif
