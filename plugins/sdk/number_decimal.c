/*
 * Decimals between text and two's complement. Numbers are a few dozen digits long, so schoolbook arithmetic in base 10^9
 * and 2^32 serves; MR_DECIMAL_UNSCALED_MAX and MR_DECIMAL_DIGITS_MAX bound what it may cost.
 */
#include "number_internal.h"

#include <string.h>

#include "sdk/value_layout.h"
#include "base/bans.h"

#define BILLION 1000000000u
#define LIMBS_MAX (MR_DECIMAL_UNSCALED_MAX / 4 + 1)

/* A magnitude, least significant limb first, no zero limb at the end. */
struct magnitude {
    uint32_t count;
    uint32_t limbs[LIMBS_MAX];
};

/* Two's complement, big-endian, to magnitude. Returns whether it is negative. */
static bool magnitude_set(struct magnitude *magnitude, const unsigned char *bytes, size_t size)
{
    bool is_negative = size > 0 && bytes[0] >= 0x80;
    uint32_t carry = is_negative;
    magnitude->count = 0;
    for (size_t done = 0; done < size; done += 4) {
        uint32_t limb = 0;
        for (size_t i = 0; i < 4; i++) {
            unsigned char byte = done + i < size ? bytes[size - 1 - done - i] : is_negative ? 0xFF : 0;
            limb |= (uint32_t)byte << 8 * i;
        }
        limb = is_negative ? ~limb : limb;
        uint64_t sum = (uint64_t)limb + carry;
        magnitude->limbs[magnitude->count++] = (uint32_t)sum;
        carry = (uint32_t)(sum >> 32);
    }
    if (carry != 0)
        magnitude->limbs[magnitude->count++] = carry;
    while (magnitude->count > 0 && magnitude->limbs[magnitude->count - 1] == 0)
        magnitude->count--;
    return is_negative;
}

/* Divides by 10^9 and returns the rest. */
static uint32_t magnitude_divide(struct magnitude *magnitude)
{
    uint64_t rest = 0;
    for (uint32_t i = magnitude->count; i-- > 0;) {
        uint64_t part = rest << 32 | magnitude->limbs[i];
        magnitude->limbs[i] = (uint32_t)(part / BILLION);
        rest = part % BILLION;
    }
    while (magnitude->count > 0 && magnitude->limbs[magnitude->count - 1] == 0)
        magnitude->count--;
    return (uint32_t)rest;
}

static void magnitude_multiply_add(struct magnitude *magnitude, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (uint32_t i = 0; i < magnitude->count; i++) {
        carry += (uint64_t)magnitude->limbs[i] * factor;
        magnitude->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0)
        magnitude->limbs[magnitude->count++] = (uint32_t)carry;
}

/* To text --------------------------------------------------------------------------------------------------- */

static bool fits_int64(struct mr_bytes unscaled)
{
    return unscaled.size <= 8;
}

static int64_t int64_of(struct mr_bytes unscaled)
{
    const unsigned char *bytes = unscaled.data;
    uint64_t number = unscaled.size > 0 && bytes[0] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < unscaled.size; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

/* The digits of the magnitude, in the arena; never empty. NULL: no memory. */
static char *digits_of(struct mr_arena *arena, struct mr_bytes unscaled, size_t *count, bool *is_negative)
{
    if (fits_int64(unscaled)) {
        char *text = arena_alloc(arena, 20);
        int64_t number = int64_of(unscaled);
        *is_negative = number < 0;
        if (text != NULL)
            *count = (size_t)(number_digits_write(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number) - text);
        return text;
    }
    struct magnitude magnitude;
    *is_negative = magnitude_set(&magnitude, unscaled.data, unscaled.size);
    size_t room = ((size_t)magnitude.count + 1) * 10; /* a limb has at most 9.64 digits */
    char *text = arena_alloc(arena, room);
    if (text == NULL)
        return NULL;
    char *at = text + room;
    while (magnitude.count > 0) {
        uint32_t chunk = magnitude_divide(&magnitude);
        for (int i = 0; i < 9; i++, chunk /= 10)
            *--at = (char)('0' + chunk % 10);
    }
    while (*at == '0' && at < text + room - 1)
        at++;
    *count = (size_t)(text + room - at);
    return at;
}

static size_t append(char *out, size_t at, const char *text, size_t size)
{
    memcpy(out + at, text, size);
    return at + size;
}

/* scale >= 0 and not very small: digits with a point in between. */
static size_t positional_write(char *out, size_t at, const char *digits, size_t count, size_t scale)
{
    if (scale == 0)
        return append(out, at, digits, count);
    if (count > scale) {
        at = append(out, at, digits, count - scale);
        out[at++] = '.';
        return append(out, at, digits + count - scale, scale);
    }
    at = append(out, at, "0.", 2);
    memset(out + at, '0', scale - count);
    return append(out, at + (scale - count), digits, count);
}

static size_t scientific_write(char *out, size_t at, const char *digits, size_t count, int64_t adjusted)
{
    out[at++] = digits[0];
    if (count > 1) {
        out[at++] = '.';
        at = append(out, at, digits + 1, count - 1);
    }
    if (adjusted != 0) {
        out[at++] = 'E';
        if (adjusted > 0)
            out[at++] = '+';
        at += mr_int64_text(adjusted, out + at);
    }
    return at;
}

int mr_decimal_text(struct mr_arena *arena, const struct mr_value *decimal, struct mr_bytes *text,
                    struct mr_error **error)
{
    struct mr_bytes unscaled = mr_value_unscaled(decimal);
    int32_t scale = value_kind(decimal) == MR_KIND_DECIMAL ? decimal->decimal->scale : 0;
    if (unscaled.size > MR_DECIMAL_UNSCALED_MAX)
        return mr_error_set(error, MR_ERR_DATA, "A number of %zu bytes is too long to print; at most %d are",
                            unscaled.size, MR_DECIMAL_UNSCALED_MAX);
    size_t count = 0;
    bool is_negative = false;
    const char *digits = digits_of(arena, unscaled, &count, &is_negative);
    char *out = digits == NULL ? NULL : arena_alloc(arena, count + 40);
    if (out == NULL)
        return mr_arena_failed(arena, error);
    size_t at = 0;
    if (is_negative)
        out[at++] = '-';
    int64_t adjusted = (int64_t)count - 1 - scale;
    if (scale >= 0 && adjusted >= -6)
        at = positional_write(out, at, digits, count, (size_t)scale);
    else
        at = scientific_write(out, at, digits, count, adjusted);
    *text = (struct mr_bytes){.data = out, .size = at};
    return 0;
}

/* From text ------------------------------------------------------------------------------------------------- */

static void digits_take(struct magnitude *magnitude, const char *digits, uint32_t count)
{
    static const uint32_t POWERS[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, BILLION};
    while (count > 0) {
        uint32_t chunk_count = count < 9 ? count : 9, chunk = 0;
        for (uint32_t i = 0; i < chunk_count; i++)
            chunk = chunk * 10 + (uint32_t)(digits[i] - '0');
        magnitude_multiply_add(magnitude, POWERS[chunk_count], chunk);
        digits += chunk_count;
        count -= chunk_count;
    }
}

/* Two's complement, big-endian, shortest; returns its size. `out` has room for 4 bytes a limb and one more. */
static size_t twos_complement_write(const struct magnitude *magnitude, bool is_negative, unsigned char *out)
{
    size_t size = (size_t)magnitude->count * 4 + 1;
    uint32_t carry = 1;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = i / 4 < magnitude->count ? (unsigned char)(magnitude->limbs[i / 4] >> 8 * (i % 4)) : 0;
        if (is_negative) {
            uint32_t sum = (uint32_t)(unsigned char)~byte + carry;
            byte = (unsigned char)sum;
            carry = sum >> 8;
        }
        out[size - 1 - i] = byte;
    }
    size_t skip = 0;
    while (skip + 1 < size && out[skip] == (out[skip + 1] >= 0x80 ? 0xFF : 0))
        skip++;
    memmove(out, out + skip, size - skip);
    return size - skip;
}

int number_parts_decimal(struct mr_arena *arena, const struct number_parts *parts, int32_t scale, struct mr_value *cell)
{
    struct magnitude magnitude;
    magnitude.count = 0;
    digits_take(&magnitude, parts->whole, parts->whole_count);
    digits_take(&magnitude, parts->fraction, parts->fraction_count);
    struct value_decimal *body = arena_alloc(arena, sizeof(*body) + (size_t)magnitude.count * 4 + 1);
    if (body == NULL)
        return -1;
    body->scale = scale;
    size_t size = twos_complement_write(&magnitude, parts->is_negative, body->unscaled);
    *cell = (struct mr_value){.kind = MR_KIND_DECIMAL, .length = (uint32_t)size, .decimal = body};
    return 0;
}

const struct mr_value *mr_decimal_parse(struct mr_arena *arena, struct mr_bytes text, struct mr_error **error)
{
    struct number_parts parts;
    int32_t scale = 0;
    if (!number_parts_read(text, &parts) || parts.whole_count + parts.fraction_count > MR_DECIMAL_DIGITS_MAX ||
        !number_parts_scale(&parts, &scale)) {
        mr_error_set(error, MR_ERR_DATA, "The text is not a decimal number of at most %d digits",
                     MR_DECIMAL_DIGITS_MAX);
        return NULL;
    }
    struct mr_value *cell = arena_alloc(arena, sizeof(*cell));
    if (cell == NULL || number_parts_decimal(arena, &parts, scale, cell) != 0) {
        mr_arena_failed(arena, error);
        return NULL;
    }
    return cell;
}

/* As other numbers ------------------------------------------------------------------------------------------ */

/* Low 64 bits of a magnitude over 10^scale, scale > 0. */
static uint64_t magnitude_integer(struct magnitude *magnitude, int32_t scale)
{
    for (; scale >= 9 && magnitude->count > 0; scale -= 9)
        magnitude_divide(magnitude);
    uint32_t divisor = 1;
    for (; scale > 0 && magnitude->count > 0; scale--)
        divisor *= 10;
    uint64_t rest = 0, low = 0;
    for (uint32_t i = magnitude->count; i-- > 0;) {
        uint64_t part = rest << 32 | magnitude->limbs[i];
        low = low << 32 | (uint32_t)(part / divisor);
        rest = part % divisor;
    }
    return low;
}

int64_t mr_decimal_integer(const struct mr_value *decimal)
{
    struct mr_bytes unscaled = mr_value_unscaled(decimal);
    int32_t scale = value_kind(decimal) == MR_KIND_DECIMAL ? decimal->decimal->scale : 0;
    if (scale <= 0 || unscaled.size > MR_DECIMAL_UNSCALED_MAX) {
        if (unscaled.size > 8)
            unscaled = (struct mr_bytes){(const char *)unscaled.data + unscaled.size - 8, 8};
        uint64_t number = (uint64_t)int64_of(unscaled);
        if (scale <= -64 || scale > 0)
            return 0;
        for (; scale < 0; scale++)
            number *= 10;
        return (int64_t)number;
    }
    struct magnitude magnitude;
    bool is_negative = magnitude_set(&magnitude, unscaled.data, unscaled.size);
    uint64_t low = magnitude_integer(&magnitude, scale);
    return (int64_t)(is_negative ? 0 - low : low);
}

/* The digits of a decimal as the parts of a number, so that floats are rounded once. */
static int parts_of(const struct mr_value *decimal, char *room, struct number_parts *parts, struct mr_error **error)
{
    struct mr_bytes unscaled = mr_value_unscaled(decimal);
    if (unscaled.size > MR_DECIMAL_UNSCALED_MAX)
        return mr_error_set(error, MR_ERR_DATA, "A number of %zu bytes is too long to convert", unscaled.size);
    struct magnitude magnitude;
    bool is_negative = magnitude_set(&magnitude, unscaled.data, unscaled.size);
    char *end = room + (size_t)LIMBS_MAX * 10, *at = end;
    while (magnitude.count > 0) {
        uint32_t chunk = magnitude_divide(&magnitude);
        for (int i = 0; i < 9; i++, chunk /= 10)
            *--at = (char)('0' + chunk % 10);
    }
    int32_t scale = value_kind(decimal) == MR_KIND_DECIMAL ? decimal->decimal->scale : 0;
    *parts = (struct number_parts){
        .whole = at, .whole_count = (uint32_t)(end - at), .exponent = -(int64_t)scale, .is_negative = is_negative};
    return 0;
}

int mr_decimal_float64(const struct mr_value *decimal, double *number, struct mr_error **error)
{
    char room[LIMBS_MAX * 10];
    struct number_parts parts;
    if (parts_of(decimal, room, &parts, error) != 0)
        return -1;
    *number = number_parts_float64(&parts);
    return 0;
}

int mr_decimal_float32(const struct mr_value *decimal, float *number, struct mr_error **error)
{
    char room[LIMBS_MAX * 10];
    struct number_parts parts;
    if (parts_of(decimal, room, &parts, error) != 0)
        return -1;
    *number = number_parts_float32(&parts);
    return 0;
}
