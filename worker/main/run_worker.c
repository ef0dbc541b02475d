#include "run_worker.h"

#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "boot.h"
#include "stop_signal.h"

#include "base/bans.h"

static void say_refused(const char *command, const struct mr_error *error)
{
    flockfile(stderr);
    fprintf(stderr, "millrace %s: %s", command, mr_error_message(error));
    for (const struct mr_error *cause = mr_error_cause(error); cause != NULL; cause = mr_error_cause(cause))
        fprintf(stderr, ": %s", mr_error_message(cause));
    fputc('\n', stderr);
    funlockfile(stderr);
}

static int wait_for_the_end(const struct run_worker *run, struct boot *boot)
{
    const char *failure;
    bool had_run;

    stop_signal_wait();
    failure = boot_failure(boot, &had_run);
    if (failure[0] == '\0') {
        log_info("millrace.main", "stopping");
        return 0;
    }
    fprintf(stderr, "millrace %s: %s\n", run->command, failure);
    return had_run ? EXIT_CLUSTER_LOST : EXIT_REFUSED;
}

static int start(const struct run_worker *run, struct boot *boot)
{
    struct mr_error *error = NULL;

    if (boot_start(boot, run->properties_path, &error) == 0 &&
        (run->begun == NULL || run->begun(boot_herder(boot), run->arguments, &error) == 0))
        return 0;
    say_refused(run->command, error);
    mr_error_drop(error);
    return -1;
}

int run_worker(const struct run_worker *run)
{
    struct boot *boot = boot_create(run->mode);
    int status;

    if (boot == NULL || !stop_signal_install()) {
        fprintf(stderr, "millrace %s: no memory or no file descriptor left on this machine\n", run->command);
        return EXIT_REFUSED;
    }
    status = start(run, boot) == 0 ? wait_for_the_end(run, boot) : EXIT_REFUSED;
    if (!boot_end(boot)) {
        fflush(NULL);
        _exit(status);
    }
    return status;
}
