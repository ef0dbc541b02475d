/*
 * letter_book: which offsets are held back by letters that are not written yet, per topic partition of the record's origin.
 *
 * A place exists while it holds something. A failed letter holds its offset until the place is forgotten. Not locked: the
 * owner does. For the files of this room.
 */
#ifndef ERRORS_LETTER_BOOK_H
#define ERRORS_LETTER_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct letter;

struct letter_place {
    struct letter_place *next;
    struct letter *held;      /* pending, newest first */
    int64_t failed_offset;    /* the least of a failed letter; INT64_MAX: none */
    int32_t partition;
    bool has_topic;           /* records that were never consumed may have none */
    char topic[];
};

struct letter_book {
    struct letter_place *places;
    struct letter_place *last;    /* looked up last */
    size_t pending_count, pending_bytes;
    size_t ownerless_count;   /* letters, pending or failed, of records that were never consumed: they hold everything back */
};

void letter_book_init(struct letter_book *book);
void letter_book_release(struct letter_book *book);   /* letters are not destroyed */

/* The letter holds its offset back from now on. false: no memory. */
bool letter_book_hold(struct letter_book *book, struct letter *letter, const char *topic, int32_t partition);
/* Acknowledged: no longer. */
void letter_book_settle(struct letter_book *book, struct letter *letter);
/* Failed: its offset is held for good. false: nobody cares any more, its partition was forgotten. */
bool letter_book_fail(struct letter_book *book, struct letter *letter);
void letter_book_forget(struct letter_book *book, const char *topic, int32_t partition);

/* At most upto; -1: nothing may be committed. */
int64_t letter_book_safe_offset(struct letter_book *book, const char *topic, int32_t partition, int64_t upto);

#endif
