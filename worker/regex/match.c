#include "regex/match.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "regex/java_regex.h"

#include "base/bans.h"

#define QUICK_ATTEMPTS 8 /* in one text */
#define WINDOW_BYTES 256 /* in which a match may begin, between two looks at the clock */

/* Life ------------------------------------------------------------------------------------------------------------ */

static const uint32_t kind_options[MATCH_KINDS] = {
    [MATCH_WHOLE] = PCRE2_ANCHORED | PCRE2_ENDANCHORED,
    /* PCRE2's JIT (seen in 10.42) looks for the first letters of a match too far on: it does not find (a|)a*. in "a". */
    [MATCH_SEARCH] = PCRE2_NO_START_OPTIMIZE | PCRE2_USE_OFFSET_LIMIT,
};

static pcre2_code *compile(const char *expression, enum match_kind kind, char *why, size_t why_size)
{
    int number = 0;
    PCRE2_SIZE at = 0;
    PCRE2_UCHAR words[160];
    uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C | kind_options[kind];
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, options, &number, &at, NULL);
    if (code != NULL)
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it (a hardened system) it is slower, no more */
    if (code != NULL || number == PCRE2_ERROR_NOMEMORY)
        return code;
    pcre2_get_error_message(number, words, sizeof(words));
    snprintf(why, why_size, "not supported here: %s", (const char *)words);
    return NULL;
}

static int take_mark(pcre2_callout_block *mark, void *argument)
{
    struct work *work = argument;
    if (work_take(work, mark->start_match, mark->current_position))
        return 0;
    return work->steps > work->steps_max ? PCRE2_ERROR_MATCHLIMIT : PCRE2_ERROR_CALLOUT;
}

bool matcher_init(struct matcher *matcher, const char *plain, char *marked, char *why, size_t why_size)
{
    matcher->marked = marked;
    matcher->looks_at_begin = strstr(plain, "\\G") != NULL; /* as text it would be \x{5c}G */
    snprintf(why, why_size, "no memory for a regular expression");
    for (int kind = 0; kind < MATCH_KINDS; kind++)
        if ((matcher->codes[kind] = compile(plain, kind, why, why_size)) == NULL)
            return false;
    matcher->data = pcre2_match_data_create_from_pattern(matcher->codes[MATCH_WHOLE], NULL);
    matcher->quick = pcre2_match_context_create(NULL);
    matcher->bounded = pcre2_match_context_create(NULL);
    if (matcher->data == NULL || matcher->quick == NULL || matcher->bounded == NULL)
        return false;
    pcre2_set_heap_limit(matcher->quick, JAVA_REGEX_HEAP_MAX_KIB);
    pcre2_set_heap_limit(matcher->bounded, JAVA_REGEX_HEAP_MAX_KIB);
    pcre2_set_match_limit(matcher->bounded, JAVA_REGEX_STEPS_MAX);
    pcre2_set_callout(matcher->bounded, take_mark, &matcher->work);
    return true;
}

void matcher_release(struct matcher *matcher)
{
    pcre2_match_context_free(matcher->bounded);
    pcre2_match_context_free(matcher->quick);
    pcre2_match_data_free(matcher->data);
    for (int kind = 0; kind < MATCH_KINDS; kind++) {
        pcre2_code_free(matcher->codes[kind]);
        pcre2_code_free(matcher->marked_codes[kind]);
    }
    mem_free(matcher->marked);
}

/* Short texts ----------------------------------------------------------------------------------------------------- */

/* So that steps times bytes times places where a match may begin come to some four millions at most. */
static const struct quick {
    size_t bytes_max;
    uint32_t steps;
    size_t short_bytes; /* below, there may be more steps */
    uint32_t short_steps;
} quick_limits[MATCH_KINDS] = {
    [MATCH_WHOLE] = {.bytes_max = 65535, .steps = 64, .short_bytes = 1024, .short_steps = 4096},
    [MATCH_SEARCH] = {.bytes_max = 255, .steps = 64, .short_bytes = 64, .short_steps = 1024},
};

/* false: it has to be counted. */
static bool try_quickly(struct matcher *matcher, enum match_kind kind, const char *text, size_t size, size_t from, uint32_t options,
                        int *result)
{
    const struct quick *quick = &quick_limits[kind];
    uint32_t steps = size < quick->short_bytes ? quick->short_steps : quick->steps;
    if (matcher->quick_left == 0 || size > quick->bytes_max)
        return false;
    matcher->quick_left--;
    if (steps != matcher->quick_steps)
        pcre2_set_match_limit(matcher->quick, matcher->quick_steps = steps);
    *result = pcre2_match(matcher->codes[kind], (PCRE2_SPTR)text, size, from, options, matcher->data, matcher->quick);
    return *result != PCRE2_ERROR_MATCHLIMIT && *result != PCRE2_ERROR_JIT_STACKLIMIT;
}

/* The others ------------------------------------------------------------------------------------------------------ */

static const pcre2_code *marked_code(struct matcher *matcher, enum match_kind kind)
{
    char why[200];
    for (int i = 0; matcher->marked != NULL && i < MATCH_KINDS; i++)
        matcher->marked_codes[i] = compile(matcher->marked, i, why, sizeof(why));
    mem_free(matcher->marked);
    matcher->marked = NULL;
    return matcher->marked_codes[kind] != NULL ? matcher->marked_codes[kind] : matcher->codes[kind];
}

static int run_bounded(struct matcher *matcher, const pcre2_code *code, const char *text, size_t size, size_t from, uint32_t options)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int result = pcre2_match(code, subject, size, from, options, matcher->data, matcher->bounded);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has the heap */
        result = pcre2_match(code, subject, size, from, options | PCRE2_NO_JIT, matcher->data, matcher->bounded);
    return result;
}

size_t match_next_place(const char *text, size_t size, size_t at)
{
    at++;
    while (at < size && ((unsigned char)text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static int search_in_windows(struct matcher *matcher, const pcre2_code *code, const char *text, size_t size, size_t from,
                             uint32_t options)
{
    for (;;) {
        bool is_last = size - from <= WINDOW_BYTES;
        pcre2_set_offset_limit(matcher->bounded, is_last ? PCRE2_UNSET : from + WINDOW_BYTES);
        int result = run_bounded(matcher, code, text, size, from, options);
        if (result != PCRE2_ERROR_NOMATCH || is_last)
            return result;
        if (work_is_late(&matcher->work))
            return PCRE2_ERROR_CALLOUT;
        from = match_next_place(text, size, from + WINDOW_BYTES);
        options |= PCRE2_NO_UTF_CHECK;
    }
}

void matcher_begin(struct matcher *matcher)
{
    matcher->quick_left = QUICK_ATTEMPTS;
    matcher->work = (struct work){.steps_max = 0};
}

int matcher_run(struct matcher *matcher, enum match_kind kind, const char *text, size_t size, size_t from, uint32_t options)
{
    int result;
    if (try_quickly(matcher, kind, text, size, from, options, &result))
        return result;
    if (matcher->work.steps_max == 0) /* begins with the first match that is counted */
        work_begin(&matcher->work, size);
    const pcre2_code *code = marked_code(matcher, kind);
    if (kind == MATCH_SEARCH && !matcher->looks_at_begin)
        return search_in_windows(matcher, code, text, size, from, options);
    pcre2_set_offset_limit(matcher->bounded, PCRE2_UNSET);
    return run_bounded(matcher, code, text, size, from, options);
}
