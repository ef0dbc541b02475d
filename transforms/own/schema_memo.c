#include "own/schema_memo.h"

static bool is_for(const struct schema_memo *memo, size_t index, const struct schema_memo_key *key)
{
    const struct schema_memo_key *have = &memo->items[index].key;
    return memo->items[index].made != NULL && have->one == key->one && have->other == key->other && have->number == key->number;
}

const struct mr_schema *schema_memo_find(struct schema_memo *memo, struct mr_arena *arena, struct schema_memo_key key)
{
    size_t at = memo->last;
    if (!is_for(memo, at, &key))
        for (at = 0; at < SCHEMA_MEMO_MAX && !is_for(memo, at, &key);)
            at++;
    if (at == SCHEMA_MEMO_MAX)
        return NULL;
    memo->last = at;
    const struct mr_schema *made = memo->items[at].made;
    return mr_arena_keep_schema(arena, made) == 0 ? made : NULL;
}

static void forget(struct schema_memo *memo, size_t index)
{
    mr_schema_drop(memo->items[index].key.one);
    mr_schema_drop(memo->items[index].key.other);
    mr_schema_drop(memo->items[index].made);
    memo->items[index].made = NULL;
}

void schema_memo_keep(struct schema_memo *memo, struct schema_memo_key key, const struct mr_schema *made)
{
    size_t at = memo->next;
    if (memo->items[at].made != NULL)
        forget(memo, at);
    memo->items[at].key = key;
    memo->items[at].made = mr_schema_take(made);
    mr_schema_take(key.one);
    if (key.other != NULL)
        mr_schema_take(key.other);
    memo->last = at;
    memo->next = (at + 1) % SCHEMA_MEMO_MAX;
}

void schema_memo_release(struct schema_memo *memo)
{
    for (size_t i = 0; i < SCHEMA_MEMO_MAX; i++)
        if (memo->items[i].made != NULL)
            forget(memo, i);
    *memo = (struct schema_memo){ .last = 0 };
}
