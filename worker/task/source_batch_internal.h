/*
 * source_batch: one polled batch on its way to Kafka: what to send, in order, and what became of each item.
 *
 * All memory is the batch's arena. The producer borrows keys, values and tickets until the delivery; the batch is therefore
 * never let go before every flight is home and every entry has left its lane.
 */
#ifndef TASK_SOURCE_BATCH_INTERNAL_H
#define TASK_SOURCE_BATCH_INTERNAL_H

#include <stdatomic.h>

#include "base/mem.h"
#include "kafka/producer.h"
#include "sdk/record_layout.h"

enum flight_state {
    FLIGHT_UNSENT = 0,
    FLIGHT_SENT,
    FLIGHT_ACKED,
    FLIGHT_REFUSED, /* Kafka will not have it: words in `words` */
    FLIGHT_REPORTED /* and that is tolerated; becomes ACKED when its dead letter is safe */
};

/* One item under way. The producer's thread writes all but `record` before it moves `state`. */
struct flight {
    struct producer_ticket ticket;
    struct mr_record *record; /* NULL: a source offset, in a transaction */
    int64_t offset, timestamp_ms;
    int32_t partition;
    _Atomic uint8_t state;
    bool is_dropped; /* refused and tolerated */
    char *words;     /* of REFUSED: mem_strdup; may be NULL */
};

/* Where a transaction ends (exactly once). */
enum source_cut { CUT_NONE, CUT_COMMIT, CUT_ABORT, CUT_IF_DUE };

struct batch_cut {
    uint32_t at; /* in front of items[at] */
    enum source_cut kind;
};

struct source_batch {
    struct mr_batch *batch;
    struct producer_record *items; /* items[i] goes with flights[i] */
    struct flight *flights;
    uint32_t count;
    bool has_one_topic;           /* or none */
    atomic_bool has_words;        /* a flight of it has */
    uint32_t dropped;             /* refused and tolerated */
    struct batch_cut *cuts; /* NULL: at least once */
    uint32_t cut_count, cut_next;
    uint32_t ended_at; /* items before it are of transactions that have ended */
    int64_t polled_us;            /* when it was given to be sent */
    size_t bytes;                 /* about what it holds */
    uint32_t entries_left;        /* locks: offset_commit's */
    _Atomic uint32_t flights_out; /* not yet ACKED: the batch stays while there are any */
    struct source_batch *next;    /* the task's list, oldest first */
};

/* Records, without progress markers. */
static inline uint32_t source_batch_polled(const struct mr_batch *polled)
{
    return batch_entry_count(polled) - polled->progress_count;
}

#define FLIGHT_OF(taken) ((struct flight *)(void *)((char *)(taken)-offsetof(struct flight, ticket)))

/* Why it was refused. */
static inline void flight_say(struct flight *flight, const char *words)
{
    struct source_batch *batch = flight->record->batch->owner;

    flight->words = mem_strdup(words);
    atomic_store_explicit(&batch->has_words, true, memory_order_release);
}

#endif
