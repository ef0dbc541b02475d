#include "regex/java_regex.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "regex/match.h"
#include "regex/regex_internal.h"

#include "base/bans.h"

struct java_regex {
    struct matcher matcher;
    struct regex_names names;
    bool has_matched;
    const char *failure;
};

/* Life ------------------------------------------------------------------------------------------------------------ */

static bool regex_init(struct java_regex *regex, const char *expression, char *why, size_t why_size)
{
    char *plain = regex_translate(expression, false, &regex->names, why, why_size);
    char *marked = plain == NULL ? NULL : regex_translate(expression, true, &regex->names, why, why_size);
    bool is_made = marked != NULL && matcher_init(&regex->matcher, plain, marked, why, why_size);
    mem_free(plain);
    return is_made;
}

struct java_regex *java_regex_create(const char *expression, char *why, size_t why_size)
{
    struct java_regex *regex = mem_calloc(1, sizeof(*regex));
    if (regex == NULL) {
        snprintf(why, why_size, "no memory for a regular expression");
        return NULL;
    }
    if (regex_init(regex, expression, why, why_size))
        return regex;
    java_regex_destroy(regex);
    return NULL;
}

void java_regex_destroy(struct java_regex *regex)
{
    if (regex == NULL)
        return;
    matcher_release(&regex->matcher);
    regex_names_release(&regex->names);
    mem_free(regex);
}

/* Matching -------------------------------------------------------------------------------------------------------- */

#define REMEDY " on this text; make repetitions possessive (\\d++) and repeat no group whose alternatives begin alike"

static const char *failure_of(int result)
{
    switch (result) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT: return "the expression takes too many steps" REMEDY;
    case PCRE2_ERROR_CALLOUT: return "the expression takes too much time" REMEDY;
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_NOMEMORY: return "the expression takes too much memory" REMEDY;
    default: return NULL; /* no match, or no UTF-8 */
    }
}

static bool match(struct java_regex *regex, enum match_kind kind, const char *text, size_t size, size_t from, uint32_t options)
{
    int result = matcher_run(&regex->matcher, kind, text, size, from, options);
    regex->has_matched = result > 0;
    regex->failure = failure_of(result);
    return regex->has_matched;
}

bool java_regex_matches(struct java_regex *regex, const char *text, size_t size)
{
    matcher_begin(&regex->matcher);
    return match(regex, MATCH_WHOLE, text, size, 0, 0);
}

bool java_regex_find(struct java_regex *regex, const char *text, size_t size)
{
    matcher_begin(&regex->matcher);
    return match(regex, MATCH_SEARCH, text, size, 0, 0);
}

/* Checking the rest of the text each time would make the work for many places grow with its square. */
bool java_regex_find_again(struct java_regex *regex, const char *text, size_t size, size_t from)
{
    work_go_on(&regex->matcher.work);
    return from <= size && match(regex, MATCH_SEARCH, text, size, from, PCRE2_NO_UTF_CHECK);
}

const char *java_regex_failure(const struct java_regex *regex)
{
    return regex->failure;
}

uint64_t java_regex_steps(const struct java_regex *regex)
{
    return regex->matcher.work.steps;
}

bool java_regex_group(const struct java_regex *regex, size_t number, size_t *at, size_t *size)
{
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(regex->matcher.data);
    if (!regex->has_matched || number >= pcre2_get_ovector_count(regex->matcher.data) || places[2 * number] == PCRE2_UNSET)
        return false;
    *at = places[2 * number];
    *size = places[2 * number + 1] - places[2 * number];
    return true;
}

size_t java_regex_group_count(const struct java_regex *regex)
{
    uint32_t count = 0;
    pcre2_pattern_info(regex->matcher.codes[MATCH_WHOLE], PCRE2_INFO_CAPTURECOUNT, &count);
    return count;
}

size_t java_regex_group_number(const struct java_regex *regex, const char *name)
{
    for (size_t i = 0; i < regex->names.count; i++)
        if (strcmp(regex->names.items[i].text, name) == 0)
            return regex->names.items[i].group;
    return 0;
}
