/*
 * letter: one dead letter, in memory of its own: the bytes as consumed (of a source: as made for it), the headers, and where the record stood. One block:
 * a letter outlives the batch it came from, and holds no consumed message. For the files of this room.
 */
#ifndef ERRORS_LETTER_H
#define ERRORS_LETTER_H

#include <stdbool.h>

#include "kafka/producer.h"

#define LETTER_CUT_BYTES 4096 /* of a key or value, and of all headers, are left of one that is cut */

struct letter_cut;
struct letter_place;
struct mr_future;
struct report;

struct letter {
    struct producer_ticket ticket;
    struct producer_record record;   /* its topic is for the sender to set */
    struct letter *next;             /* in the queue of those to be sent */
    struct letter *newer, *older;    /* in its place's list */
    struct letter_place *place;      /* NULL: holds nothing back any more */
    struct mr_future *future;        /* our reference, with a part of ours; NULL: nobody asked */
    int64_t offset;                  /* -1: of no consumed record */
    size_t bytes;                    /* of the whole block */
    struct letter_cut *cut;          /* of a source's: how it is made shorter; NULL: it is not, or was already */
};

#define LETTER_OF(taken) ((struct letter *)(void *)((char *)(taken) - offsetof(struct letter, ticket)))

/* Context headers (KIP-298) are added when connector is not NULL. NULL: no memory. */
struct letter_writer {
    const char *connector;
    uint32_t task;
};
struct letter *letter_create(const struct letter_writer *writer, const struct report *report);
/* A source's record may have been refused because it is too large, and so may its letter. Key, value and headers beyond
 * LETTER_CUT_BYTES become a beginning, with a header that says how many bytes there were and their SHA-256. A consumed
 * one goes without its stack trace. false: nothing can be cut. */
bool letter_cut(struct letter *letter);
void letter_destroy(struct letter *letter);

#endif
