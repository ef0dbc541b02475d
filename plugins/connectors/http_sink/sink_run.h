/* sink_run: one put under way: what the files share that send its requests (sink_run.c) and act on what comes back
 * (sink_answers.c). Thread: the task's. */
#ifndef HTTP_SINK_SINK_RUN_H
#define HTTP_SINK_SINK_RUN_H

#include "plan.h"
#include "sink.h"

struct run {
    struct http_task *task;
    struct plan plan;
    struct mr_record *const *records;
    size_t count;
    bool *done;           /* by record: taken, reported or left out */
    struct request *open; /* the first that is not done */
    size_t running;
    bool is_fetching;     /* a token is under way */
    bool is_halted;       /* nothing more is started: it has to be tried again later */
    bool goes_on;         /* is_halted, and not for a failure: the rest waits for another put */
    int64_t until_ms;     /* how long it may last, on the monotonic clock */
    uint32_t delay_ms;    /* until it is tried again */
    struct mr_error *why; /* of is_halted, and of is_failed */
    bool is_failed;       /* the put fails for good */
};

static inline struct delivered_place place_of(const struct mr_record *record)
{
    const char *topic = mr_record_origin_topic(record);

    return (struct delivered_place){.topic = topic == NULL ? "" : topic,
                                    .partition = mr_record_origin_partition(record),
                                    .offset = mr_record_offset(record)};
}

/* To the error policy. -1: the put fails, which is noted. `why` stays the caller's. */
int run_refuse(struct run *run, const struct mr_record *record, const struct mr_error *why);
/* The request's state is another one afterwards; or the put has failed. */
void run_act_on_answer(struct run *run, struct request *request, const struct answer *answer);
void run_act_on_token(struct run *run, const struct answer *answer);
struct request *run_first_waiting(const struct run *run); /* NULL: none */

#endif
