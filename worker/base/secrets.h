/*
 * secrets: texts that no message may hold, known by their fingerprints alone.
 *
 * Whoever comes to know a secret (what a config provider answered, a password in a file) notes it; whoever lets words out of the process
 * that others may have worded (a log line, a trace, a dead letter's headers, an error over REST) has them hidden there. So a plugin that
 * says its password in an error tells nobody. The values themselves are not kept: a secret may be wiped as soon as it has been used.
 *
 * - Texts shorter than SECRETS_LEAST bytes are not noted: they stand in any text.
 * - Long ones are noted in pieces of SECRETS_PIECE bytes, each of which is hidden; of those beyond twice SECRETS_ENDS, the two ends.
 * - At most SECRETS_MAX pieces are known. Beyond it what was only tried makes room first (secrets_trial), then the oldest of the connector
 *   that has the most: so nobody pushes out another's. Whose a piece is, the thread's log context tells (log.h); none: the worker's.
 * - Encoded forms (base64, percent) are other texts.
 *
 * Fingerprints are polynomials over 2^61 - 1 at a base that is drawn once per process: nothing can be computed ahead of time.
 *
 * Process-wide, as the log is: lines come from every thread, plugins' own ones included, and nobody knows whose secret is in them.
 * thread: any. locks: one, when a text is noted; none to look.
 */
#ifndef BASE_SECRETS_H
#define BASE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#define SECRETS_LEAST 8 /* as long as what stands in their place: hiding never needs room */
#define SECRETS_PIECE 64
#define SECRETS_ENDS 2048
#define SECRETS_MAX 16384
#define SECRETS_HIDDEN "[hidden]"

/* NULL and short texts are nothing. White space at its end is no part of a secret. */
void secrets_note(const char *text);

/* What this thread notes from now on belongs to nothing that runs (a validation, a call about offsets): whoever may ask for that may do
 * so as often as they like. Noted again by who runs it becomes theirs. Give back what this returns. */
bool secrets_trial(bool on);

/* Puts SECRETS_HIDDEN in the place of every known secret, in place; the new length. `text` need not end in a NUL; what is left of its
 * former length is zeroed. */
size_t secrets_hide(char *text, size_t length);
/* The same for a text with its NUL. */
void secrets_hide_text(char *text);

/* For tests: how many beginnings are looked at closely. */
size_t secrets_beginnings(void);
/* For tests: nothing is known any more. */
void secrets_forget(void);

#endif
