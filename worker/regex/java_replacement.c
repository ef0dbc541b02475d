/* java_replacement.c: what stands for the place that was found: text with $1, ${name} and backslashes. */
#include "regex/java_regex.h"

#include <stdio.h>
#include <string.h>

#include "regex/match.h"

#include "base/bans.h"

#define NAME_MAX_BYTES 256

struct replacing {
    const struct java_regex *regex;
    const char *text;
    const char *at; /* in the replacement */
    java_regex_put_fn *put; /* NULL: it is only looked whether the replacement is one */
    void *to;
    char *why;
    size_t why_size;
};

static bool fail(struct replacing *replacing, const char *words)
{
    snprintf(replacing->why, replacing->why_size, "%s", words);
    return false;
}

/* A group that took no part stands for nothing. */
static void put_group(struct replacing *replacing, size_t number)
{
    size_t at, size;
    if (replacing->put != NULL && java_regex_group(replacing->regex, number, &at, &size))
        replacing->put(replacing->to, replacing->text + at, size);
}

/* {name}, the { not passed yet. */
static bool put_named(struct replacing *replacing)
{
    char name[NAME_MAX_BYTES];
    const char *start = ++replacing->at;
    size_t size = strspn(start, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    replacing->at += size;
    if (size == 0)
        return fail(replacing, "named capturing group has 0 length name");
    if (*replacing->at++ != '}')
        return fail(replacing, "named capturing group is missing trailing '}'");
    if (size >= sizeof(name))
        return fail(replacing, "the name of a capturing group is too long");
    memcpy(name, start, size);
    name[size] = '\0';
    if (*name <= '9') {
        snprintf(replacing->why, replacing->why_size, "capturing group name {%.64s} starts with digit character", name);
        return false;
    }
    size_t number = java_regex_group_number(replacing->regex, name);
    if (number == 0) {
        snprintf(replacing->why, replacing->why_size, "No group with name {%.64s}", name);
        return false;
    }
    put_group(replacing, number);
    return true;
}

/* The first digit counts always, a further one only while there is such a group. */
static bool put_numbered(struct replacing *replacing)
{
    size_t groups = java_regex_group_count(replacing->regex), number = (size_t)(*replacing->at++ - '0');
    if (number > groups) {
        snprintf(replacing->why, replacing->why_size, "No group %zu", number);
        return false;
    }
    for (; *replacing->at >= '0' && *replacing->at <= '9'; replacing->at++) {
        size_t longer = number * 10 + (size_t)(*replacing->at - '0');
        if (longer > groups)
            break;
        number = longer;
    }
    put_group(replacing, number);
    return true;
}

static bool put_reference(struct replacing *replacing)
{
    char first = *++replacing->at;
    if (first == '\0')
        return fail(replacing, "Illegal group reference: group index is missing");
    if (first == '{')
        return put_named(replacing);
    return first >= '0' && first <= '9' ? put_numbered(replacing) : fail(replacing, "Illegal group reference");
}

static bool put_replacement(struct replacing *replacing)
{
    while (*replacing->at != '\0') {
        if (*replacing->at == '$') {
            if (!put_reference(replacing))
                return false;
            continue;
        }
        if (*replacing->at == '\\' && *++replacing->at == '\0')
            return fail(replacing, "character to be escaped is missing");
        size_t size = 1 + strcspn(replacing->at + 1, "$\\");
        if (replacing->put != NULL)
            replacing->put(replacing->to, replacing->at, size);
        replacing->at += size;
    }
    return true;
}

bool java_regex_check_replacement(const struct java_regex *regex, const char *replacement, char *why, size_t why_size)
{
    struct replacing replacing = {.regex = regex, .at = replacement, .why = why, .why_size = why_size};
    return put_replacement(&replacing);
}

static bool given_up(const struct java_regex *regex, char *why, size_t why_size)
{
    if (java_regex_failure(regex) == NULL)
        return false;
    snprintf(why, why_size, "%s", java_regex_failure(regex));
    return true;
}

bool java_regex_replace_first(struct java_regex *regex, const char *text, size_t size, const char *replacement,
                              java_regex_put_fn *put, void *to, char *why, size_t why_size)
{
    size_t at, found;
    if (!java_regex_find(regex, text, size)) {
        if (given_up(regex, why, why_size))
            return false;
        put(to, text, size);
        return true;
    }
    java_regex_group(regex, 0, &at, &found);
    put(to, text, at);
    struct replacing replacing = {
        .regex = regex, .text = text, .at = replacement, .put = put, .to = to, .why = why, .why_size = why_size};
    if (!put_replacement(&replacing))
        return false;
    put(to, text + at + found, size - at - found);
    return true;
}

/* Behind an empty place the search goes on one character later, so that it ends. */
bool java_regex_replace_all(struct java_regex *regex, const char *text, size_t size, const char *replacement, java_regex_put_fn *put,
                            void *to, size_t *count, char *why, size_t why_size)
{
    size_t done = 0, from = 0, at, found;
    bool is_found = java_regex_find(regex, text, size);
    for (*count = 0; is_found; is_found = java_regex_find_again(regex, text, size, from)) {
        java_regex_group(regex, 0, &at, &found);
        put(to, text + done, at - done);
        struct replacing replacing = {
            .regex = regex, .text = text, .at = replacement, .put = put, .to = to, .why = why, .why_size = why_size};
        if (!put_replacement(&replacing))
            return false;
        done = at + found;
        from = found > 0 ? done : match_next_place(text, size, done);
        ++*count;
    }
    if (from <= size && given_up(regex, why, why_size))
        return false;
    put(to, text + done, size - done);
    return true;
}
