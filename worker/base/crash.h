/*
 * crash: a fatal signal (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) names its culprit before it ends the process: connector, task,
 * plugin (class, file) and call, on standard error and as one more report in a small file. Then the signal takes its default
 * course, core dump and all.
 *
 * The culprit is what the thread itself has noted: log_context (for whom) and plugin_call (inside of what). A thread that a plugin
 * made has noted nothing; for it there is the file the code lies in.
 *
 * Process-wide by nature, and off until crash_install: only a worker process wants it. The handler is async-signal-safe: it
 * formats into memory of its own and calls write, open, mkdir and their like. Threads of thread.h get a stack of their own for
 * it, so that a plugin that has used up the thread's stack can be named as well. Of threads that crash at once the first is
 * reported.
 *
 * The file is text: a report is a line "crash", then "name: value" lines, and ends in an empty line; other bytes than printable ASCII
 * and UTF-8, and the backslash, are "\xHH". crash_file.h reads it.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#include <stdbool.h>
#include <stddef.h>

#define CRASH_PATH_MAX 4096
#define CRASH_FILE_MAX (256u << 10) /* a file that has become larger is begun anew */
#define CRASH_TEXT_MAX 1024         /* of one value; the rest is cut */

/* Once, on the main thread, before others are started. `path` and `worker` (its id) are copied; the folder of `path` is made when it
 * is needed; "": no file, the culprit is told on standard error alone. false: the path is too long, or no memory. */
bool crash_install(const char *path, const char *worker);

/* Around whatever replaces the file, one thread at a time: a crash waits for its end (CRASH_REPLACE_MS at most), so that its report
 * is not replaced with the rest. false: a crash is being reported; the file must be left alone, and there is no end to call. */
#define CRASH_REPLACE_MS 1000
bool crash_replace_begin(void);
void crash_replace_end(void);

/*
 * A courier: a thread that takes a report further before the process ends, for those who will never see this file. A crash inside a
 * plugin call for somebody calls `wake` (async-signal-safe), once its report is in the file, and waits for the courier's answer,
 * CRASH_COURIER_MS at most: the heap may be broken, a lock may be held for ever. What was sent is marked so in the file ("sent: yes").
 */
#define CRASH_COURIER_MS 1500
/* From now on the calling thread is waiting to be woken; until _end. One at a time. */
void crash_courier_begin(void (*wake)(void));
void crash_courier_end(void);
/* The report, as in the file; NULL: nothing has crashed. */
const char *crash_courier_report(void);
void crash_courier_answer(bool is_sent);

/* Called before the culprit is told, so that what was logged before stands before it; async-signal-safe. NULL: nothing is. */
void crash_set_flush(void (*flush)(void));

/* For thread.c: the stack for the handler, on the thread itself. NULL: none (not installed, or no memory). */
void *crash_stack_begin(void);
void crash_stack_end(void *stack);

#endif
