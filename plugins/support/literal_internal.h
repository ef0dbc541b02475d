/* literal_internal: what the files of `literal` share. */
#ifndef SUPPORT_LITERAL_INTERNAL_H
#define SUPPORT_LITERAL_INTERNAL_H

#include <millrace/value.h>

/* A value with its schema; both NULL: null, of any type. */
struct literal {
    const struct mr_schema *schema;
    const struct mr_value *value;
};

enum literal_status {
    LITERAL_OK,
    LITERAL_NO,       /* the text is no such thing */
    LITERAL_NO_MEMORY,
    LITERAL_NO_DEPTH
};

/* An instant in the text, as far as it begins with one: the length of the text tells which kind. */
/* A shorter text is none. */
#define LITERAL_TEMPORAL_BYTES_MIN 10
enum literal_status literal_temporal(struct mr_arena *arena, struct mr_bytes text, struct literal *literal);

/* A number: integers in the smallest type, else float32, float64, Decimal. */
enum literal_status literal_number(struct mr_arena *arena, struct mr_bytes text, struct literal *literal);

/* The schema that all literals of a list have in common. Starts zeroed. */
struct literal_common {
    const struct mr_schema *schema; /* NULL: none */
    bool has_none;                  /* they exclude each other, for good */
};
void literal_common_add(struct literal_common *common, const struct mr_schema *schema);

/* The value as one of that schema. */
enum literal_status literal_convert(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                    const struct mr_value **converted);

#endif
