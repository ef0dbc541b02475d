#include "base/placement.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bans.h"

/* A part of a text. */
struct span {
    const char *at;
    size_t size;
};

enum term_test { TERM_HAS, TERM_HAS_NOT, TERM_IS, TERM_IS_NOT, TERM_WRONG };

struct term {
    enum term_test test;
    struct span key, value;
};

static struct span trim(struct span text)
{
    while (text.size > 0 && isspace((unsigned char)text.at[0]))
        text.at++, text.size--;
    while (text.size > 0 && isspace((unsigned char)text.at[text.size - 1]))
        text.size--;
    return text;
}

/* The next part of a list with commas; false at its end. */
static bool next_part(const char **rest, struct span *part)
{
    size_t size;

    if (*rest == NULL || **rest == '\0')
        return false;
    size = strcspn(*rest, ",");
    *part = trim((struct span){*rest, size});
    *rest += size + ((*rest)[size] == ',');
    return true;
}

static bool is_word(struct span text, bool may_be_empty)
{
    if (text.size == 0)
        return may_be_empty;
    for (size_t i = 0; i < text.size; i++)
        if (!isalnum((unsigned char)text.at[i]) && strchr("-_./", text.at[i]) == NULL)
            return false;
    return true;
}

static bool same(struct span one, struct span other)
{
    return one.size == other.size && memcmp(one.at, other.at, one.size) == 0;
}

/* "key" "sign" "value" apart; the value is NULL when there is no sign. */
static struct term split(struct span text)
{
    struct term term = {.test = TERM_HAS, .key = text};
    const char *equals = memchr(text.at, '=', text.size);
    size_t before;

    if (equals == NULL)
        return term;
    before = (size_t)(equals - text.at);
    term.test = before > 0 && equals[-1] == '!' ? TERM_IS_NOT : TERM_IS;
    term.key = trim((struct span){text.at, before - (term.test == TERM_IS_NOT)});
    term.value = (struct span){equals + 1, text.size - before - 1};
    return term;
}

static struct term read_label(struct span text)
{
    struct term term = split(text);

    term.value = trim(term.value);
    if (term.test == TERM_IS_NOT || !is_word(term.key, false) || !is_word(term.value, true))
        term.test = TERM_WRONG;
    return term;
}

static struct term read_term(struct span text)
{
    struct term term = split(text);

    if (term.test == TERM_HAS && term.key.size > 0 && term.key.at[0] == '!') {
        term.test = TERM_HAS_NOT;
        term.key = trim((struct span){term.key.at + 1, term.key.size - 1});
    } else if (term.test == TERM_IS && term.value.size > 0 && term.value.at[0] == '=') {
        term.value = (struct span){term.value.at + 1, term.value.size - 1};
    }
    term.value = trim(term.value);
    if (!is_word(term.key, false) || !is_word(term.value, true))
        term.test = TERM_WRONG;
    return term;
}

static bool check(const char *text, struct term read(struct span), const char *form, char *words, size_t size)
{
    const char *rest = text;
    struct span part;

    if (text != NULL && strlen(text) > PLACEMENT_TEXT_MAX) {
        snprintf(words, size, "it is longer than %d characters", PLACEMENT_TEXT_MAX);
        return false;
    }
    while (next_part(&rest, &part))
        if (read(part).test == TERM_WRONG) {
            snprintf(words, size, "'%.*s' is not understood: write %s", (int)part.size, part.at, form);
            return false;
        }
    return true;
}

static bool has_key_before(const char *labels, struct span part, struct span key)
{
    const char *rest = labels;
    struct span other;

    while (next_part(&rest, &other) && other.at != part.at)
        if (same(read_label(other).key, key))
            return true;
    return false;
}

/* Of a key that comes twice only the first would count. */
static bool check_keys(const char *labels, char *words, size_t size)
{
    const char *rest = labels;
    struct span part;

    while (next_part(&rest, &part)) {
        struct span key = read_label(part).key;

        if (has_key_before(labels, part, key)) {
            snprintf(words, size, "'%.*s' stands there twice: write each key once", (int)key.size, key.at);
            return false;
        }
    }
    return true;
}

bool placement_check_labels(const char *labels, char *words, size_t size)
{
    return check(labels, read_label, "key=value or key, with commas between them", words, size) && check_keys(labels, words, size);
}

bool placement_check_selector(const char *selector, char *words, size_t size)
{
    return check(selector, read_term, "key=value, key!=value, key or !key, with commas between them", words, size);
}

/* The value of a label; NULL `at`: there is no such label. */
static struct span label_of(const char *labels, struct span key)
{
    const char *rest = labels;
    struct span part;

    while (next_part(&rest, &part)) {
        struct term label = read_label(part);

        if (label.test != TERM_WRONG && same(label.key, key))
            return label.value.at != NULL ? label.value : (struct span){"", 0};
    }
    return (struct span){NULL, 0};
}

static bool holds(const struct term *term, const char *labels)
{
    struct span value;

    if (term->test == TERM_WRONG)
        return false;
    value = label_of(labels, term->key);
    switch (term->test) {
    case TERM_HAS:
        return value.at != NULL;
    case TERM_HAS_NOT:
        return value.at == NULL;
    case TERM_IS:
        return value.at != NULL && same(value, term->value);
    default:
        return value.at == NULL || !same(value, term->value);
    }
}

bool placement_fits(const char *selector, const char *labels)
{
    const char *rest = selector;
    struct span part;

    while (next_part(&rest, &part)) {
        struct term term = read_term(part);

        if (!holds(&term, labels))
            return false;
    }
    return true;
}
