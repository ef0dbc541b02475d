/* Escapes that stand for a character or for a set of them. */
#include "regex/regex_internal.h"

#include <string.h>

#include "base/bans.h"

#define CHARACTER_MAX 0x10FFFFu

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

/* Exactly `digits` of them. */
static bool hex_number(struct translation *walk, int digits, uint32_t *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++) {
        int digit = hex_digit(walk->text[walk->at]);
        if (digit < 0)
            return false;
        *number = *number * 16 + (uint32_t)digit;
        walk->at++;
    }
    return true;
}

/* \xhh and \x{h…h}. */
static bool hexadecimal(struct translation *walk, uint32_t *character)
{
    if (!translation_take(walk, '{'))
        return hex_number(walk, 2, character) || translation_fail(walk, "Illegal hexadecimal escape sequence");
    size_t start = walk->at;
    *character = 0;
    for (int digit; (digit = hex_digit(walk->text[walk->at])) >= 0; walk->at++) {
        *character = *character * 16 + (uint32_t)digit;
        if (*character > CHARACTER_MAX)
            return translation_fail(walk, "Hexadecimal codepoint is too big");
    }
    if (walk->at == start)
        return translation_fail(walk, "Illegal hexadecimal escape sequence");
    return translation_take(walk, '}') || translation_fail(walk, "Unclosed hexadecimal escape sequence");
}

/* \uhhhh; two of them may be one character. */
static bool unicode(struct translation *walk, uint32_t *character)
{
    if (!hex_number(walk, 4, character))
        return translation_fail(walk, "Illegal Unicode escape sequence");
    if (*character < 0xD800 || *character > 0xDFFF)
        return true;
    uint32_t low = 0;
    if (*character < 0xDC00 && translation_take(walk, '\\') && translation_take(walk, 'u') && hex_number(walk, 4, &low) &&
        low >= 0xDC00 && low <= 0xDFFF) {
        *character = 0x10000 + ((*character - 0xD800) << 10) + (low - 0xDC00);
        return true;
    }
    return translation_fail(walk, "Half of a surrogate pair is not supported here");
}

static bool is_octal(char character)
{
    return character >= '0' && character <= '7';
}

/* \0n, \0nn, \0mnn with m up to 3. */
static bool octal(struct translation *walk, uint32_t *character)
{
    const char *at = walk->text + walk->at;
    if (!is_octal(*at))
        return translation_fail(walk, "Illegal octal escape sequence");
    int digits_max = *at <= '3' ? 3 : 2;
    *character = 0;
    for (int i = 0; i < digits_max && is_octal(*at); i++, at++, walk->at++)
        *character = *character * 8 + (uint32_t)(*at - '0');
    return true;
}

static bool control(struct translation *walk, uint32_t *character)
{
    if (walk->text[walk->at] == '\0')
        return translation_fail(walk, "Illegal control escape sequence");
    *character = translation_next(walk) ^ 64;
    return *character <= CHARACTER_MAX || translation_fail(walk, "Illegal control escape sequence");
}

/* The sets with a letter of their own; `wide` under flag U. */
static bool set_of(struct translation *walk, char letter, struct escape *escape)
{
    static const struct {
        char letter;
        const char *items, *wide;
    } sets[] = {
        {'d', "0-9", "\\p{Nd}"},
        {'w', "a-zA-Z0-9_", "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}"},
        {'s', " \\t\\n\\x{0b}\\f\\r", "\\p{White_Space}"},
        {'h', "\\h", "\\h"},
        {'v', "\\v", "\\v"},
    };
    for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
        if ((letter | 0x20) != sets[i].letter)
            continue;
        walk->at++;
        escape->is_negated = letter != sets[i].letter;
        str_buffer_append_text(&escape->items, (walk->flags & FLAG_UNICODE_CLASS) != 0 ? sets[i].wide : sets[i].items);
        return true;
    }
    return false;
}

static bool numbered(struct translation *walk, char letter, uint32_t *character)
{
    walk->at++;
    switch (letter) {
    case '0': return octal(walk, character);
    case 'x': return hexadecimal(walk, character);
    case 'u': return unicode(walk, character);
    case 'N': return regex_named_character(walk, character);
    default: return control(walk, character);
    }
}

enum escape_kind regex_escape(struct translation *walk, struct escape *escape)
{
    static const char letters[] = "tnrfae", meanings[] = "\t\n\r\f\a\x1B";
    char letter = walk->text[walk->at];
    str_buffer_init(&escape->items, REGEX_OUTPUT_MAX);
    escape->is_negated = false;
    if (letter == '\0')
        return translation_fail(walk, "Unexpected internal error"), ESCAPE_FAILED; /* Java's words for a \ at the end */
    const char *plain = strchr(letters, letter);
    if (plain != NULL) {
        walk->at++;
        escape->character = (uint32_t)meanings[plain - letters];
        return ESCAPE_CHARACTER;
    }
    if (strchr("0xucN", letter) != NULL)
        return numbered(walk, letter, &escape->character) ? ESCAPE_CHARACTER : ESCAPE_FAILED;
    if (letter == 'p' || letter == 'P') {
        walk->at++;
        escape->is_negated = letter == 'P';
        return regex_property(walk, &escape->items) ? ESCAPE_SET : ESCAPE_FAILED;
    }
    if (set_of(walk, letter, escape))
        return ESCAPE_SET;
    bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (is_letter || (letter >= '1' && letter <= '9'))
        return ESCAPE_OTHER;
    escape->character = translation_next(walk);
    return ESCAPE_CHARACTER;
}
