/*
 * native_notes: what a client last had trouble with, and which of its troubles were logged already.
 *
 * In an outage a client says the same again and again, for each broker and each try. The first of a kind is logged at once;
 * then one line per NOTES_MERGE_MS says how many more came. Kinds are told apart by the reason at the end of librdkafka's
 * words ("Connection refused"), without broker and time. A handle's notes are its opaque (native.c).
 * thread: any. locks: its own.
 */
#ifndef KAFKA_NATIVE_NOTES_INTERNAL_H
#define KAFKA_NATIVE_NOTES_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTES_MERGE_MS 30000
#define NOTES_KINDS_MAX 6      /* kinds of trouble remembered; of more, the one that was longest quiet is forgotten */
#define NOTES_WORDS_MAX 300

struct native_notes;

struct native_notes *native_notes_create(void);   /* NULL: no memory; everything here takes that for "no notes" */
void native_notes_destroy(struct native_notes *notes);

/* For whom the client works: whoever the calling thread works for (base/log.h), so that its lines say so. Before it logs. */
void native_notes_note_owner(struct native_notes *notes);
const char *native_notes_owner(const struct native_notes *notes, int *task); /* the connector; NULL: nobody's alone */

/* The handle's login by tokens, for whoever has only the handle; NULL: it has none. Set before the handle is known to others. */
struct native_token;
void native_notes_put_token(struct native_notes *notes, struct native_token *token);
struct native_token *native_notes_token(const struct native_notes *notes);

/* What keeps the client's credentials up to date, for whoever destroys it. Notes NULL: nothing. */
struct credentials_client;
void native_notes_keep_credentials(struct native_notes *notes, struct credentials_client *credentials);
struct credentials_client *native_notes_credentials(const struct native_notes *notes);

/* The last trouble with a broker; "" when there was none. Returns words. */
void native_notes_put_trouble(struct native_notes *notes, const char *words);
const char *native_notes_trouble(struct native_notes *notes, char *words, size_t size);

/* true: log it; *merged others like it came since the last line. false: it is counted for the next line. */
bool native_notes_may_log(struct native_notes *notes, const char *words, int64_t now_ms, uint32_t *merged);

#endif
