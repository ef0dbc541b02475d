/*
 * mpsc_stack: lock-free wake-ups. Many threads push embedded nodes, one thread takes all; a node is in it at most once.
 *
 * Made for callbacks that run under a foreign lock (librdkafka's queue events) and may only mark and leave. A node says
 * "look at me": pushing a node that is already in does nothing, and what its pusher wrote before is seen by the consumer
 * when it meets the node. mpsc_list_next() unmarks the node *before* the consumer looks at its owner, so a push that
 * comes meanwhile puts it in again: no wake-up is lost, some are empty.
 *
 * A node may be freed only when no thread can push it any more and it is not in.
 */
#ifndef BASE_MPSC_STACK_H
#define BASE_MPSC_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct mpsc_node {
    struct mpsc_node *next;
    atomic_bool queued;
};

struct mpsc_stack {
    struct mpsc_node *_Atomic top;
};

/* What mpsc_stack_take_all gave; the consumer's own. */
struct mpsc_list {
    struct mpsc_node *first;
};

void mpsc_stack_init(struct mpsc_stack *stack);
void mpsc_node_init(struct mpsc_node *node);

/* thread: any, also under foreign locks. true: the stack was empty, so the consumer needs a kick. */
bool mpsc_stack_push(struct mpsc_stack *stack, struct mpsc_node *node);
bool mpsc_stack_is_empty(struct mpsc_stack *stack);
bool mpsc_node_is_queued(struct mpsc_node *node);

/* thread: the consumer. Oldest first. */
struct mpsc_list mpsc_stack_take_all(struct mpsc_stack *stack);
struct mpsc_node *mpsc_list_next(struct mpsc_list *list);   /* NULL at the end */

/* The struct a node is embedded in: MPSC_OWNER(node, struct task, wake_node). */
#define MPSC_OWNER(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

#endif
