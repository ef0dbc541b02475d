/* Scalars, text, bytes and exact numbers: making and reading. */
#include "sdk/value_layout.h"

#include "base/bans.h"

static const struct mr_value the_null = {.kind = MR_KIND_NULL};
static const struct mr_value the_true = {.kind = MR_KIND_BOOLEAN, .boolean = true};
static const struct mr_value the_false = {.kind = MR_KIND_BOOLEAN, .boolean = false};

enum mr_kind mr_value_kind(const struct mr_value *value)
{
    return value_kind(value);
}

bool mr_value_is_null(const struct mr_value *value)
{
    return value_is_null(value);
}

const char *mr_kind_name(enum mr_kind kind)
{
    static const char *const names[] = {"null", "int8", "int16", "int32", "int64", "float32", "float64", "boolean",
        "string", "bytes", "array", "map", "struct", "decimal", "instant", "bigint"};
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

/* Reading --------------------------------------------------------------------------------------------------- */

int64_t mr_value_integer(const struct mr_value *value)
{
    bool is_integer = (value->kind >= MR_KIND_INT8 && value->kind <= MR_KIND_INT64) || value->kind == MR_KIND_INSTANT;
    return is_integer ? value->integer : 0;
}

float mr_value_float32(const struct mr_value *value)
{
    return value->kind == MR_KIND_FLOAT32 ? value->float32 : 0;
}

double mr_value_float64(const struct mr_value *value)
{
    if (value->kind == MR_KIND_FLOAT64)
        return value->float64;
    return value->kind == MR_KIND_FLOAT32 ? (double)value->float32 : 0;
}

bool mr_value_boolean(const struct mr_value *value)
{
    return value->kind == MR_KIND_BOOLEAN && value->boolean;
}

struct mr_bytes mr_value_bytes(const struct mr_value *value)
{
    bool has_bytes = value->kind == MR_KIND_STRING || value->kind == MR_KIND_BYTES;
    return has_bytes ? value_bytes(value) : (struct mr_bytes){.data = NULL, .size = 0};
}

int32_t mr_value_decimal_scale(const struct mr_value *value)
{
    return value->kind == MR_KIND_DECIMAL ? value->decimal->scale : 0;
}

struct mr_bytes mr_value_unscaled(const struct mr_value *value)
{
    if (value->kind == MR_KIND_DECIMAL)
        return (struct mr_bytes){.data = value->decimal->unscaled, .size = value->length};
    return value->kind == MR_KIND_BIGINT ? value_bytes(value) : (struct mr_bytes){.data = NULL, .size = 0};
}

/* Making ---------------------------------------------------------------------------------------------------- */

const struct mr_value *mr_null(void)
{
    return &the_null;
}

const struct mr_value *mr_boolean(bool value)
{
    return value ? &the_true : &the_false;
}

const struct mr_value *mr_int8(struct mr_arena *arena, int8_t value)
{
    return value_integer(arena, MR_KIND_INT8, value);
}

const struct mr_value *mr_int16(struct mr_arena *arena, int16_t value)
{
    return value_integer(arena, MR_KIND_INT16, value);
}

const struct mr_value *mr_int32(struct mr_arena *arena, int32_t value)
{
    return value_integer(arena, MR_KIND_INT32, value);
}

const struct mr_value *mr_int64(struct mr_arena *arena, int64_t value)
{
    return value_integer(arena, MR_KIND_INT64, value);
}

const struct mr_value *mr_instant(struct mr_arena *arena, int64_t ms)
{
    return value_integer(arena, MR_KIND_INSTANT, ms);
}

const struct mr_value *mr_float32(struct mr_arena *arena, float number)
{
    struct mr_value *value = arena_alloc(arena, sizeof(*value));
    if (value != NULL)
        *value = (struct mr_value){.kind = MR_KIND_FLOAT32, .float32 = number};
    return value;
}

const struct mr_value *mr_float64(struct mr_arena *arena, double number)
{
    struct mr_value *value = arena_alloc(arena, sizeof(*value));
    if (value != NULL)
        *value = (struct mr_value){.kind = MR_KIND_FLOAT64, .float64 = number};
    return value;
}

/* Cell and bytes in one piece. */
static const struct mr_value *copy_bytes(struct mr_arena *arena, enum mr_kind kind, const void *data, size_t size)
{
    if (size > VALUE_SIZE_MAX) {
        arena->failure = ARENA_VALUE_TOO_LARGE;
        return NULL;
    }
    struct mr_value *value = data == NULL && size > 0 ? NULL : arena_alloc(arena, sizeof(*value) + size);
    if (value == NULL)
        return NULL;
    *value = (struct mr_value){.kind = (uint8_t)kind, .length = (uint32_t)size, .bytes = value + 1};
    if (size > 0)
        memcpy(value + 1, data, size);
    return value;
}

const struct mr_value *mr_string(struct mr_arena *arena, const char *text)
{
    return text == NULL ? NULL : copy_bytes(arena, MR_KIND_STRING, text, strlen(text));
}

const struct mr_value *mr_string_copy(struct mr_arena *arena, const char *text, size_t size)
{
    return copy_bytes(arena, MR_KIND_STRING, text, size);
}

const struct mr_value *mr_bytes_copy(struct mr_arena *arena, const void *data, size_t size)
{
    return copy_bytes(arena, MR_KIND_BYTES, data, size);
}

/* Nothing may be anywhere; something that is nowhere is what another constructor failed to make. */
static const struct mr_value *ref_bytes(struct mr_arena *arena, enum mr_kind kind, const void *data, size_t size)
{
    if (data == NULL && size > 0)
        return NULL;
    return value_ref(arena, kind, data == NULL ? "" : data, size);
}

const struct mr_value *mr_string_ref(struct mr_arena *arena, const char *text, size_t size)
{
    return ref_bytes(arena, MR_KIND_STRING, text, size);
}

const struct mr_value *mr_bytes_ref(struct mr_arena *arena, const void *data, size_t size)
{
    return ref_bytes(arena, MR_KIND_BYTES, data, size);
}

/* Drops leading bytes that only repeat the sign; nothing at all counts as zero. */
static struct mr_bytes shortest(const unsigned char *at, size_t size)
{
    static const unsigned char zero = 0;
    if (size == 0)
        return (struct mr_bytes){.data = &zero, .size = 1};
    while (size > 1 && ((at[0] == 0x00 && at[1] < 0x80) || (at[0] == 0xff && at[1] >= 0x80))) {
        at++;
        size--;
    }
    return (struct mr_bytes){.data = at, .size = size};
}

const struct mr_value *mr_decimal(struct mr_arena *arena, const void *unscaled, size_t size, int32_t scale)
{
    if (unscaled == NULL && size > 0)
        return NULL;
    struct mr_bytes number = shortest(unscaled, size);
    if (number.size > VALUE_SIZE_MAX) {
        arena->failure = ARENA_VALUE_TOO_LARGE;
        return NULL;
    }
    struct mr_value *value = arena_alloc(arena, sizeof(*value) + sizeof(struct value_decimal) + number.size);
    if (value == NULL)
        return NULL;
    struct value_decimal *decimal = (struct value_decimal *)(value + 1);
    decimal->scale = scale;
    memcpy(decimal->unscaled, number.data, number.size);
    *value = (struct mr_value){.kind = MR_KIND_DECIMAL, .length = (uint32_t)number.size, .decimal = decimal};
    return value;
}

const struct mr_value *mr_bigint(struct mr_arena *arena, const void *unscaled, size_t size)
{
    if (unscaled == NULL && size > 0)
        return NULL;
    struct mr_bytes number = shortest(unscaled, size);
    return copy_bytes(arena, MR_KIND_BIGINT, number.data, number.size);
}
