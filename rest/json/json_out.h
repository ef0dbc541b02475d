/*
 * json_out: writes JSON into a buffer, compact, as the JVM worker spells it: UTF-8 as it is, but characters beyond U+FFFF
 * as \uXXXX pairs; "/" as it is. Text that is not UTF-8 has its bad bytes replaced by U+FFFD.
 *
 * Commas come by themselves; that names and values alternate and that all is closed is the caller's business. Failures
 * stay in the buffer (str_buffer.h). One thread at a time.
 */
#ifndef JSON_JSON_OUT_H
#define JSON_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str_buffer;
struct string_map;

struct json_out {
    struct str_buffer *text;
    bool needs_comma;
};

void json_out_init(struct json_out *out, struct str_buffer *text);
void json_out_open(struct json_out *out, char bracket);  /* '{' or '[' */
void json_out_close(struct json_out *out, char bracket); /* '}' or ']' */
void json_out_name(struct json_out *out, const char *name);
void json_out_text(struct json_out *out, const char *text); /* NULL: null */
void json_out_int(struct json_out *out, int64_t number);
/* A value that is JSON already. */
void json_out_raw(struct json_out *out, const char *json, size_t length);
/* A name and its text. */
void json_out_pair(struct json_out *out, const char *name, const char *text);
/* An object of texts, in the map's order. */
void json_out_map(struct json_out *out, const struct string_map *map);

#endif
