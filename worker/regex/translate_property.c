/* \p{…}: POSIX names (ASCII), categories, Java's own, scripts, blocks and binary properties, by their Java names. */
#include "regex/regex_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bans.h"

#define NAME_MAX_BYTES 64
#define CASED "\\p{Lu}\\p{Ll}\\p{Lt}"

/* What stands in brackets; `wide` under flag U. */
struct property {
    const char *name, *items, *wide;
};

static const struct property POSIX[] = {
    {"Lower", "a-z", "\\p{Lowercase}"},
    {"Upper", "A-Z", "\\p{Uppercase}"},
    {"ASCII", "\\x{0}-\\x{7f}", "\\x{0}-\\x{7f}"},
    {"Alpha", "a-zA-Z", "\\p{Alphabetic}"},
    {"Digit", "0-9", "\\p{Nd}"},
    {"Alnum", "a-zA-Z0-9", "\\p{Alphabetic}\\p{Nd}"},
    {"Punct", "!-\\/:-@\\[-`{-~", "\\p{P}"},
    {"Graph", "!-~", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}"},
    {"Print", " -~", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}"},
    {"Blank", " \\t", "\\p{Zs}\\t"},
    {"Cntrl", "\\x{0}-\\x{1f}\\x{7f}", "\\p{Cc}"},
    {"XDigit", "0-9a-fA-F", "\\p{Nd}\\p{Hex_Digit}"},
    {"Space", " \\t\\n\\x{0b}\\f\\r", "\\p{White_Space}"},
};

/* Methods of java.lang.Character, and the categories that PCRE2 calls otherwise. */
static const struct property JAVA[] = {
    {"javaLowerCase", "\\p{Lowercase}", NULL},
    {"javaUpperCase", "\\p{Uppercase}", NULL},
    {"javaAlphabetic", "\\p{Alphabetic}", NULL},
    {"javaIdeographic", "\\p{Ideographic}", NULL},
    {"javaTitleCase", "\\p{Lt}", NULL},
    {"javaDigit", "\\p{Nd}", NULL},
    {"javaLetter", "\\p{L}", NULL},
    {"javaLetterOrDigit", "\\p{L}\\p{Nd}", NULL},
    {"javaDefined", "\\P{Cn}", NULL},
    {"javaSpaceChar", "\\p{Z}", NULL},
    {"javaISOControl", "\\p{Cc}", NULL},
    {"javaWhitespace", "\\t-\\r\\x{1c}-\\x{20}\\x{1680}\\x{2000}-\\x{2006}\\x{2008}-\\x{200a}\\x{2028}\\x{2029}\\x{205f}\\x{3000}",
     NULL},
    {"LC", CASED, NULL},
    {"LD", "\\p{L}\\p{Nd}", NULL},
    {"L1", "\\x{0}-\\x{ff}", NULL},
    {"all", "\\x{0}-\\x{10ffff}", NULL},
};

/* Binary properties: behind Is, in any case. */
static const struct property BINARY[] = {
    {"Alphabetic", "\\p{Alphabetic}", NULL},
    {"Letter", "\\p{L}", NULL},
    {"Ideographic", "\\p{Ideographic}", NULL},
    {"Lowercase", "\\p{Lowercase}", NULL},
    {"Uppercase", "\\p{Uppercase}", NULL},
    {"Titlecase", "\\p{Lt}", NULL},
    {"White_Space", "\\p{White_Space}", NULL},
    {"Control", "\\p{Cc}", NULL},
    {"Punctuation", "\\p{P}", NULL},
    {"Hex_Digit", "\\p{Hex_Digit}\\p{Nd}", NULL},
    {"Assigned", "\\P{Cn}", NULL},
    {"Noncharacter_Code_Point", "\\p{Noncharacter_Code_Point}", NULL},
    {"Digit", "\\p{Nd}", NULL},
    {"Alnum", "\\p{Alphabetic}\\p{Nd}", NULL},
    {"Blank", "\\p{Zs}\\t", NULL},
    {"Word", "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}", NULL},
    {"Join_Control", "\\x{200c}\\x{200d}", NULL},
};

/* The blocks that names of topics may have some use for: PCRE2 knows none. Without blanks, hyphens and underscores. */
static const struct property BLOCKS[] = {
    {"BasicLatin", "\\x{0}-\\x{7f}", NULL},
    {"Latin1Supplement", "\\x{80}-\\x{ff}", NULL},
    {"LatinExtendedA", "\\x{100}-\\x{17f}", NULL},
    {"LatinExtendedB", "\\x{180}-\\x{24f}", NULL},
    {"Greek", "\\x{370}-\\x{3ff}", NULL},
    {"GreekandCoptic", "\\x{370}-\\x{3ff}", NULL},
    {"Cyrillic", "\\x{400}-\\x{4ff}", NULL},
    {"Armenian", "\\x{530}-\\x{58f}", NULL},
    {"Hebrew", "\\x{590}-\\x{5ff}", NULL},
    {"Arabic", "\\x{600}-\\x{6ff}", NULL},
    {"Devanagari", "\\x{900}-\\x{97f}", NULL},
    {"Thai", "\\x{e00}-\\x{e7f}", NULL},
    {"GeneralPunctuation", "\\x{2000}-\\x{206f}", NULL},
    {"CurrencySymbols", "\\x{20a0}-\\x{20cf}", NULL},
    {"Hiragana", "\\x{3040}-\\x{309f}", NULL},
    {"Katakana", "\\x{30a0}-\\x{30ff}", NULL},
    {"CJKUnifiedIdeographs", "\\x{4e00}-\\x{9fff}", NULL},
    {"HangulSyllables", "\\x{ac00}-\\x{d7af}", NULL},
};

#define TABLE(rows) rows, sizeof(rows) / sizeof(*(rows))

static const struct property *find(const struct property *rows, size_t count, const char *name,
                                   int (*compare)(const char *, const char *))
{
    for (size_t i = 0; i < count; i++)
        if (compare(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static bool put(const struct property *row, struct str_buffer *items)
{
    if (row != NULL)
        str_buffer_append_text(items, row->items);
    return row != NULL;
}

/* A general category of one or two letters; without regard to case its three kinds of letters are one. */
static bool put_category(const struct translation *walk, const char *name, struct str_buffer *items)
{
    static const char known[] = " L M N P S Z C Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp "
                                "Cc Cf Co Cs Cn ";
    char wanted[8];
    size_t size = strlen(name);
    if (size == 0 || size > 2)
        return false;
    snprintf(wanted, sizeof(wanted), " %s ", name);
    if (strstr(known, wanted) == NULL)
        return false;
    bool is_cased = strcmp(name, "Lu") == 0 || strcmp(name, "Ll") == 0 || strcmp(name, "Lt") == 0;
    if (is_cased && (walk->flags & FLAG_CASE) != 0)
        return str_buffer_append_text(items, CASED);
    return str_buffer_printf(items, "\\p{%s}", name);
}

/* POSIX names, categories and Java's own. */
static bool put_plain(const struct translation *walk, const char *name, struct str_buffer *items)
{
    bool is_wide = (walk->flags & FLAG_UNICODE_CLASS) != 0, folds = (walk->flags & FLAG_CASE) != 0;
    if (folds && (strcmp(name, "Lower") == 0 || strcmp(name, "Upper") == 0))
        return str_buffer_append_text(items, is_wide ? CASED : "a-zA-Z");
    if (folds && (strcmp(name, "javaLowerCase") == 0 || strcmp(name, "javaUpperCase") == 0))
        return str_buffer_append_text(items, CASED);
    const struct property *row = find(TABLE(POSIX), name, strcmp);
    if (row != NULL)
        return str_buffer_append_text(items, is_wide ? row->wide : row->items);
    return put(find(TABLE(JAVA), name, strcmp), items) || put_category(walk, name, items);
}

static bool is_word(const char *name)
{
    return *name != '\0' &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* Which scripts there are is PCRE2's to know; it would overlook hyphens and blanks, Java does not. */
static bool put_script(const char *name, struct str_buffer *items)
{
    return is_word(name) && str_buffer_printf(items, "\\p{sc:%s}", name);
}

static bool put_block(const char *name, struct str_buffer *items)
{
    char plain[NAME_MAX_BYTES];
    size_t size = 0;
    for (; *name != '\0'; name++)
        if (strchr(" -_", *name) == NULL && size + 1 < sizeof(plain))
            plain[size++] = *name;
    plain[size] = '\0';
    return put(find(TABLE(BLOCKS), plain, strcasecmp), items);
}

static bool put_binary(const struct translation *walk, const char *name, struct str_buffer *items)
{
    static const char *const cased[] = {"Lowercase", "Uppercase", "Titlecase"};
    for (size_t i = 0; i < 3; i++)
        if ((walk->flags & FLAG_CASE) != 0 && strcasecmp(name, cased[i]) == 0)
            return str_buffer_append_text(items, CASED);
    return put(find(TABLE(BINARY), name, strcasecmp), items);
}

static bool put_named(const struct translation *walk, char *name, struct str_buffer *items)
{
    char *value = strchr(name, '=');
    if (value != NULL) {
        *value++ = '\0';
        if (strcasecmp(name, "sc") == 0 || strcasecmp(name, "script") == 0)
            return put_script(value, items);
        if (strcasecmp(name, "blk") == 0 || strcasecmp(name, "block") == 0)
            return put_block(value, items);
        return (strcasecmp(name, "gc") == 0 || strcasecmp(name, "general_category") == 0) && put_plain(walk, value, items);
    }
    if (strncmp(name, "In", 2) == 0)
        return put_block(name + 2, items);
    if (strncmp(name, "Is", 2) == 0)
        return put_binary(walk, name + 2, items) || put_plain(walk, name + 2, items) || put_script(name + 2, items);
    return put_plain(walk, name, items);
}

bool regex_property(struct translation *walk, struct str_buffer *items)
{
    char name[NAME_MAX_BYTES] = "";
    const char *at = walk->text + walk->at;
    size_t size = 1;
    if (*at == '{') {
        const char *end = strchr(at, '}');
        if (end == NULL)
            return translation_fail(walk, "Unclosed character family");
        at++;
        walk->at += 2; /* the braces */
        size = (size_t)(end - at);
        if (size == 0)
            return translation_fail(walk, "Empty character family");
    } else if (*at == '\0') {
        return translation_fail(walk, "Illegal/unsupported escape sequence");
    }
    if (size < sizeof(name))
        memcpy(name, at, size);
    walk->at += size;
    return put_named(walk, name, items) || translation_fail(walk, "Unknown character property name, or one not supported here");
}
