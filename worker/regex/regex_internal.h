/* regex_internal: the translator from Java's dialect to PCRE2's; what its files share. */
#ifndef REGEX_INTERNAL_H
#define REGEX_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str_buffer.h"

#define REGEX_PATTERN_MAX 65536   /* bytes of Java's text */
#define REGEX_OUTPUT_MAX 4194304  /* bytes of PCRE2's */
#define REGEX_DEPTH_MAX 200       /* groups in groups, classes in classes */

/* Java's flags. They are followed here and never reach PCRE2: each atom is written for the flags it stands under. */
enum regex_flag {
    FLAG_CASE = 1u << 0,      /* i */
    FLAG_MULTILINE = 1u << 1, /* m */
    FLAG_DOTALL = 1u << 2,    /* s */
    FLAG_COMMENTS = 1u << 3,  /* x */
    FLAG_UNIX_LINES = 1u << 4, /* d */
    FLAG_UNICODE_CASE = 1u << 5, /* u */
    FLAG_UNICODE_CLASS = 1u << 6 /* U */
};

struct regex_name {
    char *text;
    size_t group;
};

struct regex_names {
    struct regex_name *items;
    size_t count;
};

/* Walks through the text; the first mistake ends the walk (`failed`, with words in `why`). */
struct translation {
    const char *text;   /* valid UTF-8, NUL-terminated, without \Q…\E */
    size_t at;
    uint32_t flags;
    struct str_buffer *out;
    struct regex_names *names;
    size_t groups;      /* opened so far */
    size_t group_total; /* of the walk before; SIZE_MAX in the first */
    int depth;
    bool looks_behind;  /* inside (?<= or (?<! */
    bool is_counted;    /* writes marks where a match is counted (work.h) */
    bool failed;
    char *why;
    size_t why_size;
};

/* PCRE2's text for Java's, to be freed by mem_free; names go to `names`. With marks for counting it means the same. NULL: `why` has
 * words. */
char *regex_translate(const char *java, bool is_counted, struct regex_names *names, char *why, size_t why_size);
void regex_names_release(struct regex_names *names);

/* Always false: the words, and where. */
bool translation_fail(struct translation *walk, const char *words);
/* Releases a buffer that was written to on the way; one that lacked memory or room fails the walk, whatever else did. */
void translation_release(struct translation *walk, struct str_buffer *buffer);
/* The next character; at the end 0, and nothing is passed. */
uint32_t translation_next(struct translation *walk);
bool translation_take(struct translation *walk, char wanted);
/* Under flag x: blanks and comments. */
void translation_skip_comments(struct translation *walk);

void translation_put(struct translation *walk, const char *text);

/* One character of the text as PCRE2 reads it, under the flags. */
void regex_put_literal(const struct translation *walk, struct str_buffer *out, uint32_t character);

/* Escapes: the backslash has been passed. */
enum escape_kind {
    ESCAPE_FAILED,
    ESCAPE_CHARACTER, /* stands for one character */
    ESCAPE_SET,       /* \d \W \p{…}: `items` belong into brackets */
    ESCAPE_OTHER      /* the letter has not been passed: an assertion, a reference or nothing */
};
struct escape {
    uint32_t character;
    bool is_negated;
    struct str_buffer items; /* to be released in each case */
};
enum escape_kind regex_escape(struct translation *walk, struct escape *escape);

/* \N{NAME}: the letter has been passed. */
bool regex_named_character(struct translation *walk, uint32_t *character);

/* An escape outside of classes, its backslash passed: appends one atom. */
bool regex_translate_escape(struct translation *walk);
/* ^, $ and . under the flags. */
void regex_put_caret(struct translation *walk);
void regex_put_dollar(struct translation *walk, bool is_multiline);
void regex_put_dot(struct translation *walk);

/* Letters and digits up to the >, which is passed. */
bool regex_read_name(struct translation *walk, const char **name, size_t *size);
size_t regex_name_find(const struct regex_names *names, const char *text, size_t size); /* its group; 0: none */
bool regex_name_add(struct translation *walk, const char *text, size_t size);           /* for the group opened last */

/* \p and \P: the letter has been passed. Appends the items. */
bool regex_property(struct translation *walk, struct str_buffer *items);

/* A class, its [ passed: appends one atom that matches one character. */
bool regex_class(struct translation *walk, struct str_buffer *out);
/* [items] or [^items]. */
void regex_put_set(struct str_buffer *out, const char *items, bool is_negated);

#endif
