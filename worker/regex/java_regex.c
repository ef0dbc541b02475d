#include "regex/java_regex.h"

#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "regex/regex_internal.h"

#include "base/bans.h"

/* Anchored at both ends is something else than a search, and JIT wants to know when the code is made: two codes. */
enum { WHOLE, SEARCH, CODES };

struct java_regex {
    pcre2_code *codes[CODES];
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct regex_names names;
    bool has_matched;
    const char *failure;
};

/* Life ------------------------------------------------------------------------------------------------------------ */

static pcre2_code *compile(const char *expression, uint32_t options, char *why, size_t why_size)
{
    int number = 0;
    PCRE2_SIZE at = 0;
    PCRE2_UCHAR words[160];
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                                     PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C | options, &number, &at, NULL);
    if (code != NULL)
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it (a hardened system) it is slower, no more */
    if (code != NULL || number == PCRE2_ERROR_NOMEMORY)
        return code;
    pcre2_get_error_message(number, words, sizeof(words));
    snprintf(why, why_size, "not supported here: %s", (const char *)words);
    return NULL;
}

static bool codes_create(struct java_regex *regex, const char *translated, char *why, size_t why_size)
{
    snprintf(why, why_size, "no memory for a regular expression");
    regex->codes[WHOLE] = compile(translated, PCRE2_ANCHORED | PCRE2_ENDANCHORED, why, why_size);
    if (regex->codes[WHOLE] == NULL)
        return false;
    /* PCRE2's JIT (seen in 10.42) looks for the first letters of a match too far on: it does not find (a|)a*. in "a". */
    regex->codes[SEARCH] = compile(translated, PCRE2_NO_START_OPTIMIZE, why, why_size);
    regex->match = pcre2_match_data_create_from_pattern(regex->codes[WHOLE], NULL);
    regex->limits = pcre2_match_context_create(NULL);
    if (regex->codes[SEARCH] == NULL || regex->match == NULL || regex->limits == NULL)
        return false;
    pcre2_set_match_limit(regex->limits, JAVA_REGEX_STEPS_MAX);
    pcre2_set_heap_limit(regex->limits, JAVA_REGEX_HEAP_MAX_KIB);
    return true;
}

struct java_regex *java_regex_create(const char *expression, char *why, size_t why_size)
{
    struct java_regex *regex = mem_calloc(1, sizeof(*regex));
    if (regex == NULL) {
        snprintf(why, why_size, "no memory for a regular expression");
        return NULL;
    }
    char *translated = regex_translate(expression, &regex->names, why, why_size);
    bool is_made = translated != NULL && codes_create(regex, translated, why, why_size);
    mem_free(translated);
    if (is_made)
        return regex;
    java_regex_destroy(regex);
    return NULL;
}

void java_regex_destroy(struct java_regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_match_context_free(regex->limits);
    pcre2_match_data_free(regex->match);
    for (size_t i = 0; i < CODES; i++)
        pcre2_code_free(regex->codes[i]);
    regex_names_release(&regex->names);
    mem_free(regex);
}

/* Matching -------------------------------------------------------------------------------------------------------- */

static const char *failure_of(int result)
{
    switch (result) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT: return "the expression takes too many steps on this text";
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_NOMEMORY: return "the expression takes too much memory on this text";
    default: return NULL; /* no match, or no UTF-8 */
    }
}

static bool match(struct java_regex *regex, int which, const char *text, size_t size, size_t from, uint32_t options)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int result = pcre2_match(regex->codes[which], subject, size, from, options, regex->match, regex->limits);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has the heap */
        result = pcre2_match(regex->codes[which], subject, size, from, options | PCRE2_NO_JIT, regex->match, regex->limits);
    regex->has_matched = result > 0;
    regex->failure = failure_of(result);
    return regex->has_matched;
}

bool java_regex_matches(struct java_regex *regex, const char *text, size_t size)
{
    return match(regex, WHOLE, text, size, 0, 0);
}

bool java_regex_find(struct java_regex *regex, const char *text, size_t size)
{
    return match(regex, SEARCH, text, size, 0, 0);
}

/* Checking the rest of the text each time would make the work for many places grow with its square. */
bool java_regex_find_again(struct java_regex *regex, const char *text, size_t size, size_t from)
{
    return from <= size && match(regex, SEARCH, text, size, from, PCRE2_NO_UTF_CHECK);
}

const char *java_regex_failure(const struct java_regex *regex)
{
    return regex->failure;
}

bool java_regex_group(const struct java_regex *regex, size_t number, size_t *at, size_t *size)
{
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(regex->match);
    if (!regex->has_matched || number >= pcre2_get_ovector_count(regex->match) || places[2 * number] == PCRE2_UNSET)
        return false;
    *at = places[2 * number];
    *size = places[2 * number + 1] - places[2 * number];
    return true;
}

size_t java_regex_group_count(const struct java_regex *regex)
{
    uint32_t count = 0;
    pcre2_pattern_info(regex->codes[WHOLE], PCRE2_INFO_CAPTURECOUNT, &count);
    return count;
}

size_t java_regex_group_number(const struct java_regex *regex, const char *name)
{
    for (size_t i = 0; i < regex->names.count; i++)
        if (strcmp(regex->names.items[i].text, name) == 0)
            return regex->names.items[i].group;
    return 0;
}
