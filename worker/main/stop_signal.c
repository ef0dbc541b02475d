#include "stop_signal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bans.h"

enum { STARTING, RUNNING, ENDING };

static atomic_int stage = STARTING;
static int wake_fd = -1;

void stop_signal_raise(void)
{
    uint64_t one = 1;
    ssize_t written = write(wake_fd, &one, sizeof(one));

    (void)written; /* it can only be full of wake-ups */
}

/* Signal context: atomics, write and _exit only. */
static void on_signal(int number)
{
    int saved = errno, running = RUNNING;

    if (atomic_load(&stage) == STARTING)
        _exit(0);
    if (!atomic_compare_exchange_strong(&stage, &running, ENDING))
        _exit(128 + number);
    stop_signal_raise();
    errno = saved;
}

bool stop_signal_install(void)
{
    struct sigaction action;

    wake_fd = eventfd(0, EFD_CLOEXEC);
    if (wake_fd < 0)
        return false;
    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN; /* a client that went away is an error of its socket, not of the process */
    sigaction(SIGPIPE, &action, NULL);
    return true;
}

void stop_signal_begin_running(void)
{
    atomic_store(&stage, RUNNING);
}

void stop_signal_wait(void)
{
    uint64_t count;

    while (read(wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    atomic_store(&stage, ENDING);
}
