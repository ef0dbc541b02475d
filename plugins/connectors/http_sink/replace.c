#include "replace.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "template.h"

#define STEPS_MAX 1000000u

static int add(struct replacements *list, const char *pattern, size_t pattern_size, const char *text, size_t text_size,
               struct mr_error **error)
{
    struct replacement *item = &list->items[list->count];
    int code;
    size_t at;

    if (list->count == REPLACEMENTS_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "regex.patterns has more than %d patterns", REPLACEMENTS_MAX);
    item->pattern =
        pcre2_compile((PCRE2_SPTR)pattern, pattern_size, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
    if (item->pattern == NULL) {
        char words[128];

        pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof(words));
        return mr_error_set(error, MR_ERR_CONFIG, "regex.patterns: pattern %zu: %s, at character %zu", list->count + 1,
                            words, at);
    }
    item->text = strndup(text, text_size);
    list->count++; /* so that it is released */
    return item->text == NULL ? mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for regex.replacements") : 0;
}

static size_t part_size(const char *text, const char *separator)
{
    const char *end = separator[0] == '\0' ? NULL : strstr(text, separator);

    return end == NULL ? strlen(text) : (size_t)(end - text);
}

int replacements_read(struct replacements *replacements, const char *patterns, const char *texts, const char *separator,
                      struct mr_error **error)
{
    size_t step = strlen(separator);

    *replacements = (struct replacements){0};
    for (;;) {
        size_t pattern_size = part_size(patterns, separator), text_size = part_size(texts, separator);
        bool more = patterns[pattern_size] != '\0', more_texts = texts[text_size] != '\0';

        if (add(replacements, patterns, pattern_size, texts, text_size, error) != 0)
            break;
        if (!more && !more_texts)
            return 0;
        if (more != more_texts) {
            mr_error_set(error, MR_ERR_CONFIG,
                         "regex.patterns and regex.replacements differ in their number, separated by \"%s\"; give one "
                         "replacement for each pattern",
                         separator);
            break;
        }
        patterns += pattern_size + step;
        texts += text_size + step;
    }
    replacements_release(replacements);
    return -1;
}

void replacements_release(struct replacements *replacements)
{
    for (size_t i = 0; i < replacements->count; i++) {
        pcre2_code_free(replacements->items[i].pattern);
        free(replacements->items[i].text);
    }
    replacements->count = 0;
}

/* --- one replacement ------------------------------------------------------------------------------------------------------ */

struct match {
    const struct mr_record *record;
    pcre2_code *pattern;
    pcre2_match_data *data;
    struct mr_bytes subject;
    struct text *out;
};

static int add_group(const struct match *match, uint32_t group, struct mr_error **error)
{
    size_t *bounds = pcre2_get_ovector_pointer(match->data);

    if (group >= pcre2_get_ovector_count(match->data))
        return mr_error_set(error, MR_ERR_DATA, "regex.replacements: the pattern has no group %u", group);
    if (bounds[2 * group] != PCRE2_UNSET)
        text_add(match->out, (const char *)match->subject.data + bounds[2 * group],
                 bounds[2 * group + 1] - bounds[2 * group]);
    return 0;
}

static int add_named(const struct match *match, const char *name, size_t size, struct mr_error **error)
{
    char group[64];
    int number;

    if (size == 5 && memcmp(name, "topic", 5) == 0) {
        text_add_string(match->out, mr_record_topic(match->record));
        return 0;
    }
    if (size == 3 && memcmp(name, "key", 3) == 0)
        return template_value_text(match->out, mr_record_key(match->record), error);
    snprintf(group, sizeof(group), "%.*s", (int)(size < sizeof(group) ? size : sizeof(group) - 1), name);
    number = pcre2_substring_number_from_name(match->pattern, (PCRE2_SPTR)group);
    if (number < 0)
        return mr_error_set(error, MR_ERR_DATA, "regex.replacements: the pattern has no group named \"%s\"", group);
    return add_group(match, (uint32_t)number, error);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* As Java's appendReplacement: of $12 the longest number that is a group's. */
static int add_numbered(const struct match *match, const char **at, struct mr_error **error)
{
    uint32_t group = (uint32_t)(*(*at)++ - '0');

    while (is_digit(**at) && group * 10 + (uint32_t)(**at - '0') < pcre2_get_ovector_count(match->data))
        group = group * 10 + (uint32_t)(*(*at)++ - '0');
    return add_group(match, group, error);
}

static int add_replacement(const struct match *match, const char *text, struct mr_error **error)
{
    while (*text != '\0') {
        const char *close = text[0] == '$' && text[1] == '{' ? strchr(text, '}') : NULL;
        int status = 0;

        if (close != NULL) {
            status = add_named(match, text + 2, (size_t)(close - text) - 2, error);
            text = close + 1;
        } else if (text[0] == '$' && is_digit(text[1])) {
            text++;
            status = add_numbered(match, &text, error);
        } else {
            text += text[0] == '\\' && text[1] != '\0';
            text_add(match->out, text++, 1);
        }
        if (status != 0)
            return -1;
    }
    return 0;
}

static int search(const struct match *match, pcre2_match_context *limits, size_t from, uint32_t options,
                  struct mr_error **error)
{
    int got = pcre2_match(match->pattern, match->subject.data, match->subject.size, from, options, match->data, limits);

    if (got >= 0)
        return 1;
    if (got == PCRE2_ERROR_NOMATCH)
        return 0;
    return mr_error_set(error, MR_ERR_DATA, "regex.patterns: a pattern searches this record for too long (PCRE2 %d)",
                        got);
}

static int replace_all(const struct match *match, pcre2_match_context *limits, const char *text,
                       struct mr_error **error)
{
    const char *subject = match->subject.data;
    size_t kept = 0, from = 0;
    int found;

    while (from <= match->subject.size && (found = search(match, limits, from, 0, error)) != 0) {
        size_t *bounds = pcre2_get_ovector_pointer(match->data), begin = bounds[0], end = bounds[1];

        if (found < 0)
            return -1;
        text_add(match->out, subject + kept, begin - kept);
        if (add_replacement(match, text, error) != 0)
            return -1;
        kept = end;
        from = end > begin ? end : end + 1; /* an empty match: go on behind the next byte; UTF-8 goes with it */
        while (end == begin && from < match->subject.size && ((unsigned char)subject[from] & 0xc0) == 0x80)
            from++;
    }
    text_add(match->out, subject + kept, match->subject.size - kept);
    return match->out->failed ? mr_arena_failed(match->out->arena, error) : 0;
}

int replacements_apply(const struct replacements *replacements, const struct mr_record *record, struct mr_arena *arena,
                       struct mr_bytes *bytes, struct mr_error **error)
{
    pcre2_match_context *limits = replacements->count == 0 ? NULL : pcre2_match_context_create(NULL);
    int status = 0;

    if (replacements->count > 0 && limits == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to search a record");
    if (limits != NULL)
        pcre2_set_match_limit(limits, STEPS_MAX);
    for (size_t i = 0; i < replacements->count && status == 0; i++) {
        struct text out = {.arena = arena};
        struct match match = {
            .record = record, .pattern = replacements->items[i].pattern, .subject = *bytes, .out = &out};

        match.data = pcre2_match_data_create_from_pattern(match.pattern, NULL);
        if (match.data == NULL)
            status = mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to search a record");
        else
            status = replace_all(&match, limits, replacements->items[i].text, error);
        pcre2_match_data_free(match.data);
        *bytes = (struct mr_bytes){.data = out.data == NULL ? "" : out.data, .size = out.size};
    }
    pcre2_match_context_free(limits);
    return status;
}
