/* Classes: Java has classes in classes and intersections, which PCRE2 10.42 has not. Each class becomes one atom for one
 * character: what fits in brackets goes there, the rest into alternatives, intersections into look-ahead. */
#include "regex/regex_internal.h"

#include <string.h>

#include "base/bans.h"

/* What has been read between [ (or &&) and here, as a union. */
struct class_union {
    struct str_buffer items;  /* for brackets */
    struct str_buffer others; /* atoms, divided by | */
};

static void union_init(struct class_union *set)
{
    str_buffer_init(&set->items, REGEX_OUTPUT_MAX);
    str_buffer_init(&set->others, REGEX_OUTPUT_MAX);
}

static void union_release(struct translation *walk, struct class_union *set)
{
    translation_release(walk, &set->items);
    translation_release(walk, &set->others);
}

static bool union_is_empty(const struct class_union *set)
{
    return set->items.length == 0 && set->others.length == 0;
}

static void union_add_other(struct class_union *set, const char *atom)
{
    str_buffer_append_text(&set->others, set->others.length > 0 ? "|" : "");
    str_buffer_append_text(&set->others, atom);
}

void regex_put_set(struct str_buffer *out, const char *items, bool is_negated)
{
    str_buffer_append_text(out, is_negated ? "[^" : "[");
    str_buffer_append_text(out, items);
    str_buffer_append_char(out, ']');
}

/* One atom for the union. */
static void union_put(struct class_union *set, struct str_buffer *out)
{
    if (set->others.length == 0) {
        regex_put_set(out, str_buffer_text(&set->items), false);
        return;
    }
    str_buffer_append_text(out, "(?:");
    if (set->items.length > 0) {
        regex_put_set(out, str_buffer_text(&set->items), false);
        str_buffer_append_char(out, '|');
    }
    str_buffer_append_text(out, str_buffer_text(&set->others));
    str_buffer_append_char(out, ')');
}

/* Ranges ---------------------------------------------------------------------------------------------------------- */

static void put_range(struct str_buffer *items, uint32_t least, uint32_t most)
{
    str_buffer_printf(items, least == most ? "\\x{%x}" : "\\x{%x}-\\x{%x}", least, most);
}

/* The part of the range within [from, to], moved by `shift`: the other case of its letters. */
static void put_shifted(struct str_buffer *items, uint32_t least, uint32_t most, uint32_t from, uint32_t to, int shift)
{
    uint32_t low = least > from ? least : from, high = most < to ? most : to;
    if (low <= high)
        put_range(items, (uint32_t)((int)low + shift), (uint32_t)((int)high + shift));
}

static void add_range(const struct translation *walk, struct class_union *set, uint32_t least, uint32_t most)
{
    bool folds = (walk->flags & FLAG_CASE) != 0;
    if (!folds || (walk->flags & FLAG_UNICODE_CASE) == 0) {
        put_range(&set->items, least, most);
        if (folds) {
            put_shifted(&set->items, least, most, 'a', 'z', 'A' - 'a');
            put_shifted(&set->items, least, most, 'A', 'Z', 'a' - 'A');
        }
        return;
    }
    str_buffer_append_text(&set->others, set->others.length > 0 ? "|(?i:[" : "(?i:[");
    put_range(&set->others, least, most);
    str_buffer_append_text(&set->others, "])");
}

/* One character, escaped or not; false: it is a set, which has been added, or a mistake. */
static bool take_character(struct translation *walk, struct class_union *set, uint32_t *character)
{
    if (!translation_take(walk, '\\')) {
        *character = translation_next(walk);
        return true;
    }
    struct escape escape;
    enum escape_kind kind = regex_escape(walk, &escape);
    *character = escape.character;
    if (kind == ESCAPE_OTHER)
        translation_fail(walk, "Illegal/unsupported escape sequence");
    else if (kind == ESCAPE_SET && set == NULL)
        translation_fail(walk, "Illegal character range");
    else if (kind == ESCAPE_SET && !escape.is_negated)
        str_buffer_append_text(&set->items, str_buffer_text(&escape.items));
    else if (kind == ESCAPE_SET) {
        str_buffer_append_text(&set->others, set->others.length > 0 ? "|" : "");
        regex_put_set(&set->others, str_buffer_text(&escape.items), true);
    }
    translation_release(walk, &escape.items);
    return kind == ESCAPE_CHARACTER;
}

static void add_member(struct translation *walk, struct class_union *set)
{
    uint32_t least, most;
    if (!take_character(walk, set, &least))
        return;
    most = least;
    translation_skip_comments(walk);
    char next = walk->text[walk->at] == '-' ? walk->text[walk->at + 1] : ']';
    if (next != ']' && next != '[' && next != '\0') {
        walk->at++;
        translation_skip_comments(walk);
        if (!take_character(walk, NULL, &most))
            return;
        if (most < least) {
            translation_fail(walk, "Illegal character range");
            return;
        }
    }
    add_range(walk, set, least, most);
}

/* Classes --------------------------------------------------------------------------------------------------------- */

static void add_nested(struct translation *walk, struct class_union *set)
{
    struct str_buffer nested;
    str_buffer_init(&nested, REGEX_OUTPUT_MAX);
    if (regex_class(walk, &nested))
        union_add_other(set, str_buffer_text(&nested));
    translation_release(walk, &nested);
}

/* Ends the union: both it and what stood before && have to match. An empty side does not count. */
static void intersect(struct translation *walk, struct class_union *set, struct str_buffer *before)
{
    if (union_is_empty(set))
        return;
    struct str_buffer both;
    str_buffer_init(&both, REGEX_OUTPUT_MAX);
    if (before->length > 0)
        str_buffer_printf(&both, "(?:(?=%s)", str_buffer_text(before));
    union_put(set, &both);
    str_buffer_append_text(&both, before->length > 0 ? ")" : "");
    str_buffer_clear(before);
    str_buffer_append_text(before, str_buffer_text(&both));
    translation_release(walk, &both);
    union_release(walk, set);
}

/* Up to the ] that ends the class, which is passed. A ] that stands first is a member. */
static void read_members(struct translation *walk, struct class_union *set, struct str_buffer *before)
{
    while (!walk->failed) {
        translation_skip_comments(walk);
        const char *at = walk->text + walk->at;
        bool is_first = union_is_empty(set) && before->length == 0;
        if (*at == '\0') {
            translation_fail(walk, "Unclosed character class");
        } else if (*at == ']' && !is_first) {
            walk->at++;
            return;
        } else if (at[0] == '&' && at[1] == '&') {
            walk->at += 2;
            if (at[2] != '&') /* Java: a third & makes a union of it again */
                intersect(walk, set, before);
        } else if (translation_take(walk, '[')) {
            add_nested(walk, set);
        } else {
            add_member(walk, set);
        }
    }
}

bool regex_class(struct translation *walk, struct str_buffer *out)
{
    if (++walk->depth > REGEX_DEPTH_MAX)
        return translation_fail(walk, "Too many classes within classes");
    bool is_negated = translation_take(walk, '^');
    struct class_union set;
    struct str_buffer before;
    union_init(&set);
    str_buffer_init(&before, REGEX_OUTPUT_MAX);
    read_members(walk, &set, &before);
    if (!walk->failed && is_negated && before.length == 0 && set.others.length == 0) {
        regex_put_set(out, str_buffer_text(&set.items), true);
    } else if (!walk->failed) {
        intersect(walk, &set, &before);
        str_buffer_append_text(out, is_negated ? "(?:(?!" : "");
        str_buffer_append_text(out, str_buffer_text(&before));
        str_buffer_append_text(out, is_negated ? ")(?s:.))" : "");
    }
    walk->depth--;
    translation_release(walk, &before);
    union_release(walk, &set);
    return !walk->failed;
}
