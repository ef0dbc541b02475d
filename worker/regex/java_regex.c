#include "regex/java_regex.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

#include "base/bans.h"

struct java_regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    bool has_matched;
};

/* What the two dialects do not share ------------------------------------------------------------------------------ */

/* A place in an expression; classes are looked at without their escapes. */
struct scan {
    const char *text;
    size_t at;
    bool inside; /* a class */
};

static bool refuse(const struct scan *scan, const char *words, char *why, size_t why_size)
{
    snprintf(why, why_size, "%s near index %zu", words, scan->at);
    return false;
}

/* \Q…\E is taken as it is; other escapes are two characters here. */
static bool scan_escape(struct scan *scan, char *why, size_t why_size)
{
    char letter = scan->text[scan->at + 1];
    if (letter != '\0' && strchr("KgoCN", letter) != NULL)
        return refuse(scan, "Illegal/unsupported escape sequence", why, why_size);
    if (letter == 'Q') {
        const char *end = strstr(scan->text + scan->at + 2, "\\E");
        scan->at = end == NULL ? strlen(scan->text) : (size_t)(end - scan->text) + 2;
        return true;
    }
    scan->at += letter == '\0' ? 1 : 2;
    return true;
}

/* Behind "(?": groups, look-around, names, and flags that mean the same. */
static bool is_shared_group(const char *at)
{
    if (*at == ':' || *at == '=' || *at == '!' || *at == '>')
        return true;
    if (*at == '<')
        return at[1] == '=' || at[1] == '!' || (at[1] >= 'a' && at[1] <= 'z') || (at[1] >= 'A' && at[1] <= 'Z');
    size_t flags = strspn(at, "imsx-");
    return flags > 0 && (at[flags] == ')' || at[flags] == ':');
}

static bool scan_class(struct scan *scan, char *why, size_t why_size)
{
    const char *at = scan->text + scan->at;
    if (*at == '[')
        return refuse(scan, "Classes within classes are not supported here", why, why_size);
    if (at[0] == '&' && at[1] == '&')
        return refuse(scan, "Intersections of classes are not supported here", why, why_size);
    scan->inside = *at != ']';
    scan->at++;
    return true;
}

static bool scan_outside(struct scan *scan, char *why, size_t why_size)
{
    const char *at = scan->text + scan->at;
    if (at[0] == '(' && at[1] == '*')
        return refuse(scan, "Dangling meta character '*'", why, why_size);
    if (at[0] == '(' && at[1] == '?' && !is_shared_group(at + 2))
        return refuse(scan, "Unknown or unsupported group type", why, why_size);
    scan->at++;
    if (*at != '[')
        return true;
    scan->inside = true;
    scan->at += scan->text[scan->at] == '^';
    /* Java: a ] here ends the class only where PCRE2 would take it for a member; nobody can mean that. */
    return scan->text[scan->at] != ']' || refuse(scan, "Unclosed character class", why, why_size);
}

static bool is_shared(const char *expression, char *why, size_t why_size)
{
    struct scan scan = {.text = expression};
    while (scan.text[scan.at] != '\0') {
        bool good = scan.text[scan.at] == '\\' ? scan_escape(&scan, why, why_size)
                    : scan.inside              ? scan_class(&scan, why, why_size)
                                               : scan_outside(&scan, why, why_size);
        if (!good)
            return false;
    }
    return true;
}

/* Life ------------------------------------------------------------------------------------------------------------ */

static pcre2_code *compile(const char *expression, char *why, size_t why_size)
{
    int number = 0;
    PCRE2_SIZE at = 0;
    PCRE2_UCHAR words[160];
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL)
        return NULL;
    pcre2_set_newline(context, PCRE2_NEWLINE_ANY); /* what Java's dot does not match */
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                                     PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &number, &at,
                                     context);
    pcre2_compile_context_free(context);
    if (code != NULL || number == PCRE2_ERROR_NOMEMORY)
        return code;
    pcre2_get_error_message(number, words, sizeof(words));
    snprintf(why, why_size, "%s near index %zu", (const char *)words, (size_t)at);
    return NULL;
}

struct java_regex *java_regex_create(const char *expression, char *why, size_t why_size)
{
    snprintf(why, why_size, "no memory for a regular expression");
    struct java_regex *regex = mem_calloc(1, sizeof(*regex));
    if (regex == NULL || !is_shared(expression, why, why_size)) {
        mem_free(regex);
        return NULL;
    }
    regex->code = compile(expression, why, why_size);
    if (regex->code != NULL) {
        regex->match = pcre2_match_data_create_from_pattern(regex->code, NULL);
        regex->limits = pcre2_match_context_create(NULL);
    }
    if (regex->match == NULL || regex->limits == NULL) {
        java_regex_destroy(regex);
        return NULL;
    }
    pcre2_set_match_limit(regex->limits, JAVA_REGEX_STEPS_MAX);
    return regex;
}

void java_regex_destroy(struct java_regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_match_context_free(regex->limits);
    pcre2_match_data_free(regex->match);
    pcre2_code_free(regex->code);
    mem_free(regex);
}

/* Matching -------------------------------------------------------------------------------------------------------- */

bool java_regex_matches(struct java_regex *regex, const char *text, size_t size)
{
    regex->has_matched = pcre2_match(regex->code, (PCRE2_SPTR)text, size, 0, 0, regex->match, regex->limits) > 0;
    return regex->has_matched;
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
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &count);
    return count;
}

size_t java_regex_group_number(const struct java_regex *regex, const char *name)
{
    int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);
    return number > 0 ? (size_t)number : 0;
}
