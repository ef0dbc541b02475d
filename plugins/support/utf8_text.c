#include "utf8_text.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"
#define NOT_ASCII UINT64_C(0x8080808080808080)

/* How far a sequence that begins here is well-formed, and how long it should be. */
struct sequence {
    size_t wanted, found;
};

static bool is_tail(unsigned char byte, unsigned char least, unsigned char most)
{
    return byte >= least && byte <= most;
}

static struct sequence sequence_at(const unsigned char *at, size_t left)
{
    unsigned char first = at[0];
    if (first < 0x80)
        return (struct sequence){1, 1};
    if (first < 0xC2 || first > 0xF4)
        return (struct sequence){2, 1};
    struct sequence sequence = {first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4, 1};
    unsigned char least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80, most = first == 0xF4 ? 0x8F : 0xBF;
    while (sequence.found < sequence.wanted && sequence.found < left && is_tail(at[sequence.found], least, most)) {
        sequence.found++;
        least = 0x80;
        most = 0xBF;
    }
    return sequence;
}

static bool is_surrogate(const unsigned char *at)
{
    return at[0] == 0xED && at[1] >= 0xA0;
}

size_t utf8_text_character(const unsigned char *at, size_t left)
{
    struct sequence sequence = sequence_at(at, left);
    if (sequence.found < sequence.wanted || (sequence.found == 3 && is_surrogate(at)))
        return 0;
    return sequence.found;
}

static inline uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* Up to here all is ASCII; what follows may be, too, when it is less than a word. `begin` is where the whole text begins: its last word
 * tells of a shorter rest. */
static inline const unsigned char *ascii_pass(const unsigned char *begin, const unsigned char *at, const unsigned char *end)
{
    while (end - at >= 32 && ((word_at(at) | word_at(at + 8) | word_at(at + 16) | word_at(at + 24)) & NOT_ASCII) == 0)
        at += 32;
    while (end - at >= 8 && (word_at(at) & NOT_ASCII) == 0)
        at += 8;
    return end - at < 8 && end - begin >= 8 && (word_at(end - 8) & NOT_ASCII) == 0 ? end : at;
}

static const unsigned char *valid_pass(const unsigned char *at, const unsigned char *end)
{
    const unsigned char *begin = at;
    while (at < end) {
        at = ascii_pass(begin, at, end);
        if (at == end)
            break;
        if (at[0] < 0x80) {
            at++;
            continue;
        }
        if (end - at >= 2 && at[0] >= 0xC2 && at[0] < 0xE0 && is_tail(at[1], 0x80, 0xBF)) { /* most of Europe */
            at += 2;
            continue;
        }
        size_t size = utf8_text_character(at, (size_t)(end - at));
        if (size == 0)
            break;
        at += size;
    }
    return at;
}

struct mr_bytes utf8_text_repair(struct mr_arena *arena, struct mr_bytes bytes)
{
    const unsigned char *at = bytes.data, *end = at + bytes.size;
    const unsigned char *valid = valid_pass(at, end);
    if (valid == end)
        return bytes;
    struct text text = {.arena = arena};
    while (at < end) {
        text_add(&text, (const char *)at, (size_t)(valid - at));
        if (valid < end) {
            text_add_string(&text, REPLACEMENT);
            valid += sequence_at(valid, (size_t)(end - valid)).found;
        }
        at = valid;
        valid = valid_pass(at, end);
    }
    return (struct mr_bytes){.data = text.failed ? NULL : text.data, .size = text.size};
}
