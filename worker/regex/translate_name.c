/* \N{LATIN SMALL LETTER A}: the characters of ASCII, which are all that a topic's name can hold, by their names in Unicode. */
#include "regex/regex_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bans.h"

#define NAME_MAX_BYTES 128

static const struct {
    const char *name;
    char character;
} names[] = {
    {"SPACE", ' '},
    {"EXCLAMATION MARK", '!'},
    {"QUOTATION MARK", '"'},
    {"NUMBER SIGN", '#'},
    {"DOLLAR SIGN", '$'},
    {"PERCENT SIGN", '%'},
    {"AMPERSAND", '&'},
    {"APOSTROPHE", '\''},
    {"LEFT PARENTHESIS", '('},
    {"RIGHT PARENTHESIS", ')'},
    {"ASTERISK", '*'},
    {"PLUS SIGN", '+'},
    {"COMMA", ','},
    {"HYPHEN-MINUS", '-'},
    {"FULL STOP", '.'},
    {"SOLIDUS", '/'},
    {"DIGIT ZERO", '0'},
    {"DIGIT ONE", '1'},
    {"DIGIT TWO", '2'},
    {"DIGIT THREE", '3'},
    {"DIGIT FOUR", '4'},
    {"DIGIT FIVE", '5'},
    {"DIGIT SIX", '6'},
    {"DIGIT SEVEN", '7'},
    {"DIGIT EIGHT", '8'},
    {"DIGIT NINE", '9'},
    {"COLON", ':'},
    {"SEMICOLON", ';'},
    {"LESS-THAN SIGN", '<'},
    {"EQUALS SIGN", '='},
    {"GREATER-THAN SIGN", '>'},
    {"QUESTION MARK", '?'},
    {"COMMERCIAL AT", '@'},
    {"LEFT SQUARE BRACKET", '['},
    {"REVERSE SOLIDUS", '\\'},
    {"RIGHT SQUARE BRACKET", ']'},
    {"CIRCUMFLEX ACCENT", '^'},
    {"LOW LINE", '_'},
    {"GRAVE ACCENT", '`'},
    {"LEFT CURLY BRACKET", '{'},
    {"VERTICAL LINE", '|'},
    {"RIGHT CURLY BRACKET", '}'},
    {"TILDE", '~'},
};

/* After the words before it: one letter, and no more. */
static bool letter_of(const char *name, const char *before, char first, uint32_t *character)
{
    size_t length = strlen(before);
    if (strncasecmp(name, before, length) != 0)
        return false;
    char letter = (char)(name[length] | 0x20);
    if (letter < 'a' || letter > 'z' || name[length + 1] != '\0')
        return false;
    *character = (uint32_t)(first + (letter - 'a'));
    return true;
}

static bool named(const char *name, uint32_t *character)
{
    if (letter_of(name, "LATIN SMALL LETTER ", 'a', character) || letter_of(name, "LATIN CAPITAL LETTER ", 'A', character))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i].name) == 0) {
            *character = (uint32_t)names[i].character;
            return true;
        }
    }
    return false;
}

bool regex_named_character(struct translation *walk, uint32_t *character)
{
    char name[NAME_MAX_BYTES];
    if (!translation_take(walk, '{'))
        return translation_fail(walk, "Illegal character name escape sequence");
    const char *start = walk->text + walk->at, *end = strchr(start, '}');
    if (end == NULL)
        return translation_fail(walk, "Unclosed character name escape sequence");
    walk->at += (size_t)(end - start) + 1;
    while (start < end && (unsigned char)*start <= ' ')
        start++;
    while (end > start && (unsigned char)end[-1] <= ' ')
        end--;
    snprintf(name, sizeof(name), "%.*s", (int)(end - start), start);
    return named(name, character) || translation_fail(walk, "Unknown character name, or one beyond ASCII, which is not supported here");
}
