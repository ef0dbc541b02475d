/* admin's back room: one request to the cluster and its answer. Every request has a queue of its own, so several threads
 * may ask at once and a late answer meets a closed queue, not another caller. */
#ifndef KAFKA_ADMIN_INTERNAL_H
#define KAFKA_ADMIN_INTERNAL_H

#include "kafka/admin.h"
#include "kafka/native_internal.h"

struct admin {
    struct native_handle *handle;
    rd_kafka_t *rk;
};

struct admin_call {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event;
    int64_t deadline_ms;
};

void admin_call_open(struct admin_call *call, struct admin *admin, rd_kafka_admin_op_t operation, int64_t deadline_ms);
/* Waits for the answer. -1: none in time, or the request as a whole failed (what: its subject, for the message). */
int admin_call_wait(struct admin_call *call, const char *what, struct mr_error **error);
void admin_call_close(struct admin_call *call);

#endif
