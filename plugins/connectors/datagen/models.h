/* models: what sample records look like. A model is a struct schema and a function of a random sequence. */
#ifndef DATAGEN_MODELS_H
#define DATAGEN_MODELS_H

#include <millrace/record.h>

/* Random numbers that depend on seed, task and record alone. */
struct dice {
    uint64_t state;
};
void dice_init(struct dice *dice, int64_t seed, uint32_t task, int64_t sequence);
uint64_t dice_next(struct dice *dice);

struct model {
    const char *name;
    /* A reference of the caller's; NULL: no memory. */
    const struct mr_schema *(*schema)(struct mr_error **error);
    /* Sets key and value. */
    int (*fill)(struct mr_record *record, const struct mr_schema *schema, struct dice *dice, int64_t sequence,
                int64_t now_ms, struct mr_error **error);
};

/* NULL: no such model. */
const struct model *model_find(const char *name);
extern const char *const model_names[]; /* NULL-terminated */

#endif
