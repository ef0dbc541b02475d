/* Names of groups, anchors, references: what an escape or a sign outside of classes stands for when it is no character. */
#include "regex/regex_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "base/bans.h"

#define LINE_ENDS "\\n\\r\\x{85}\\x{2028}\\x{2029}"

/* Names ----------------------------------------------------------------------------------------------------------- */

void regex_names_release(struct regex_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        mem_free(names->items[i].text);
    mem_free(names->items);
    *names = (struct regex_names){.count = 0};
}

size_t regex_name_find(const struct regex_names *names, const char *text, size_t size)
{
    for (size_t i = 0; i < names->count; i++)
        if (strlen(names->items[i].text) == size && memcmp(names->items[i].text, text, size) == 0)
            return names->items[i].group;
    return 0;
}

bool regex_name_add(struct translation *walk, const char *text, size_t size)
{
    struct regex_names *names = walk->names;
    struct regex_name *items = mem_realloc(names->items, (names->count + 1) * sizeof(*items));
    if (items != NULL)
        names->items = items;
    char *copy = items == NULL ? NULL : mem_strndup(text, size);
    if (copy == NULL) {
        snprintf(walk->why, walk->why_size, "no memory for a regular expression");
        walk->failed = true;
        return false;
    }
    names->items[names->count++] = (struct regex_name){.text = copy, .group = walk->groups};
    return true;
}

/* Letters and digits up to the >, which is passed. */
bool regex_read_name(struct translation *walk, const char **name, size_t *size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    *name = walk->text + walk->at;
    *size = strspn(*name, letters);
    if (*size == 0 || **name <= '9')
        return translation_fail(walk, "capturing group name does not start with a Latin letter");
    walk->at += *size;
    return translation_take(walk, '>') || translation_fail(walk, "named capturing group is missing trailing '>'");
}

/* Anchors and references ------------------------------------------------------------------------------------------ */

/* A line begins behind its end mark, but not at the end of the text; an empty text has none. */
void regex_put_caret(struct translation *walk)
{
    if ((walk->flags & FLAG_MULTILINE) == 0)
        translation_put(walk, "(?:\\A)");
    else if ((walk->flags & FLAG_UNIX_LINES) != 0)
        translation_put(walk, "(?:(?!\\z)(?:\\A|(?<=\\n)))");
    else
        translation_put(walk, "(?:(?!\\z)(?:\\A|(?<=[\\n\\x{85}\\x{2028}\\x{2029}])|(?<=\\r)(?!\\n)))");
}

/* At the end, or before the mark that ends the last line (each line with m); \r\n is one mark. */
void regex_put_dollar(struct translation *walk, bool is_multiline)
{
    const char *end = is_multiline ? "" : "\\z";
    if ((walk->flags & FLAG_UNIX_LINES) != 0)
        str_buffer_printf(walk->out, "(?=\\z|\\n%s)", end);
    else
        str_buffer_printf(walk->out, "(?=\\z|\\r\\n%s|(?<!\\r)\\n%s|[\\r\\x{85}\\x{2028}\\x{2029}]%s)", end, end, end);
}

void regex_put_dot(struct translation *walk)
{
    if ((walk->flags & FLAG_DOTALL) != 0)
        translation_put(walk, "(?s:.)");
    else
        regex_put_set(walk->out, (walk->flags & FLAG_UNIX_LINES) != 0 ? "\\n" : LINE_ENDS, true);
}

/* Java 17 takes letters and digits of all scripts for words here, though not in \w. */
static void put_word_boundary(struct translation *walk, bool is_negated)
{
    static const char word[] = "[\\p{L}\\p{Nd}_]";
    if (is_negated)
        str_buffer_printf(walk->out, "(?:(?<=%s)(?=%s)|(?<!%s)(?!%s))", word, word, word, word);
    else
        str_buffer_printf(walk->out, "(?:(?<=%s)(?!%s)|(?<!%s)(?=%s))", word, word, word, word);
}

/* A group that the expression does not have never matches. */
static bool put_reference(struct translation *walk, size_t group)
{
    const char *form = (walk->flags & FLAG_CASE) != 0 ? "(?i:\\g{%zu})" : "(?:\\g{%zu})";
    if (walk->looks_behind)
        return translation_fail(walk, "Look-behind group does not have an obvious maximum length");
    if (group > walk->group_total)
        translation_put(walk, "(?!)");
    else
        str_buffer_printf(walk->out, form, group);
    return true;
}

/* The first digit counts always, a further one only while such a group has been opened. */
static bool translate_reference(struct translation *walk)
{
    size_t group = 0;
    for (char digit; digit = walk->text[walk->at], digit >= '0' && digit <= '9'; walk->at++) {
        size_t longer = group * 10 + (size_t)(digit - '0');
        if (group > 0 && longer > walk->groups)
            break;
        group = longer;
    }
    return put_reference(walk, group);
}

static bool translate_named_reference(struct translation *walk)
{
    const char *name;
    size_t size;
    if (!translation_take(walk, '<'))
        return translation_fail(walk, "\\k is not followed by '<' for named capturing group");
    if (!regex_read_name(walk, &name, &size))
        return false;
    size_t group = regex_name_find(walk->names, name, size);
    if (group == 0)
        return translation_fail(walk, "named capturing group does not exist");
    return put_reference(walk, group);
}

static bool translate_other_escape(struct translation *walk)
{
    char letter = walk->text[walk->at];
    if (letter >= '1' && letter <= '9')
        return translate_reference(walk);
    walk->at++;
    switch (letter) {
    case 'A': translation_put(walk, "(?:\\A)"); return true;
    case 'z': translation_put(walk, "(?:\\z)"); return true;
    case 'Z': regex_put_dollar(walk, false); return true;
    case 'G': translation_put(walk, "(?:\\G)"); return true;
    case 'R': translation_put(walk, "\\R"); return true;
    case 'X': translation_put(walk, "\\X"); return true;
    case 'B': put_word_boundary(walk, true); return true;
    case 'k': return translate_named_reference(walk);
    case 'b':
        if (walk->text[walk->at] == '{' && walk->text[walk->at + 1] == 'g')
            return translation_fail(walk, "Boundaries of grapheme clusters are not supported here");
        put_word_boundary(walk, false);
        return true;
    default: walk->at--; return translation_fail(walk, "Illegal/unsupported escape sequence");
    }
}

bool regex_translate_escape(struct translation *walk)
{
    struct escape escape;
    enum escape_kind kind = regex_escape(walk, &escape);
    if (kind == ESCAPE_CHARACTER)
        regex_put_literal(walk, walk->out, escape.character);
    else if (kind == ESCAPE_SET)
        regex_put_set(walk->out, str_buffer_text(&escape.items), escape.is_negated);
    translation_release(walk, &escape.items);
    if (walk->failed)
        return false;
    return kind == ESCAPE_OTHER ? translate_other_escape(walk) : true;
}
