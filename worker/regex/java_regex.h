/*
 * java_regex: regular expressions in Java's dialect (java.util.regex.Pattern), on PCRE2.
 *
 * Most of the two dialects is the same. What only Java has (nested classes, intersections, flags d, u, U) and what only PCRE2
 * has (recursion, verbs, callouts) is refused, so that no expression means another thing here than it means there.
 *
 * Time and memory of a match are bounded: an expression that backtracks beyond JAVA_REGEX_STEPS_MAX does not match.
 * thread: one at a time for an expression. Memory: base/mem for ours, PCRE2's own for its own.
 */
#ifndef REGEX_JAVA_REGEX_H
#define REGEX_JAVA_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#define JAVA_REGEX_STEPS_MAX 1000000u

struct java_regex;

/* The text is UTF-8. NULL: `why` says what is wrong and where, or that memory is short (then it begins with "no memory"). */
struct java_regex *java_regex_create(const char *expression, char *why, size_t why_size);
void java_regex_destroy(struct java_regex *regex); /* NULL is fine */

/* Does it match the whole text (Matcher.matches)? Text that is no UTF-8 matches nothing. */
bool java_regex_matches(struct java_regex *regex, const char *text, size_t size);

/* Of the last match that worked: the group's place in the text. Group 0 is all of it. false: the group took no part, or there
 * is none of that number. */
bool java_regex_group(const struct java_regex *regex, size_t number, size_t *at, size_t *size);
size_t java_regex_group_count(const struct java_regex *regex); /* without group 0 */
/* The number of a named group; 0: none. */
size_t java_regex_group_number(const struct java_regex *regex, const char *name);

#endif
