/* schema_memo.h: schemas made of other schemas, kept so that they are made once and not for each record.
 *
 * An entry is found by the two schemas it was made of (equal ones are one pointer: schema.h) and a number, which says how. It holds
 * references of all three. The last SCHEMA_MEMO_MAX are kept. Zeroed memory is an empty one. Thread: the transform's. */
#ifndef TRANSFORMS_OWN_SCHEMA_MEMO_H
#define TRANSFORMS_OWN_SCHEMA_MEMO_H

#include <millrace/millrace.h>

#define SCHEMA_MEMO_MAX 16

struct schema_memo_key {
    const struct mr_schema *one, *other; /* `other` may be NULL */
    int64_t number;
};

struct schema_memo {
    struct {
        struct schema_memo_key key;
        const struct mr_schema *made; /* NULL: free */
    } items[SCHEMA_MEMO_MAX];
    size_t last, next;
};

/* The one made of the same, which the arena keeps from now on. NULL: there is none, or no memory (then it is made anew, which fails). */
const struct mr_schema *schema_memo_find(struct schema_memo *memo, struct mr_arena *arena, struct schema_memo_key key);
void schema_memo_keep(struct schema_memo *memo, struct schema_memo_key key, const struct mr_schema *made);
void schema_memo_release(struct schema_memo *memo);

#endif
