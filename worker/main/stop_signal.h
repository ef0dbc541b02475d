/*
 * stop_signal: SIGTERM, SIGINT and SIGHUP, and other reasons to end, as one thing the main thread waits for.
 *
 * While the worker starts nothing has to be put in order: a signal ends the process at once, status 0. Once it runs the first
 * signal asks for an orderly end; a second one gives it STOP_SIGNAL_HASTE_S more, a third none: then the process ends with
 * 128 + the number of the last one. SIGHUP is the same order to stop, as to the JVM worker, unless the process was started with
 * it ignored (nohup).
 * One per process; process-wide by nature.
 */
#ifndef MAIN_STOP_SIGNAL_H
#define MAIN_STOP_SIGNAL_H

#include <stdbool.h>

#define STOP_SIGNAL_HASTE_S 2

/* Before any thread is started. false: no file descriptor. */
bool stop_signal_install(void);
/* The worker runs: from now on a signal is an order to stop. */
void stop_signal_begin_running(void);
/* Makes stop_signal_wait return. thread: any. */
void stop_signal_raise(void);
/* Until a signal or a raise. thread: main. */
void stop_signal_wait(void);
/* The same, or until `fd` is readable: false. What was raised stays so for stop_signal_wait. */
bool stop_signal_wait_or(int fd);

#endif
