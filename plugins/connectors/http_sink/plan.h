/* plan: the records of one put as requests, in order.
 *
 * Records share a request when URL, batch key, method and headers are alike, up to batch_max. A record joins an earlier request only
 * if no later one has a record of its partition: sent in order, requests keep the order of every partition, and two that share no
 * partition may go at once (`partitions`: a bit each; two partitions may share a bit, which only costs time).
 *
 * All memory is in the arena; records and their values are the worker's, for as long as put runs. */
#ifndef HTTP_SINK_PLAN_H
#define HTTP_SINK_PLAN_H

#include <millrace/record.h>

#include "settings.h"

enum request_state { REQUEST_WAITING, REQUEST_RUNNING, REQUEST_DONE, REQUEST_LATER };

struct planned {
    const struct mr_record *record;
    struct mr_bytes text;
    uint32_t index; /* within the put */
    bool is_done;   /* taken by the target, or reported */
    struct planned *next;
};

struct request {
    enum request_state state;
    const char *method, *url;
    char **header_lines; /* of its records */
    size_t header_count;
    struct planned *first, *last;
    uint32_t count, number; /* number: its place, from 1 */
    uint64_t partitions;
    size_t bytes;               /* of all texts */
    bool has_body, was_renewed; /* was_renewed: with a fresh token already */
    uint32_t token_generation;
    char *body; /* malloc while it runs, where it is not the text of its only record */
    const char *group;
    struct request *next, *next_in_slot;
};

struct plan {
    struct mr_arena *arena;
    const struct http_settings *settings;
    struct request *first, *last;
    struct request **slots; /* by group: the latest request of each */
    size_t slot_count;
    uint32_t request_count;
    uint32_t last_of_bit[64]; /* number of the latest request, from 1, with a record of the partitions of that bit */
};

/* -1: no memory. `records`: how many will come at most. */
int plan_begin(struct plan *plan, const struct http_settings *settings, struct mr_arena *arena, size_t records,
               struct mr_error **error);
/* 1: planned; 0: nothing is sent for it (a null value that is left out); -1: MR_ERR_DATA: the record cannot be sent; or no memory. */
int plan_add(struct plan *plan, const struct mr_record *record, uint32_t index, struct mr_error **error);
/* The request's body: prefix, texts, suffix; `request->body` when it had to be made. -1: no memory. */
int plan_body(const struct plan *plan, struct request *request, struct mr_bytes *body, struct mr_error **error);
void plan_body_drop(struct request *request);

#endif
