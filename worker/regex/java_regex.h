/*
 * java_regex: regular expressions in Java's dialect (java.util.regex.Pattern of JDK 17), on PCRE2.
 *
 * An expression is translated atom by atom, so that it means here what it means there: classes in classes and intersections,
 * the flags i m s x d u U, ends of lines, \b, names of groups, back references, \p by Java's names. What has no counterpart
 * is refused in words when the expression is made: look-behind without a fixed length for each alternative, counts above 65535,
 * \N{name} beyond ASCII, \b{g}, half surrogates, blocks (\p{In…}) but for some eighteen. What remains different and is not noticed: with (?i) a
 * back reference folds letters of all scripts, and characters are those of PCRE2's Unicode version.
 *
 * Time and memory are bounded for a text, however many places of it a match may begin in: beyond JAVA_REGEX_STEPS_MAX steps and
 * JAVA_REGEX_STEPS_PER_BYTE for each byte a search is given up, which java_regex_failure tells. What the steps do not show is given up
 * after JAVA_REGEX_CPU_MS of processor time and JAVA_REGEX_CPU_NS_PER_BYTE (work.h). Looking for all places of one text is bounded as one
 * search, with some time more for each place found.
 * thread: one at a time for an expression. Memory: base/mem for ours, PCRE2's own for its own.
 */
#ifndef REGEX_JAVA_REGEX_H
#define REGEX_JAVA_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* there each step takes a microsecond, and many runs are wanted */
#define JAVA_REGEX_STEPS_MAX 10000u
#else
#define JAVA_REGEX_STEPS_MAX 1000000u
#endif
#define JAVA_REGEX_STEPS_PER_BYTE 16u
#define JAVA_REGEX_CPU_MS 100
#define JAVA_REGEX_CPU_NS_PER_BYTE 50
#define JAVA_REGEX_HEAP_MAX_KIB 16384u

struct java_regex;

/* The text is UTF-8. NULL: `why` says what is wrong and where, or that memory is short (then it begins with "no memory"). */
struct java_regex *java_regex_create(const char *expression, char *why, size_t why_size);
void java_regex_destroy(struct java_regex *regex); /* NULL is fine */

/* Does it match the whole text (Matcher.matches)? Text that is no UTF-8 matches nothing. */
bool java_regex_matches(struct java_regex *regex, const char *text, size_t size);
/* The leftmost place where it matches, from the beginning of the text (Matcher.find). */
bool java_regex_find(struct java_regex *regex, const char *text, size_t size);
/* In the text in which java_regex_find found a place, and bounded together with it: it is not checked for UTF-8 again. The leftmost place that begins at `from` (the
 * beginning of a character) or behind it; what stands before is looked at by anchors. */
bool java_regex_find_again(struct java_regex *regex, const char *text, size_t size, size_t from);
/* Why the last of these gave up before it knew the answer, and what to do; NULL: it did not. */
const char *java_regex_failure(const struct java_regex *regex);
/* Taken in the last text so far. What a short text answers at once is not counted: 0. */
uint64_t java_regex_steps(const struct java_regex *regex);

/* Of the last match that worked: the group's place in the text. Group 0 is all of it. false: the group took no part, or there
 * is none of that number. */
bool java_regex_group(const struct java_regex *regex, size_t number, size_t *at, size_t *size);
size_t java_regex_group_count(const struct java_regex *regex); /* without group 0 */
/* The number of a named group; 0: none. */
size_t java_regex_group_number(const struct java_regex *regex, const char *name);

/* Matcher.replaceFirst: the text with the place that _find found replaced; all of it where there is none. In `replacement` $n
 * and ${name} stand for groups, a backslash takes the next character as it is. The result goes to `put` in pieces.
 * false: the replacement is wrong (found only where there is something to replace, as in Java) or the match was given up. */
typedef void java_regex_put_fn(void *to, const char *bytes, size_t size);
bool java_regex_replace_first(struct java_regex *regex, const char *text, size_t size, const char *replacement,
                              java_regex_put_fn *put, void *to, char *why, size_t why_size);
/* Matcher.replaceAll: the same for every place, one after the other. `*count` is how many there were. */
bool java_regex_replace_all(struct java_regex *regex, const char *text, size_t size, const char *replacement, java_regex_put_fn *put,
                            void *to, size_t *count, char *why, size_t why_size);
/* Would the replacement do, wherever the expression is found? false: `why` says what is wrong with it. */
bool java_regex_check_replacement(const struct java_regex *regex, const char *replacement, char *why, size_t why_size);

#endif
