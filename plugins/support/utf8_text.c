#include "utf8_text.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define REPLACEMENT "\xEF\xBF\xBD"

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

/* How many bytes of a block are ASCII before the first that is not; BLOCK_BYTES: all of them. And whether all of four blocks are. */
#ifdef __SSE2__
#define BLOCK_BYTES 16
static inline __m128i block_at(const unsigned char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline bool four_are_ascii(const unsigned char *at)
{
    __m128i one = _mm_or_si128(block_at(at), block_at(at + BLOCK_BYTES));
    __m128i two = _mm_or_si128(block_at(at + 2 * BLOCK_BYTES), block_at(at + 3 * BLOCK_BYTES));
    return _mm_movemask_epi8(_mm_or_si128(one, two)) == 0;
}

static inline size_t ascii_count(const unsigned char *at)
{
    int others = _mm_movemask_epi8(block_at(at));
    return others == 0 ? BLOCK_BYTES : (size_t)__builtin_ctz((unsigned)others);
}
#else
#define BLOCK_BYTES 8
#define NOT_ASCII UINT64_C(0x8080808080808080)
static inline uint64_t block_at(const unsigned char *at)
{
    uint64_t block;
    memcpy(&block, at, sizeof(block));
    return block;
}

static inline bool four_are_ascii(const unsigned char *at)
{
    uint64_t one = block_at(at) | block_at(at + BLOCK_BYTES);
    uint64_t two = block_at(at + 2 * BLOCK_BYTES) | block_at(at + 3 * BLOCK_BYTES);
    return ((one | two) & NOT_ASCII) == 0;
}

static inline size_t ascii_count(const unsigned char *at)
{
    size_t count = 0;
    if ((block_at(at) & NOT_ASCII) == 0)
        return BLOCK_BYTES;
    while (at[count] < 0x80)
        count++;
    return count;
}
#endif

/* Up to here all is ASCII. `begin` is where the whole text begins: its last block tells of a shorter rest. */
static inline const unsigned char *ascii_pass(const unsigned char *begin, const unsigned char *at, const unsigned char *end)
{
    while (end - at >= 4 * BLOCK_BYTES && four_are_ascii(at))
        at += 4 * BLOCK_BYTES;
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        size_t count = ascii_count(at);
        if (count < BLOCK_BYTES)
            return at + count;
    }
    if (end - begin >= BLOCK_BYTES && ascii_count(end - BLOCK_BYTES) == BLOCK_BYTES)
        return end;
    while (at < end && at[0] < 0x80)
        at++;
    return at;
}

static const unsigned char *valid_pass(const unsigned char *at, const unsigned char *end)
{
    const unsigned char *begin = at;
    while (at < end) {
        if (at[0] < 0x80)
            at = ascii_pass(begin, at, end);
        if (at == end)
            break;
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
