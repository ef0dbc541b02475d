/*
 * last_word: while the main thread waits for the end it is the courier of crashes (base/crash.h): what a dying process says to the
 * other workers, so that a unit that ends one worker after the other is known to the next.
 */
#ifndef MAIN_LAST_WORD_H
#define MAIN_LAST_WORD_H

struct herder;

/* Instead of stop_signal_wait; does not return when the process is ending by a crash. thread: main. */
void last_word_wait(struct herder *herder);

#endif
