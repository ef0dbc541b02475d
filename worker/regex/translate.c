/*
 * Java's text to PCRE2's: sequences, groups, quantifiers, anchors, references. Every atom is written so that it means in PCRE2
 * what it means in Java under the flags it stands under; what cannot be said there is refused.
 */
#include "regex/regex_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#include "base/bans.h"

#define COUNT_MAX 65535 /* PCRE2's */

/* Walking --------------------------------------------------------------------------------------------------------- */

bool translation_fail(struct translation *walk, const char *words)
{
    if (!walk->failed)
        snprintf(walk->why, walk->why_size, "%s near index %zu", words, walk->at);
    walk->failed = true;
    return false;
}

void translation_release(struct translation *walk, struct str_buffer *buffer)
{
    if (str_buffer_failed(buffer)) {
        snprintf(walk->why, walk->why_size,
                 buffer->over_max ? "The expression is too large" : "no memory for a regular expression");
        walk->failed = true;
    }
    str_buffer_release(buffer);
}

uint32_t translation_next(struct translation *walk)
{
    uint32_t character = 0;
    const char *at = walk->text + walk->at;
    if (*at != '\0')
        walk->at += utf8_decode(at, strnlen(at, 4), &character);
    return character;
}

bool translation_take(struct translation *walk, char wanted)
{
    if (walk->text[walk->at] != wanted)
        return false;
    walk->at++;
    return true;
}

static bool is_blank(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

void translation_skip_comments(struct translation *walk)
{
    const char *text = walk->text;
    while ((walk->flags & FLAG_COMMENTS) != 0 && (is_blank(text[walk->at]) || text[walk->at] == '#')) {
        if (text[walk->at] == '#')
            walk->at += strcspn(text + walk->at, "\n\r");
        else
            walk->at++;
    }
}

void translation_put(struct translation *walk, const char *text)
{
    str_buffer_append_text(walk->out, text);
}

void regex_put_literal(const struct translation *walk, struct str_buffer *out, uint32_t character)
{
    bool is_letter = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
    bool folds = (walk->flags & FLAG_CASE) != 0, folds_all = folds && (walk->flags & FLAG_UNICODE_CASE) != 0;
    if (folds_all)
        str_buffer_printf(out, "(?i:\\x{%x})", character);
    else if (folds && is_letter)
        str_buffer_printf(out, "[%c%c]", (char)(character | 0x20), (char)(character & ~0x20u));
    else if (is_letter || (character >= '0' && character <= '9'))
        str_buffer_append_char(out, (char)character);
    else
        str_buffer_printf(out, "\\x{%x}", character);
}

/* Marks: a match that goes on there again and again is counted (work.h). They stand behind whatever can be taken in more than one way, so
 * that between two of them a match goes straight on. */
static void put_mark(struct translation *walk)
{
    if (walk->is_counted)
        translation_put(walk, "(?C)");
}

/* Groups ---------------------------------------------------------------------------------------------------------- */

static bool translate_alternatives(struct translation *walk);

static uint32_t flag_of(char letter)
{
    static const char letters[] = "imsxduU";
    static const uint32_t flags[] = {FLAG_CASE,       FLAG_MULTILINE,    FLAG_DOTALL,
                                     FLAG_COMMENTS,   FLAG_UNIX_LINES,   FLAG_UNICODE_CASE,
                                     FLAG_UNICODE_CLASS | FLAG_UNICODE_CASE};
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    return found == NULL ? 0 : flags[found - letters];
}

static bool read_flags(struct translation *walk)
{
    bool is_off = false;
    for (;;) {
        char letter = walk->text[walk->at];
        uint32_t flag = flag_of(letter);
        if (letter == '-' && !is_off)
            is_off = true;
        else if (flag == 0)
            return letter == ')' || letter == ':' || translation_fail(walk, "Unknown inline modifier");
        else
            walk->flags = is_off ? walk->flags & ~flag : walk->flags | flag;
        walk->at++;
    }
}

/* What stands behind "(?<" and is no look-behind: a name. */
static bool open_named(struct translation *walk)
{
    const char *name;
    size_t size;
    if (!regex_read_name(walk, &name, &size))
        return false;
    if (regex_name_find(walk->names, name, size) != 0)
        return translation_fail(walk, "Named capturing group is already defined");
    walk->groups++;
    translation_put(walk, "(");
    return regex_name_add(walk, name, size);
}

/* Opens the group; `*is_group` false: only flags, which hold from here on. */
static bool open_group(struct translation *walk, bool *is_group)
{
    static const char *const kinds[] = {"?:", "?=", "?!", "?>", "?<=", "?<!"};
    *is_group = true;
    if (walk->text[walk->at] != '?') {
        walk->groups++;
        translation_put(walk, "(");
        return true;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strncmp(walk->text + walk->at, kinds[i], strlen(kinds[i])) != 0)
            continue;
        walk->at += strlen(kinds[i]);
        walk->looks_behind |= strlen(kinds[i]) == 3;
        str_buffer_printf(walk->out, "(%s", kinds[i]);
        return true;
    }
    walk->at++;
    if (translation_take(walk, '<'))
        return open_named(walk);
    if (!read_flags(walk))
        return false;
    *is_group = walk->text[walk->at++] == ':';
    translation_put(walk, *is_group ? "(?:" : "");
    return true;
}

/* `*is_atom` false: nothing that could be repeated. */
static bool translate_group(struct translation *walk, bool *is_atom)
{
    uint32_t flags = walk->flags;
    bool looks_behind = walk->looks_behind;
    if (!open_group(walk, is_atom))
        return false;
    if (!*is_atom)
        return true;
    if (++walk->depth > REGEX_DEPTH_MAX)
        return translation_fail(walk, "Too many groups within groups");
    if (!translate_alternatives(walk))
        return false;
    if (!translation_take(walk, ')'))
        return translation_fail(walk, "Unclosed group");
    walk->depth--;
    walk->flags = flags;
    walk->looks_behind = looks_behind;
    translation_put(walk, ")");
    return true;
}

/* Sequences ------------------------------------------------------------------------------------------------------- */

static bool read_count(struct translation *walk, uint32_t *count)
{
    *count = 0;
    for (char digit; digit = walk->text[walk->at], digit >= '0' && digit <= '9'; walk->at++) {
        *count = *count * 10 + (uint32_t)(digit - '0');
        if (*count > COUNT_MAX)
            return translation_fail(walk, "Illegal repetition range: more than 65535");
    }
    return true;
}

/* {n}, {n,} or {n,m}; the { has been passed. */
static bool translate_counts(struct translation *walk)
{
    uint32_t least, most;
    if (walk->text[walk->at] < '0' || walk->text[walk->at] > '9')
        return translation_fail(walk, "Illegal repetition");
    if (!read_count(walk, &least))
        return false;
    str_buffer_printf(walk->out, "{%u", least);
    if (translation_take(walk, ',')) {
        translation_put(walk, ",");
        if (walk->text[walk->at] != '}') {
            if (!read_count(walk, &most))
                return false;
            if (most < least)
                return translation_fail(walk, "Illegal repetition range");
            str_buffer_printf(walk->out, "%u", most);
        }
    }
    translation_put(walk, "}");
    return translation_take(walk, '}') || translation_fail(walk, "Unclosed counted closure");
}

static bool translate_quantifier(struct translation *walk)
{
    translation_skip_comments(walk);
    char sign = walk->text[walk->at];
    if (sign == '\0' || strchr("?*+{", sign) == NULL)
        return true;
    walk->at++;
    if (sign == '{' && !translate_counts(walk))
        return false;
    if (sign != '{')
        str_buffer_append_char(walk->out, sign);
    translation_skip_comments(walk);
    if (translation_take(walk, '?'))
        translation_put(walk, "?");
    else if (translation_take(walk, '+'))
        translation_put(walk, "+");
    put_mark(walk);
    return true;
}

static bool translate_atom(struct translation *walk, bool *is_atom)
{
    *is_atom = true;
    switch (walk->text[walk->at]) {
    case '?':
    case '*':
    case '+': return translation_fail(walk, "Dangling meta character");
    case '{': translation_put(walk, "(?:)"); return true; /* Java repeats nothing at all then */
    case '(': walk->at++; return translate_group(walk, is_atom);
    case '[': walk->at++; return regex_class(walk, walk->out);
    case '\\': walk->at++; return regex_translate_escape(walk);
    case '^': walk->at++; regex_put_caret(walk); return true;
    case '$': walk->at++; regex_put_dollar(walk, (walk->flags & FLAG_MULTILINE) != 0); return true;
    case '.': walk->at++; regex_put_dot(walk); return true;
    default: regex_put_literal(walk, walk->out, translation_next(walk)); return true;
    }
}

/* Up to the ) that ends the group, or the end. */
static bool translate_alternatives(struct translation *walk)
{
    for (bool has_others = false;;) {
        bool is_atom;
        translation_skip_comments(walk);
        char next = walk->text[walk->at];
        has_others = has_others || next == '|';
        if (has_others && (next == '|' || next == ')'))
            put_mark(walk);
        if (next == '\0' || next == ')')
            return true;
        if (next == '|') {
            walk->at++;
            translation_put(walk, "|");
            continue;
        }
        if (!translate_atom(walk, &is_atom) || (is_atom && !translate_quantifier(walk)))
            return false;
    }
}

/* The whole ------------------------------------------------------------------------------------------------------- */

/* \Q…\E is taken out first, as Java does: each of its characters that could mean something is escaped. */
static void unquote(const char *java, struct str_buffer *plain)
{
    bool is_quoted = false;
    for (; *java != '\0'; java++) {
        bool is_escape = java[0] == '\\' && java[1] != '\0';
        if (is_escape && (is_quoted ? java[1] == 'E' : java[1] == 'Q')) {
            is_quoted = !is_quoted;
            java++;
        } else if (is_escape && !is_quoted) {
            str_buffer_append(plain, java++, 2);
        } else if (is_quoted && *java >= '0' && *java <= '9') {
            str_buffer_printf(plain, "\\x%02x", (unsigned)*java); /* must not lengthen what stands before */
        } else {
            bool is_sign = (unsigned char)*java < 0x80 && ((*java | 0x20) < 'a' || (*java | 0x20) > 'z');
            str_buffer_append_text(plain, is_quoted && is_sign ? "\\" : "");
            str_buffer_append_char(plain, *java);
        }
    }
}

static bool translate_all(struct translation *walk)
{
    return translate_alternatives(walk) &&
           (walk->text[walk->at] == '\0' || translation_fail(walk, "Unmatched closing ')'"));
}

/* Appends to `out`; false: `why` has words. */
static bool translate_once(const char *plain, bool is_counted, struct str_buffer *out, struct regex_names *names, size_t *group_total,
                           char *why, size_t why_size)
{
    struct translation walk = {.text = plain, .out = out, .names = names, .group_total = *group_total,
                               .is_counted = is_counted, .why = why, .why_size = why_size};
    translate_all(&walk);
    *group_total = walk.groups;
    if (str_buffer_failed(out))
        translation_release(&walk, out);
    return !walk.failed;
}

/* Twice: how many groups there are is known at the end only. */
static char *translate_twice(const char *plain, bool is_counted, struct regex_names *names, char *why, size_t why_size)
{
    struct str_buffer out;
    size_t group_total = SIZE_MAX;
    bool is_good = true;
    str_buffer_init(&out, REGEX_OUTPUT_MAX);
    for (int pass = 0; pass < 2 && is_good; pass++) {
        regex_names_release(names);
        str_buffer_clear(&out);
        is_good = translate_once(plain, is_counted, &out, names, &group_total, why, why_size);
    }
    if (is_good)
        snprintf(why, why_size, "no memory for a regular expression");
    char *text = is_good ? str_buffer_take(&out, NULL) : NULL;
    str_buffer_release(&out);
    return text;
}

char *regex_translate(const char *java, bool is_counted, struct regex_names *names, char *why, size_t why_size)
{
    size_t size = strlen(java);
    snprintf(why, why_size, "no memory for a regular expression");
    if (size > REGEX_PATTERN_MAX || !utf8_valid(java, size)) {
        snprintf(why, why_size, size > REGEX_PATTERN_MAX ? "The expression is too large" : "The expression is no UTF-8");
        return NULL;
    }
    struct str_buffer plain;
    str_buffer_init(&plain, REGEX_PATTERN_MAX * 4);
    str_buffer_append_text(&plain, "");
    unquote(java, &plain);
    char *text = NULL;
    if (!str_buffer_failed(&plain))
        text = translate_twice(str_buffer_text(&plain), is_counted, names, why, why_size);
    str_buffer_release(&plain);
    return text;
}
