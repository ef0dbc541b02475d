/* What letters of one cause have in common. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "dead_letters/letter.h"

#include "base/bans.h"

#define READ_MAX 8192 /* of a message */

struct words {
    char *out;
    size_t size;
};

static void put(struct words *words, const char *bytes, size_t size)
{
    if (words->size + size < CAUSE_MESSAGE_MAX) {
        memcpy(words->out + words->size, bytes, size);
        words->size += size;
    }
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* A word of hex digits and dashes, one decimal digit or 0x at least: a number, an id. */
static bool is_number(const char *word, size_t size)
{
    size_t begin = size > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X') ? 2 : 0, digits = begin;
    for (size_t i = begin; i < size; i++) {
        digits += isdigit((unsigned char)word[i]) != 0;
        if (!isxdigit((unsigned char)word[i]) && word[i] != '-')
            return false;
    }
    return digits > 0;
}

/* What a target answered is the cause, not one number among others: "it answered 404", "status 503". */
static bool is_status(const struct words *words, const char *word, size_t size)
{
    static const char *const before[] = {"answered ", "status ", "HTTP "};
    if (size != 3 || word[0] < '1' || word[0] > '5' || !isdigit((unsigned char)word[1]) || !isdigit((unsigned char)word[2]))
        return false;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        size_t length = strlen(before[i]);
        if (words->size >= length && memcmp(words->out + words->size - length, before[i], length) == 0)
            return true;
    }
    return false;
}

/* The digits within a word count as one number each time. */
static void put_word(struct words *words, const char *word, size_t size)
{
    if (is_status(words, word, size)) {
        put(words, word, size);
        return;
    }
    if (is_number(word, size)) {
        put(words, "#", 1);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        bool is_digit = isdigit((unsigned char)word[i]) != 0;
        if (!is_digit)
            put(words, word + i, 1);
        else if (i == 0 || !isdigit((unsigned char)word[i - 1]))
            put(words, "#", 1);
    }
}

/* What the quote at `text` encloses, with both quotes; 0: it is an apostrophe. */
static size_t quoted_size(const char *text, const char *end, const char *begin)
{
    if (*text == '\'' && text > begin && is_word(text[-1]))
        return 0;
    const char *close = memchr(text + 1, *text, (size_t)(end - text - 1));
    return close == NULL ? 0 : (size_t)(close - text) + 1;
}

static size_t take(struct words *words, const char *at, const char *end, const char *begin)
{
    size_t size = *at == '"' || *at == '\'' ? quoted_size(at, end, begin) : 0;
    if (size > 0) {
        put(words, *at == '"' ? "\"...\"" : "'...'", 5);
        return size;
    }
    while (at + size < end && is_word(at[size]))
        size++;
    if (size > 0) {
        put_word(words, at, size);
        return size;
    }
    uint32_t point;
    size = utf8_decode(at, (size_t)(end - at), &point);
    if (size == 0)
        put(words, "?", 1);
    else
        put(words, *(const unsigned char *)at < ' ' ? " " : at, size);
    return size == 0 ? 1 : size;
}

void cause_message(struct mr_bytes message, char words[CAUSE_MESSAGE_MAX])
{
    struct words out = {.out = words};
    const char *begin = message.data, *at = begin;
    const char *end = begin == NULL ? NULL : begin + (message.size < READ_MAX ? message.size : READ_MAX);
    while (at < end && out.size + 8 < CAUSE_MESSAGE_MAX)
        at += take(&out, at, end, begin);
    words[out.size] = '\0';
}

uint64_t letter_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

void cause_id(const struct letter_view *view, char id[LETTER_GROUP_SIZE])
{
    static const enum letter_field parts[] = {LETTER_STAGE, LETTER_CLASS, LETTER_EXCEPTION};
    char words[CAUSE_MESSAGE_MAX];
    uint64_t hash = LETTER_HASH_BEGIN;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct mr_bytes part = view->fields[parts[i]];
        if (part.data != NULL)
            hash = letter_hash(hash, part.data, part.size);
        hash = letter_hash(hash, "", 1); /* the NUL: "ab","c" is not "a","bc" */
    }
    cause_message(view->fields[LETTER_MESSAGE], words);
    hash = letter_hash(hash, words, strlen(words));
    snprintf(id, LETTER_GROUP_SIZE, "%016" PRIx64, hash);
}
