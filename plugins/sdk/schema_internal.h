/*
 * schema_internal: what a schema is made of; back room of sdk.
 *
 * One block of memory per schema: the struct, its tables and texts. A default value has a small arena of its own.
 * Children are interned as well, so that strict equality (intern table) compares them by pointer.
 */
#ifndef SDK_SCHEMA_INTERNAL_H
#define SDK_SCHEMA_INTERNAL_H

#include <millrace/schema.h>
#include <stdatomic.h>

/* Past these a builder refuses, naming them. */
#define SCHEMA_FIELDS_MAX 65535u
#define SCHEMA_PARAMETERS_MAX 4096u
#define SCHEMA_DEPTH_MAX 500u
#define SCHEMA_DEFAULT_MAX_BYTES ((size_t)1 << 20)
/* Structs with more fields find names by a hash index. */
#define SCHEMA_LINEAR_FIELDS_MAX 8u

struct schema_parameter {
    const char *key, *value;
};

struct schema_field {
    const char *name;
    const struct mr_schema *schema;
    uint32_t name_size;
    uint32_t name_hash;
};

struct mr_schema {
    _Atomic uint32_t references;
    uint8_t type, logical; /* enum mr_type, enum mr_logical_type */
    bool is_immortal, is_optional, has_version, has_parameters;
    bool has_odd_names; /* some field's name is not spelt in JSON as it is */
    uint16_t depth; /* 1 for a leaf */
    int32_t version;
    uint64_t hash; /* of everything that mr_schema_equals looks at */
    const char *name, *doc;
    uint32_t parameter_count, field_count;
    const struct schema_parameter *parameters;
    const struct mr_schema *key, *element;
    struct schema_field *fields;
    uint32_t *field_slots; /* field number + 1; NULL: look through the fields */
    uint32_t field_mask;
    const struct mr_value *default_value;
    struct mr_arena *default_arena;
    struct mr_schema *next_interned;
};

static inline bool schema_is_immortal(const struct mr_schema *schema)
{
    return schema->is_immortal;
}

/* schema_static.c: the immortal schema that `draft` describes, or NULL. */
const struct mr_schema *schema_static_find(const struct mr_schema *draft);

/* schema.c */
enum mr_logical_type schema_logical_of(const char *name); /* NULL: none */
bool schema_text_equals(const char *a, const char *b);    /* NULL equals NULL only */
bool schema_fields_equal(const struct mr_schema *a, const struct mr_schema *b);
uint32_t schema_name_hash(const char *name, size_t size);
int32_t schema_field_find(const struct mr_schema *schema, const char *name, size_t size); /* -1: none */
uint64_t schema_hash(const struct mr_schema *schema);
void schema_index_fields(struct mr_schema *schema); /* fills field_slots, which are 0 */
/* Drops the children and frees the block: for the intern table and a build that failed. */
void schema_free(struct mr_schema *schema);

/* schema_intern.c: gives `fresh` (one reference, the caller's) to the table and returns it, or, when an equal one
 * is there, that one with a reference more, and ends `fresh`. NULL: no memory, and `fresh` is ended.
 * thread: any. locks: the table's own; nothing of ours is called while it is held but comparisons. */
const struct mr_schema *schema_intern(struct mr_schema *fresh);
size_t schema_interned_count(void);

/* value_compare.c: one seed for all hashes of this process. thread: any. */
uint64_t sdk_hash_seed(void);

#endif
