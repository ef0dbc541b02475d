#include "stop_signal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bans.h"

enum { STARTING, RUNNING, ENDING, HASTENED };

static atomic_int stage = STARTING;
static atomic_int exit_status;
static int wake_fd = -1;

void stop_signal_raise(void)
{
    uint64_t one = 1;
    ssize_t written = write(wake_fd, &one, sizeof(one));

    (void)written; /* it can only be full of wake-ups */
}

/* Signal context: atomics, write, alarm and _exit only. */
static void on_signal(int number)
{
    int saved = errno, running = RUNNING, ending = ENDING;

    atomic_store(&exit_status, 128 + number);
    if (atomic_load(&stage) == STARTING)
        _exit(0);
    if (atomic_compare_exchange_strong(&stage, &running, ENDING))
        stop_signal_raise();
    else if (atomic_compare_exchange_strong(&stage, &ending, HASTENED))
        alarm(STOP_SIGNAL_HASTE_S);
    else
        _exit(128 + number);
    errno = saved;
}

static void on_alarm(int number)
{
    (void)number;
    _exit(atomic_load(&exit_status));
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    action.sa_handler = handler;
    sigaction(number, &action, NULL);
}

static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool stop_signal_install(void)
{
    wake_fd = eventfd(0, EFD_CLOEXEC);
    if (wake_fd < 0)
        return false;
    handle(SIGALRM, on_alarm);
    handle(SIGTERM, on_signal);
    handle(SIGINT, on_signal);
    if (!is_ignored(SIGHUP))
        handle(SIGHUP, on_signal);
    handle(SIGPIPE, SIG_IGN); /* a client that went away is an error of its socket, not of the process */
    return true;
}

void stop_signal_begin_running(void)
{
    atomic_store(&stage, RUNNING);
}

bool stop_signal_wait_or(int fd)
{
    struct pollfd waited[] = {{.fd = wake_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

    while (poll(waited, 2, -1) < 0 && errno == EINTR)
        ;
    return waited[0].revents != 0;
}

void stop_signal_wait(void)
{
    uint64_t count;
    int running = RUNNING;

    while (read(wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    atomic_compare_exchange_strong(&stage, &running, ENDING); /* a reason of our own: the first signal hastens */
}
