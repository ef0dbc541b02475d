/*
 * match: one expression on one text through PCRE2, with all its work bounded (work.h).
 *
 * Short texts are tried first as if nothing were counted, with a limit of steps so low that the attempt is cheap even where it fails; so
 * ordinary matches pay nothing. What that does not answer, and each long text, is matched with the marked expression, which is compiled when
 * it is first needed: a search in windows of places where a match may begin, with a look at the clock between them.
 * thread: the expression's. Memory: PCRE2's own.
 */
#ifndef REGEX_MATCH_H
#define REGEX_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "regex/work.h"

/* Anchored at both ends is something else than a search, and JIT wants to know when the code is made: two codes. */
enum match_kind { MATCH_WHOLE, MATCH_SEARCH, MATCH_KINDS };

struct matcher {
    pcre2_code *codes[MATCH_KINDS];
    pcre2_code *marked_codes[MATCH_KINDS]; /* NULL: not needed yet, or too large or no memory for it: then `codes` stand in */
    char *marked;                          /* what they are made of; NULL: that was tried */
    pcre2_match_data *data;
    pcre2_match_context *quick, *bounded;
    struct work work;
    int quick_left;       /* attempts in this text */
    uint32_t quick_steps; /* the limit that `quick` has; 0: PCRE2's own */
    bool looks_at_begin;  /* \G: a window would be taken for the beginning */
};

/* Of the same expression twice: as it is, and with marks (taken, also in failure). false: `why` has words. matcher_release in each case. */
bool matcher_init(struct matcher *matcher, const char *plain, char *marked, char *why, size_t why_size);
void matcher_release(struct matcher *matcher);

/* Begins with a text, for all matches in it together. */
void matcher_begin(struct matcher *matcher);
/* PCRE2's result, with the places in `data`; PCRE2_ERROR_MATCHLIMIT and PCRE2_ERROR_CALLOUT: given up for steps, for time.
 * `options`: PCRE2_NO_UTF_CHECK or 0. */
int matcher_run(struct matcher *matcher, enum match_kind kind, const char *text, size_t size, size_t from, uint32_t options);

/* Behind the character that begins, or goes on, at `at`; at the text's end size + 1. */
size_t match_next_place(const char *text, size_t size, size_t at);

#endif
