/*
 * stop_signal: SIGTERM and SIGINT, and other reasons to end, as one thing the main thread waits for.
 *
 * While the worker starts nothing has to be put in order: a signal ends the process at once, status 0. Once it runs the first
 * signal asks for an orderly end; the second one ends the process at once (128 + its number).
 * One per process; process-wide by nature.
 */
#ifndef MAIN_STOP_SIGNAL_H
#define MAIN_STOP_SIGNAL_H

#include <stdbool.h>

/* Before any thread is started. false: no file descriptor. */
bool stop_signal_install(void);
/* The worker runs: from now on a signal is an order to stop. */
void stop_signal_begin_running(void);
/* Makes stop_signal_wait return. thread: any. */
void stop_signal_raise(void);
/* Until a signal or a raise. thread: main. */
void stop_signal_wait(void);

#endif
