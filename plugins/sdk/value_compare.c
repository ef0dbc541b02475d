#include "sdk/schema_internal.h"
#include "sdk/value_internal.h"

#include <stdatomic.h>

#include "base/hash.h"
#include "base/bans.h"

uint64_t sdk_hash_seed(void)
{
    static _Atomic uint64_t seed;
    uint64_t known = atomic_load_explicit(&seed, memory_order_relaxed);
    if (known == 0) {
        uint64_t fresh = hash_seed(&seed);
        /* Of two first callers one wins and both use its seed. */
        known = atomic_compare_exchange_strong(&seed, &known, fresh) ? fresh : known;
    }
    return known;
}

/* Hashing --------------------------------------------------------------------------------------------------- */

/* Where floats are hashed and compared, every NaN is this one. */
static uint64_t float64_bits(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return number != number ? UINT64_C(0x7ff8000000000000) : bits;
}

static uint32_t float32_bits(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return number != number ? UINT32_C(0x7fc00000) : bits;
}

static uint64_t hash_bits(enum mr_kind kind, uint64_t bits)
{
    return hash_bytes(&bits, sizeof(bits), sdk_hash_seed() + (uint64_t)kind);
}

uint64_t value_hash_text(const void *text, size_t size)
{
    return hash_bytes(text, size, sdk_hash_seed() + MR_KIND_STRING);
}

static uint64_t hash_at(const struct mr_value *value, unsigned depth);

static uint64_t hash_cells(enum mr_kind kind, const struct mr_value *cells, size_t count, unsigned depth)
{
    uint64_t hash = hash_bits(kind, count);
    for (size_t i = 0; i < count; i++)
        hash = hash_bits(kind, hash ^ hash_at(&cells[i], depth));
    return hash;
}

static uint64_t hash_map(const struct value_map *map, unsigned depth)
{
    uint64_t sum = map->count; /* in any order */
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value_entry *entry = &map->entries[i];
        sum += hash_bits(MR_KIND_MAP, hash_at(&entry->key, depth) ^ (hash_at(&entry->value, depth) << 1));
    }
    return hash_bits(MR_KIND_MAP, sum);
}

/* Down to the last leaf: keys that differ only deep inside would else lie in one place, and who writes records could
 * make a map slow at will. */
static uint64_t hash_at(const struct mr_value *value, unsigned depth)
{
    if (depth >= VALUE_DEPTH_MAX)
        return hash_bits(value_kind(value), 0); /* equal to nothing */
    switch (value_kind(value)) {
    case MR_KIND_STRING: return value_hash_text(value->bytes, value->length);
    case MR_KIND_BYTES:
    case MR_KIND_BIGINT: return hash_bytes(value->bytes, value->length, sdk_hash_seed() + value->kind);
    case MR_KIND_DECIMAL:
        return hash_bytes(value->decimal->unscaled, value->length, sdk_hash_seed() + (uint32_t)value->decimal->scale);
    case MR_KIND_FLOAT32: return hash_bits(MR_KIND_FLOAT32, float32_bits(value->float32));
    case MR_KIND_FLOAT64: return hash_bits(MR_KIND_FLOAT64, float64_bits(value->float64));
    case MR_KIND_BOOLEAN: return hash_bits(MR_KIND_BOOLEAN, value->boolean);
    case MR_KIND_ARRAY: return hash_cells(MR_KIND_ARRAY, value->array->cells, value->array->count, depth + 1);
    case MR_KIND_STRUCT: {
        const struct mr_schema *schema = value->structure->schema;
        return schema->hash ^ hash_cells(MR_KIND_STRUCT, value->structure->cells, schema->field_count, depth + 1);
    }
    case MR_KIND_MAP: return hash_map(value->map, depth + 1);
    default: return hash_bits(value_kind(value), value_is_null(value) ? 0 : (uint64_t)value->integer);
    }
}

uint64_t value_hash(const struct mr_value *value)
{
    return hash_at(value, 0);
}

/* Equality -------------------------------------------------------------------------------------------------- */

static bool equals_at(const struct mr_value *a, const struct mr_value *b, unsigned depth);

static bool cells_equal(const struct mr_value *a, const struct mr_value *b, size_t count, unsigned depth)
{
    for (size_t i = 0; i < count; i++)
        if (!equals_at(&a[i], &b[i], depth))
            return false;
    return true;
}

static bool bytes_equal(const struct mr_value *a, const struct mr_value *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool decimals_equal(const struct mr_value *a, const struct mr_value *b)
{
    return a->length == b->length && a->decimal->scale == b->decimal->scale
        && memcmp(a->decimal->unscaled, b->decimal->unscaled, a->length) == 0;
}

static bool maps_equal(const struct value_map *a, const struct value_map *b, unsigned depth)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value_entry *other = value_map_find(b, &a->entries[i].key);
        if (other == NULL || !equals_at(&a->entries[i].value, &other->value, depth))
            return false;
    }
    return true;
}

static bool structs_equal(const struct value_struct *a, const struct value_struct *b, unsigned depth)
{
    return mr_schema_equals(a->schema, b->schema) && cells_equal(a->cells, b->cells, a->schema->field_count, depth);
}

static bool equals_at(const struct mr_value *a, const struct mr_value *b, unsigned depth)
{
    if (a->kind != b->kind || depth >= VALUE_DEPTH_MAX)
        return false;
    switch (value_kind(a)) {
    case MR_KIND_NULL: return true;
    case MR_KIND_BOOLEAN: return a->boolean == b->boolean;
    case MR_KIND_FLOAT32: return float32_bits(a->float32) == float32_bits(b->float32);
    case MR_KIND_FLOAT64: return float64_bits(a->float64) == float64_bits(b->float64);
    case MR_KIND_STRING:
    case MR_KIND_BYTES:
    case MR_KIND_BIGINT: return bytes_equal(a, b);
    case MR_KIND_DECIMAL: return decimals_equal(a, b);
    case MR_KIND_ARRAY:
        return a->array->count == b->array->count && cells_equal(a->array->cells, b->array->cells, a->array->count, depth + 1);
    case MR_KIND_MAP: return maps_equal(a->map, b->map, depth + 1);
    case MR_KIND_STRUCT: return structs_equal(a->structure, b->structure, depth + 1);
    default: return a->integer == b->integer;
    }
}

bool mr_value_equals(const struct mr_value *a, const struct mr_value *b)
{
    return a == b || equals_at(a, b, 0);
}
