/*
 * letter: one dead letter, in memory of its own: the bytes as consumed, the headers, and where the record stood. One block:
 * a letter outlives the batch it came from, and holds no consumed message. For the files of this room.
 */
#ifndef ERRORS_LETTER_H
#define ERRORS_LETTER_H

#include "kafka/producer.h"

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
};

#define LETTER_OF(taken) ((struct letter *)(void *)((char *)(taken) - offsetof(struct letter, ticket)))

/* Context headers (KIP-298) are added when connector is not NULL. NULL: no memory. */
struct letter_writer {
    const char *connector;
    uint32_t task;
};
struct letter *letter_create(const struct letter_writer *writer, const struct report *report);
void letter_destroy(struct letter *letter);

#endif
