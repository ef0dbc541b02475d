/*
 * json_internal: what the JSON files of sdk share; back room of sdk.
 *
 * Reading goes in one pass from text to cells, one function call a level (at most MR_JSON_DEPTH_MAX). What a value comes
 * to is an outcome:
 *  - JSON_FINE;
 *  - JSON_NULLED: fine, but a text or bytes field met another type and became null, whatever its default; a required
 *    field of a struct refuses that;
 *  - JSON_BAD: the text goes on behind it, the value is not acceptable to its schema. It fails the whole unless a later
 *    member of the same name replaces it. The cell is marked, so that its container notices;
 *  - JSON_BROKEN: the text is no JSON, or memory is short; reading ends here.
 * The error is filled in the last two cases (by the first one) and cleared at the end of a reading that worked.
 *
 * No name here is one of jansson's: the fuzz targets link both into one program.
 */
#ifndef SDK_JSON_INTERNAL_H
#define SDK_JSON_INTERNAL_H

#include <millrace/json.h>
#include <string.h>

#include "sdk/number_internal.h"
#include "sdk/schema_internal.h"
#include "sdk/value_layout.h"

/* Digits of a number: whole, fraction and exponent together. */
#define JSON_NUMBER_MAX 1000

/* Internal flag of reading: a member "default" is not read but kept as its text, in a cell marked JSON_CELL_RAW. */
#define JSON_RAW_DEFAULTS (1u << 31)

enum json_outcome { JSON_BROKEN = -1, JSON_FINE = 0, JSON_NULLED = 1, JSON_BAD = 2 };

/* Marks in the flags of cells under construction; gone before anybody else sees the cell (but JSON_CELL_RAW). */
enum json_cell_mark { JSON_CELL_BAD = 1, JSON_CELL_SETTLED = 2, JSON_CELL_RAW = 4 };

/* Cells of arrays and maps until their number is known. Grows on the heap past what lies in the reader. */
#define JSON_STACK_SMALL 48
struct json_stack {
    struct mr_value *cells;
    size_t count, capacity;
    struct mr_value small[JSON_STACK_SMALL];
};

struct json_reader {
    const char *at, *end;
    const char *start; /* for messages */
    struct mr_arena *arena;
    struct mr_error **error;
    uint32_t flags;
    uint32_t depth;
    bool has_bad;   /* some cell is or was marked JSON_CELL_BAD */
    bool has_loose; /* a text or bytes was NULLED inside an array or map: structs around it must validate */
    struct json_stack stack;
};

#define JSON_ONES UINT64_C(0x0101010101010101)
#define JSON_HIGHS UINT64_C(0x8080808080808080)

/* Eight bytes of a string: a high bit for each one (at least the first such) that is a quote, a backslash or below U+0020. */
static inline uint64_t json_special_bytes(uint64_t word)
{
    uint64_t quote = word ^ JSON_ONES * '"', backslash = word ^ JSON_ONES * '\\';
    uint64_t low = word - JSON_ONES * 0x20;
    return (((quote - JSON_ONES) & ~quote) | ((backslash - JSON_ONES) & ~backslash) | (low & ~word)) & JSON_HIGHS;
}

/* `text` must be UTF-8 (json_encoding_detect). `error` may be the caller's. */
void json_reader_init(struct json_reader *reader, struct mr_arena *arena, struct mr_bytes text, uint32_t flags,
                      struct mr_error **error);
void json_reader_release(struct json_reader *reader);

/* What comes before reading: the copy that was asked for, and json_encoding_detect. */
int json_text_prepare(struct mr_arena *arena, struct mr_bytes *text, uint32_t flags, struct mr_error **error);
/* json_encoding.c: the text as UTF-8 without byte order mark; transcoded into the arena if need be. */
int json_encoding_detect(struct mr_arena *arena, struct mr_bytes *text, struct mr_error **error);

/* json_scan.c ----------------------------------------------------------------------------------------------- */

static inline bool json_is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Moves to the next character that is not blank, or to the end. */
static inline void json_blanks_pass(struct json_reader *reader)
{
    while (reader->at < reader->end && json_is_blank(*reader->at))
        reader->at++;
}

/* The next character, 0 at the end (a NUL in the text is an error wherever it is met). */
static inline char json_peek(const struct json_reader *reader)
{
    return reader->at < reader->end ? *reader->at : '\0';
}

/* Fills the error with place and words; returns JSON_BROKEN. */
enum json_outcome json_broken(struct json_reader *reader, const char *expected);
enum json_outcome json_no_memory(struct json_reader *reader);
/* Fills the error, marks the cell; returns JSON_BAD. `type` names the schema's. */
enum json_outcome json_bad(struct json_reader *reader, struct mr_value *cell, const struct mr_schema *schema,
                           const char *words);

/* At an opening bracket, whose partner is `close`: 1 it has content (at its first character), 0 it is empty and passed,
 * -1 too deep. */
int json_open(struct json_reader *reader, char close);

/* At an opening quote: the decoded text, in place or in the arena. */
enum json_outcome json_string_read(struct json_reader *reader, struct mr_bytes *text);
/* At '-' or a digit. */
enum json_outcome json_number(struct json_reader *reader, struct number_parts *parts);
/* At t, f or n. */
enum json_outcome json_literal(struct json_reader *reader, struct mr_value *cell);
/* Checks a value of any kind and moves behind it. */
enum json_outcome json_skip(struct json_reader *reader);
/* Behind a member's name: the colon and blanks around it. */
enum json_outcome json_colon(struct json_reader *reader);
/* Behind a member or element: 1 another follows (at its first character), 0 `close` was met and passed, -1 neither. */
int json_next(struct json_reader *reader, char close);

/* json_read.c, json_read_as.c ------------------------------------------------------------------------------- */

/* At the first character of a value. */
enum json_outcome json_value(struct json_reader *reader, struct mr_value *cell);
/* Under a schema; NULL: as json_value. */
enum json_outcome json_value_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell);
/* null, or a member that is missing. */
enum json_outcome json_null_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell);
/* An object as map of text; `values` NULL: schemaless. */
enum json_outcome json_map(struct json_reader *reader, const struct mr_schema *values, struct mr_value *cell);
enum json_outcome json_array_read(struct json_reader *reader, const struct mr_schema *elements, struct mr_value *cell);
enum json_outcome json_struct(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell);

/* Gives `mistake` to the caller's error, or ends it when there is no place for it. */
void json_error_hand_on(struct mr_error **error, struct mr_error *mistake);

/* The whole text as one value. `depth`: levels that are open already. */
const struct mr_value *json_read_text(struct mr_arena *arena, struct mr_bytes text, const struct mr_schema *schema,
                                      uint32_t flags, uint32_t depth, struct mr_error **error);

bool json_stack_grow(struct json_stack *stack);

/* false: no memory. */
static inline bool json_stack_push(struct json_stack *stack, const struct mr_value *cell)
{
    if (__builtin_expect(stack->count == stack->capacity, 0) && !json_stack_grow(stack))
        return false;
    stack->cells[stack->count++] = *cell;
    return true;
}

/* json_base64.c: as Jackson reads MIME base64: padding required, blanks between groups of four only. `out` has room
 * for size / 4 × 3 bytes. */
bool json_base64_read(struct mr_bytes text, unsigned char *out, size_t *size);

/* Writing --------------------------------------------------------------------------------------------------- */

struct json_writer {
    char *at, *end, *start;
    struct mr_arena *arena;
    struct mr_error **error;
    uint32_t flags;
    uint32_t depth;
};

int json_writer_init(struct json_writer *writer, struct mr_arena *arena, uint32_t flags, struct mr_error **error);
/* Gives back what was not used. */
void json_writer_finish(struct json_writer *writer, struct mr_bytes *text);
int json_writer_grow(struct json_writer *writer, size_t more);

/* Room for `size` bytes at `at`. */
static inline int json_room(struct json_writer *writer, size_t size)
{
    return __builtin_expect((size_t)(writer->end - writer->at) >= size, 1) ? 0 : json_writer_grow(writer, size);
}

static inline int json_put(struct json_writer *writer, const char *text, size_t size)
{
    if (json_room(writer, size) != 0)
        return -1;
    memcpy(writer->at, text, size);
    writer->at += size;
    return 0;
}

static inline int json_put_char(struct json_writer *writer, char c)
{
    return json_put(writer, &c, 1);
}

#define JSON_PUT(writer, literal) json_put((writer), (literal), sizeof(literal) - 1)

/* Quoted and escaped. */
int json_put_text(struct json_writer *writer, const char *text, size_t size);
int json_put_value(struct json_writer *writer, const struct mr_schema *schema, const struct mr_value *value);
/* json_schema_write.c: NULL is null. `field`: the member that a field's schema ends with; NULL: none. */
int json_put_schema(struct json_writer *writer, const struct mr_schema *schema, const char *field);

/* json_schema_read.c: from text that is UTF-8 and was checked, `depth` levels down; a reference of the caller's. */
const struct mr_schema *json_schema_parse(struct mr_bytes text, uint32_t flags, uint32_t depth,
                                          struct mr_error **error);

#endif
