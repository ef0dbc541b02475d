/* consumer_regex.c: topics.regex is written in Java's dialect; librdkafka compiles POSIX extended expressions and takes a
 * name for one when it begins with '^'. What both share passes as it is. */
#include "kafka/consumer_internal.h"

#include <regex.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define REGEX_MAX 65536

static const struct {
    char letter;
    const char *alone;     /* NULL: not a class */
    const char *inside;    /* a bracket expression; NULL: impossible there */
} classes[] = {
    {'d', "[0-9]", "0-9"},         {'D', "[^0-9]", NULL},
    {'w', "[A-Za-z0-9_]", "A-Za-z0-9_"}, {'W', "[^A-Za-z0-9_]", NULL},
    {'s', "[[:space:]]", "[:space:]"},   {'S', "[^[:space:]]", NULL},
};

/* Returns how many characters of Java's text were used; 0: no equivalent. */
static size_t translate_escape(const char *at, bool inside, struct str_buffer *posix)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (classes[i].letter != at[1])
            continue;
        const char *text = inside ? classes[i].inside : classes[i].alone;
        if (text == NULL)
            return 0;
        str_buffer_append_text(posix, text);
        return 2;
    }
    if (at[1] == '\0' || strchr("bBAGzZQEkpPRhHvVXnrtuxc0123456789", at[1]) != NULL)
        return 0;
    if (inside) {
        /* In brackets POSIX knows no escapes; ']' and '-' would need another place. */
        if (strchr("]-^[", at[1]) != NULL)
            return 0;
        str_buffer_append_char(posix, at[1]);
    } else {
        /* As a bracket expression: an escaped letter would be undefined in POSIX. */
        str_buffer_append(posix, at[1] == '^' ? "\\^" : (char[]){'[', at[1], ']'}, at[1] == '^' ? 2 : 3);
    }
    return 2;
}

static size_t translate_group(const char *at, struct str_buffer *posix)
{
    if (at[1] != '?') {
        str_buffer_append_char(posix, '(');
        return 1;
    }
    if (at[2] != ':')
        return 0;   /* look-around, flags, names */
    str_buffer_append_char(posix, '(');
    return 3;
}

static bool translate(const char *java, struct str_buffer *posix)
{
    bool inside = false;
    str_buffer_append_text(posix, "^(");
    for (const char *at = java; *at != '\0';) {
        size_t used = 1;
        if (*at == '\\')
            used = translate_escape(at, inside, posix);
        else if (*at == '(' && !inside)
            used = translate_group(at, posix);
        else if (inside && (*at == '[' || (*at == '&' && at[1] == '&')))
            used = 0;   /* nested classes and intersections */
        else if (!inside && at > java && strchr("*+?}", at[-1]) != NULL && strchr("+?", *at) != NULL &&
                 (at - 1 == java || at[-2] != '\\'))
            used = 0;   /* reluctant and possessive quantifiers */
        else
            str_buffer_append_char(posix, *at);
        if (used == 0)
            return false;
        if (used == 1)
            inside = *at == '[' ? true : *at == ']' ? false : inside;
        at += used;
    }
    return str_buffer_append_text(posix, ")$");
}

char *consumer_regex_translate(const char *java, struct mr_error **error)
{
    struct str_buffer posix;
    regex_t compiled;
    str_buffer_init(&posix, REGEX_MAX);
    bool ok = translate(java, &posix) && regcomp(&compiled, str_buffer_text(&posix), REG_EXTENDED | REG_NOSUB) == 0;
    if (!ok) {
        mr_error_set(error, MR_ERR_CONFIG, "topics.regex '%s' cannot be used here: write it without what only Java knows "
                     "(look-around, flags, reluctant quantifiers)", java);
        str_buffer_release(&posix);
        return NULL;
    }
    regfree(&compiled);
    char *text = str_buffer_take(&posix, NULL);
    if (text == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for topics.regex");
    return text;
}
