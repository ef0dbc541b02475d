#include "base/mpsc_stack.h"

#include "base/bans.h"

void mpsc_stack_init(struct mpsc_stack *stack)
{
    atomic_init(&stack->top, NULL);
}

void mpsc_node_init(struct mpsc_node *node)
{
    node->next = NULL;
    atomic_init(&node->queued, false);
}

/* The mark is exchanged, not stored, on both sides: whoever finds it set, or clears it, sees what the other wrote before.
 * Only the thread that set the mark writes node->next, so the plain field has one writer at a time. There is no
 * pop of a single node, hence no ABA. */
bool mpsc_stack_push(struct mpsc_stack *stack, struct mpsc_node *node)
{
    if (atomic_exchange_explicit(&node->queued, true, memory_order_acq_rel))
        return false;
    struct mpsc_node *top = atomic_load_explicit(&stack->top, memory_order_relaxed);
    do {
        node->next = top;
    } while (!atomic_compare_exchange_weak_explicit(&stack->top, &top, node, memory_order_release,
                                                    memory_order_relaxed));
    return top == NULL;
}

bool mpsc_stack_is_empty(struct mpsc_stack *stack)
{
    return atomic_load_explicit(&stack->top, memory_order_acquire) == NULL;
}

bool mpsc_node_is_queued(struct mpsc_node *node)
{
    return atomic_load_explicit(&node->queued, memory_order_acquire);
}

struct mpsc_list mpsc_stack_take_all(struct mpsc_stack *stack)
{
    struct mpsc_node *node = atomic_exchange_explicit(&stack->top, NULL, memory_order_acquire);
    struct mpsc_node *oldest = NULL;
    while (node != NULL) {
        struct mpsc_node *next = node->next;
        node->next = oldest;
        oldest = node;
        node = next;
    }
    return (struct mpsc_list){ oldest };
}

struct mpsc_node *mpsc_list_next(struct mpsc_list *list)
{
    struct mpsc_node *node = list->first;
    if (node == NULL)
        return NULL;
    list->first = node->next;
    node->next = NULL;
    atomic_exchange_explicit(&node->queued, false, memory_order_acq_rel);
    return node;
}
