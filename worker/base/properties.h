/*
 * properties: Java .properties text, read exactly as java.util.Properties#load does.
 *
 * Comments (# !), blank lines, continuation by an odd number of backslashes, leading blanks (space, tab, form feed)
 * skipped, keys ended by the first unescaped = : or blank, escapes \t \n \r \f \uXXXX, any other escaped character stands
 * for itself. Line ends are \n, \r or \r\n. A key that comes twice: the last value wins, the first place in the order
 * stays. Trailing blanks belong to the value.
 *
 * Character set: Kafka reads worker and connector files from a byte stream (Utils.loadProps), and Java then takes every
 * byte as one ISO 8859-1 character: PROPERTIES_LATIN1. Kafka's FileConfigProvider goes through a UTF-8 reader:
 * PROPERTIES_UTF8. Keys and values in the map are UTF-8 in both cases.
 *
 * Refused, with the line (counted from 1) in why and never the text, which may be secret: malformed \uXXXX, invalid
 * UTF-8 (PROPERTIES_UTF8), and NUL, raw or as \u0000, which a C string cannot hold (Java would take it). Half a
 * surrogate pair becomes '?', which is what Java writes for it.
 */
#ifndef BASE_PROPERTIES_H
#define BASE_PROPERTIES_H

#include <stddef.h>

struct string_map;

enum properties_charset { PROPERTIES_LATIN1, PROPERTIES_UTF8 };

/* NULL: not readable or no memory; why says which and where: "line 3: malformed \uxxxx escape", PROPERTIES_NO_MEMORY. */
#define PROPERTIES_NO_MEMORY "no memory"
struct string_map *properties_parse(const char *text, size_t length, enum properties_charset charset, char *why,
                                    size_t why_size);

/* Reads and parses a file of at most PROPERTIES_FILE_MAX bytes; why then names the path too. */
#define PROPERTIES_FILE_MAX (16u << 20)
struct string_map *properties_load(const char *path, enum properties_charset charset, char *why, size_t why_size);

#endif
