/*
 * record_text: the JSON of internal topics: compact, raw UTF-8, escapes as Jackson writes them; and reading it back by
 * the rules of Kafka's JsonConverter without schemas.
 */
#ifndef STORE_RECORD_TEXT_INTERNAL_H
#define STORE_RECORD_TEXT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <millrace/arena.h>
#include <millrace/value.h>

struct str_buffer;
struct string_map;

#define RECORD_TEXT_MAX (64u << 20)   /* one value we write; topics refuse much less */
#define RECORD_ARENA_MAX (1u << 30)   /* what one value that we read may become in memory */

/* A key and a value; value.data NULL: a tombstone. */
struct store_record {
    struct mr_bytes key;
    struct mr_bytes value;
};

struct mr_bytes bytes_of_text(const char *text);   /* NULL gives no data */

/* ---- writing: failures stay in the buffer ---- */

/* "text", quoted; invalid UTF-8 becomes U+FFFD. */
void record_text_string(struct str_buffer *out, const char *text);
void record_text_string_n(struct str_buffer *out, const char *text, size_t length);
void record_text_string_or_null(struct str_buffer *out, const char *text);
/* {"k":"v",…} in the map's order. */
void record_text_map(struct str_buffer *out, const struct string_map *map);

/* ---- reading ---- */

enum record_read {
    RECORD_READ,
    RECORD_MALFORMED,   /* not JSON, or not what is wanted */
    RECORD_NO_MEMORY,
};

/* No data, or blank text, gives the null value. */
enum record_read record_text_read(struct mr_arena *arena, struct mr_bytes text, const struct mr_value **value);

/* The text of a string value as a C string in the arena. NULL: not a string, holds a NUL, or no memory. */
const char *record_text_of(struct mr_arena *arena, const struct mr_value *value);
/* Integers of any width. */
bool record_integer_of(const struct mr_value *value, int64_t *number);

/* A map of texts; numbers and booleans become their text, as their REST body would have. */
enum record_read record_map_of(struct mr_arena *arena, const struct mr_value *value, struct string_map **map);

/* Key = prefix + rest, rest not empty, valid UTF-8 without NUL: the rest as a C string in the arena. */
bool record_key_has(struct mr_bytes key, const char *prefix);
const char *record_key_rest(struct mr_arena *arena, struct mr_bytes key, const char *prefix);
/* NAME-N, split at the last dash; cuts `text`. */
bool record_key_split_number(char *text, uint32_t *number);
/* For log lines: the key, cut, with what is not printable replaced. */
#define RECORD_KEY_SHOWN_MAX 200
const char *record_key_shown(struct mr_bytes key, char shown[RECORD_KEY_SHOWN_MAX]);

#endif
