/*
 * run_worker: what `worker` and `standalone` share: boot, wait, end, and the exit status.
 */
#ifndef MAIN_RUN_WORKER_H
#define MAIN_RUN_WORKER_H

#include "config/worker_config.h"

struct herder;
struct mr_error;

/* 0 after an orderly stop; 1 refused to start: one line on standard error says why and what to do; 2 lost its cluster for good. */
#define EXIT_REFUSED 1
#define EXIT_CLUSTER_LOST 2

/* Called once the herder runs; -1 refuses the start. */
typedef int run_worker_begun_fn(struct herder *herder, char **arguments, struct mr_error **error);

struct run_worker {
    const char *command;
    enum worker_mode mode;
    const char *properties_path; /* NULL: environment variables alone (config/worker_environment.h) */
    run_worker_begun_fn *begun; /* NULL: nothing more to do */
    char **arguments;           /* for `begun`; NULL-terminated */
};
/* The exit status. When a plugin hangs it does not return: the process has ended with that status. */
int run_worker(const struct run_worker *run);

#endif
