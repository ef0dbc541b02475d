/* The five number converters: each one fixed width, big-endian; floats as IEEE 754. */
#include "numbers.h"
#include "stateless.h"

#include <math.h>
#include <string.h>

/* The type of the values decides all; an instance is a pointer to its row. */
struct number_type {
    const char *name; /* in messages */
    enum mr_kind kind;
    enum mr_type type;
    size_t size;
};

/* Java writes one NaN, whichever it was. */
#define FLOAT32_NAN UINT64_C(0x7FC00000)
#define FLOAT64_NAN UINT64_C(0x7FF8000000000000)

static uint64_t bits_of(const struct number_type *type, const struct mr_value *value)
{
    uint64_t wide;
    uint32_t narrow;
    if (type->kind == MR_KIND_FLOAT64) {
        double number = mr_value_float64(value);
        memcpy(&wide, &number, sizeof(wide));
        return isnan(number) ? FLOAT64_NAN : wide;
    }
    if (type->kind == MR_KIND_FLOAT32) {
        float number = mr_value_float32(value);
        memcpy(&narrow, &number, sizeof(narrow));
        return isnan(number) ? FLOAT32_NAN : narrow;
    }
    return (uint64_t)mr_value_integer(value);
}

static const struct mr_value *value_of(const struct number_type *type, struct mr_arena *arena, uint64_t bits)
{
    uint32_t narrow_bits = (uint32_t)bits;
    float narrow;
    double wide;
    switch (type->kind) {
    case MR_KIND_INT16: return mr_int16(arena, (int16_t)bits);
    case MR_KIND_INT32: return mr_int32(arena, (int32_t)narrow_bits);
    case MR_KIND_INT64: return mr_int64(arena, (int64_t)bits);
    case MR_KIND_FLOAT32: memcpy(&narrow, &narrow_bits, sizeof(narrow)); return mr_float32(arena, narrow);
    default: memcpy(&wide, &bits, sizeof(wide)); return mr_float64(arena, wide);
    }
}

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    const struct number_type *type = self;
    (void)place;
    (void)schema;
    *bytes = (struct mr_bytes){.data = NULL};
    if (mr_value_is_null(value))
        return 0;
    if (mr_value_kind(value) != type->kind)
        return mr_error_set(error, MR_ERR_DATA, "Failed to serialize to %s (was of kind %s)", type->name,
                            mr_kind_name(mr_value_kind(value)));
    unsigned char *written = mr_arena_alloc(arena, type->size);
    if (written == NULL)
        return mr_arena_failed(arena, error);
    uint64_t bits = bits_of(type, value);
    for (size_t i = type->size; i-- > 0; bits >>= 8)
        written[i] = (unsigned char)bits;
    *bytes = (struct mr_bytes){.data = written, .size = type->size};
    return 0;
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    const struct number_type *type = self;
    (void)place;
    *schema = mr_schema_primitive(type->type, true);
    *value = mr_null();
    if (bytes.data == NULL)
        return 0;
    if (bytes.size != type->size)
        return mr_error_set(error, MR_ERR_DATA, "Failed to deserialize %s: it has %zu bytes, these are %zu", type->name,
                            type->size, bytes.size);
    const unsigned char *read = bytes.data;
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes.size; i++)
        bits = bits << 8 | read[i];
    *value = value_of(type, arena, bits);
    return *value == NULL ? mr_arena_failed(arena, error) : 0;
}

static const struct mr_schema *null_schema(void *self)
{
    return mr_schema_primitive(((const struct number_type *)self)->type, true);
}

#define NUMBER_OPS(prefix, value_kind, value_type, width)                                                              \
    static void *prefix##_create(const struct mr_config *config, struct mr_error **error)                              \
    {                                                                                                                  \
        static struct number_type type = {.name = #prefix, .kind = (value_kind), .type = (value_type), .size = (width)}; \
        (void)config;                                                                                                  \
        (void)error;                                                                                                   \
        return &type;                                                                                                  \
    }                                                                                                                  \
    const struct mr_converter_ops prefix##_ops = {.size = sizeof(prefix##_ops),                                        \
                                                  .create = prefix##_create,                                           \
                                                  .from_connect = from_connect,                                        \
                                                  .to_connect = to_connect,                                            \
                                                  .destroy = stateless_destroy,                                        \
                                                  .null_schema = null_schema}

NUMBER_OPS(short, MR_KIND_INT16, MR_TYPE_INT16, 2);
NUMBER_OPS(integer, MR_KIND_INT32, MR_TYPE_INT32, 4);
NUMBER_OPS(long, MR_KIND_INT64, MR_TYPE_INT64, 8);
NUMBER_OPS(float, MR_KIND_FLOAT32, MR_TYPE_FLOAT32, 4);
NUMBER_OPS(double, MR_KIND_FLOAT64, MR_TYPE_FLOAT64, 8);
