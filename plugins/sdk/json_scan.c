/*
 * The grammar of JSON as Kafka's JsonConverter configures Jackson: strict, but for leading zeros in numbers.
 * Everything here checks; only json_string_read and json_number give something back.
 */
#include "sdk/json_internal.h"

#include "base/utf8.h"
#include "base/bans.h"

enum json_outcome json_broken(struct json_reader *reader, const char *expected)
{
    size_t place = (size_t)(reader->at - reader->start);
    if (reader->at >= reader->end)
        mr_error_set(reader->error, MR_ERR_DATA, "The text is not JSON: it ends at byte %zu, where %s is expected",
                     place, expected);
    else
        mr_error_set(reader->error, MR_ERR_DATA, "The text is not JSON: %s is expected at byte %zu", expected, place);
    return JSON_BROKEN;
}

enum json_outcome json_no_memory(struct json_reader *reader)
{
    mr_arena_failed(reader->arena, reader->error);
    return JSON_BROKEN;
}

int json_open(struct json_reader *reader, char close)
{
    if (++reader->depth > MR_JSON_DEPTH_MAX) {
        mr_error_set(reader->error, MR_ERR_DATA, "JSON is nested more than %d levels deep at byte %zu",
                     MR_JSON_DEPTH_MAX, (size_t)(reader->at - reader->start));
        return -1;
    }
    reader->at++;
    json_blanks_pass(reader);
    if (json_peek(reader) != close)
        return 1;
    reader->at++;
    reader->depth--;
    return 0;
}

enum json_outcome json_colon(struct json_reader *reader)
{
    json_blanks_pass(reader);
    if (json_peek(reader) != ':')
        return json_broken(reader, "':'");
    reader->at++;
    json_blanks_pass(reader);
    return JSON_FINE;
}

int json_next(struct json_reader *reader, char close)
{
    json_blanks_pass(reader);
    char c = json_peek(reader);
    if (c == ',') {
        reader->at++;
        json_blanks_pass(reader);
        return 1;
    }
    if (c != close) {
        json_broken(reader, close == '}' ? "',' or '}'" : "',' or ']'");
        return -1;
    }
    reader->at++;
    reader->depth--;
    return 0;
}

/* Literals -------------------------------------------------------------------------------------------------- */

/* Could this byte go on a word? Then the word was another one. */
static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x7F;
}

static bool word_is(const struct json_reader *reader, const char *word, size_t size)
{
    size_t left = (size_t)(reader->end - reader->at);
    return left >= size && memcmp(reader->at, word, size) == 0 && (left == size || !is_word_byte(reader->at[size]));
}

enum json_outcome json_literal(struct json_reader *reader, struct mr_value *cell)
{
    if (word_is(reader, "null", 4)) {
        reader->at += 4;
        *cell = (struct mr_value){.kind = MR_KIND_NULL};
    } else if (word_is(reader, "true", 4)) {
        reader->at += 4;
        *cell = (struct mr_value){.kind = MR_KIND_BOOLEAN, .boolean = true};
    } else if (word_is(reader, "false", 5)) {
        reader->at += 5;
        *cell = (struct mr_value){.kind = MR_KIND_BOOLEAN};
    } else {
        return json_broken(reader, "a value");
    }
    return JSON_FINE;
}

/* Numbers --------------------------------------------------------------------------------------------------- */

static uint32_t digits_pass(struct json_reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    size_t count = (size_t)(reader->at - start);
    return count > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)count;
}

static enum json_outcome exponent_read(struct json_reader *reader, struct number_parts *parts, uint32_t *count)
{
    reader->at++;
    bool is_negative = json_peek(reader) == '-';
    if (is_negative || json_peek(reader) == '+')
        reader->at++;
    const char *digits = reader->at;
    *count = digits_pass(reader);
    if (*count == 0)
        return json_broken(reader, "a digit of an exponent");
    int64_t number = 0;
    for (uint32_t i = 0; i < *count && number < NUMBER_EXPONENT_MAX; i++)
        number = number * 10 + (digits[i] - '0');
    parts->exponent = is_negative ? -number : number;
    return JSON_FINE;
}

static enum json_outcome fraction_read(struct json_reader *reader, struct number_parts *parts)
{
    reader->at++;
    parts->fraction = reader->at;
    parts->fraction_count = digits_pass(reader);
    return parts->fraction_count == 0 ? json_broken(reader, "a digit of a fraction") : JSON_FINE;
}

static enum json_outcome too_long(struct json_reader *reader)
{
    mr_error_set(reader->error, MR_ERR_DATA, "A number has more than %d digits before byte %zu", JSON_NUMBER_MAX,
                 (size_t)(reader->at - reader->start));
    return JSON_BROKEN;
}

/* A point or an exponent follows the whole part. */
static enum json_outcome number_go_on(struct json_reader *reader, struct number_parts *parts)
{
    uint32_t exponent_count = 0;
    int32_t scale;
    parts->is_integer = false;
    if (json_peek(reader) == '.' && fraction_read(reader, parts) != JSON_FINE)
        return JSON_BROKEN;
    char c = json_peek(reader);
    if ((c == 'e' || c == 'E') && exponent_read(reader, parts, &exponent_count) != JSON_FINE)
        return JSON_BROKEN;
    if (parts->whole_count + parts->fraction_count + exponent_count > JSON_NUMBER_MAX)
        return too_long(reader);
    if (!number_parts_scale(parts, &scale)) {
        mr_error_set(reader->error, MR_ERR_DATA, "The exponent of a number is too large before byte %zu",
                     (size_t)(reader->at - reader->start));
        return JSON_BROKEN;
    }
    return JSON_FINE;
}

enum json_outcome json_number(struct json_reader *reader, struct number_parts *parts)
{
    *parts = (struct number_parts){.is_negative = *reader->at == '-', .is_integer = true};
    if (parts->is_negative)
        reader->at++;
    parts->whole = reader->at;
    parts->whole_count = digits_pass(reader);
    if (parts->whole_count == 0)
        return json_broken(reader, "a digit");
    if (__builtin_expect(*parts->whole == '0', 0)) {
        for (; parts->whole_count > 1 && *parts->whole == '0'; parts->whole_count--)
            parts->whole++;
    }
    char c = json_peek(reader);
    if (c == '.' || c == 'e' || c == 'E')
        return number_go_on(reader, parts);
    return parts->whole_count > JSON_NUMBER_MAX ? too_long(reader) : JSON_FINE;
}

/* Skipping -------------------------------------------------------------------------------------------------- */

/* The brackets that are open; one bit each, set: an object. */
struct open_brackets {
    uint64_t bits[MR_JSON_DEPTH_MAX / 64 + 2];
};

static void bracket_set(struct open_brackets *open, uint32_t depth, bool is_object)
{
    uint64_t bit = UINT64_C(1) << depth % 64;
    open->bits[depth / 64] = is_object ? open->bits[depth / 64] | bit : open->bits[depth / 64] & ~bit;
}

static bool bracket_is_object(const struct open_brackets *open, uint32_t depth)
{
    return open->bits[depth / 64] >> depth % 64 & 1;
}

static enum json_outcome scalar_skip(struct json_reader *reader)
{
    char c = json_peek(reader);
    struct mr_value cell;
    struct number_parts parts;
    struct mr_bytes text;
    if (c == '"')
        return json_string_read(reader, &text);
    if (c == '-' || (c >= '0' && c <= '9'))
        return json_number(reader, &parts);
    return json_literal(reader, &cell);
}

static enum json_outcome name_skip(struct json_reader *reader)
{
    struct mr_bytes name;
    if (json_peek(reader) != '"')
        return json_broken(reader, "the name of a member");
    return json_string_read(reader, &name) == JSON_FINE ? json_colon(reader) : JSON_BROKEN;
}

/* Opens brackets until a value that is none, or an empty pair, has been passed. */
static enum json_outcome brackets_open(struct json_reader *reader, struct open_brackets *open)
{
    for (;;) {
        char c = json_peek(reader);
        if (c != '[' && c != '{')
            return scalar_skip(reader);
        int content = json_open(reader, c == '{' ? '}' : ']');
        if (content <= 0)
            return content == 0 ? JSON_FINE : JSON_BROKEN;
        bracket_set(open, reader->depth, c == '{');
        if (c == '{' && name_skip(reader) != JSON_FINE)
            return JSON_BROKEN;
    }
}

enum json_outcome json_skip(struct json_reader *reader)
{
    struct open_brackets open = {{0}};
    uint32_t outside = reader->depth;
    for (;;) {
        if (brackets_open(reader, &open) != JSON_FINE)
            return JSON_BROKEN;
        for (int more = 0; more == 0;) {
            if (reader->depth == outside)
                return JSON_FINE;
            bool is_object = bracket_is_object(&open, reader->depth);
            more = json_next(reader, is_object ? '}' : ']');
            if (more < 0 || (more > 0 && is_object && name_skip(reader) != JSON_FINE))
                return JSON_BROKEN;
        }
    }
}
