/*
 * A cache of fingerprints: buckets of a few places each, found by the fingerprint. A text is gone through once; only where its next bytes
 * may be those that a secret begins with is it looked at closely. Reading is lock-free: a place is one atomic number, and whoever reads
 * while it changes sees the old one or the new one.
 */
#include "base/secrets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/thread.h"

#include "base/bans.h"

#define PRIME ((UINT64_C(1) << 61) - 1)
#define WAYS 8
#define BUCKETS (SECRETS_MAX / WAYS)
#define STARTS 65536
#define LENGTHS (SECRETS_PIECE - SECRETS_LEAST + 1)

/* Who noted a piece: the worker itself, whoever was tried, or connectors, by a hash of the name. */
enum { OWNER_WORKER, OWNER_TRIAL, OWNER_CONNECTORS, OWNERS = 1024 };

static _Atomic uint64_t places[BUCKETS][WAYS]; /* 0: empty, and so are those behind it */
static _Atomic uint64_t starts[STARTS / 64];   /* a bit for each fingerprint that a secret's first SECRETS_LEAST bytes have */
static _Atomic uint64_t lengths;               /* bit n: pieces of SECRETS_LEAST + n bytes are known */

/* What stands in a place, besides: all under the lock. */
static struct piece {
    uint16_t start, owner;
    uint8_t length; /* beyond SECRETS_LEAST */
} pieces[BUCKETS][WAYS];
static uint8_t next_way[BUCKETS];
static uint16_t start_counts[STARTS], length_counts[LENGTHS], owner_counts[OWNERS];
static _Thread_local bool is_trial;

static _Atomic uint64_t base;                  /* 0: not drawn yet; written under the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

_Static_assert(LENGTHS <= 64, "a bit for each length");
_Static_assert(sizeof(SECRETS_HIDDEN) - 1 <= SECRETS_LEAST, "hiding needs no room");

/* --- fingerprints ------------------------------------------------------------------------------------------------------ */

static uint64_t times(uint64_t one, uint64_t other)
{
    __extension__ unsigned __int128 product = (unsigned __int128)one * other;
    uint64_t sum = (uint64_t)(product & PRIME) + (uint64_t)(product >> 61);

    return sum >= PRIME ? sum - PRIME : sum;
}

/* Zero bytes at the beginning must count as well. */
static uint64_t follow(uint64_t print, char byte)
{
    uint64_t sum = times(print, atomic_load_explicit(&base, memory_order_relaxed)) + (unsigned char)byte + 1;

    return sum >= PRIME ? sum - PRIME : sum;
}

static uint64_t print_of(const char *text, size_t length)
{
    uint64_t print = 0;

    for (size_t i = 0; i < length; i++)
        print = follow(print, text[i]);
    return print;
}

/* What the first byte of SECRETS_LEAST weighs. */
static uint64_t weight_of_first(void)
{
    uint64_t weight = 1;

    for (size_t i = 1; i < SECRETS_LEAST; i++)
        weight = times(weight, atomic_load_explicit(&base, memory_order_relaxed));
    return weight;
}

static uint64_t without_first(uint64_t print, char first, uint64_t weight)
{
    uint64_t taken = times(weight, (uint64_t)(unsigned char)first + 1);

    return print >= taken ? print - taken : print + PRIME - taken;
}

/* One number for the fingerprint and the length of what it is of; never 0. */
static uint64_t place_of(uint64_t print, size_t length)
{
    return (print ^ (uint64_t)length << 54) | UINT64_C(1) << 63;
}

/* --- noting ------------------------------------------------------------------------------------------------------------ */

/* locks: held. */
static void draw_base(void)
{
    uint64_t drawn = 0;

    if (atomic_load(&base) != 0)
        return;
    if (getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) != (ssize_t)sizeof(drawn))
        drawn = (uint64_t)clock_wall_ms(NULL) * UINT64_C(0x9E3779B97F4A7C15); /* a machine just born */
    atomic_store(&base, drawn % (PRIME - 1024) + 512);
}

/* Of its bucket: the way where it is, or the first empty one; WAYS: neither. */
static size_t way_of(uint64_t print, uint64_t wanted)
{
    const _Atomic uint64_t *bucket = places[print % BUCKETS];
    size_t way = 0;

    for (; way < WAYS; way++) {
        uint64_t place = atomic_load_explicit(&bucket[way], memory_order_relaxed);
        if (place == wanted || place == 0)
            break;
    }
    return way;
}

static bool is_known(uint64_t print, size_t length)
{
    uint64_t wanted = place_of(print, length);
    size_t way = way_of(print, wanted);

    return way < WAYS && atomic_load_explicit(&places[print % BUCKETS][way], memory_order_relaxed) == wanted;
}

static bool may_start(uint64_t print)
{
    uint64_t bit = print % STARTS;

    return (atomic_load_explicit(&starts[bit / 64], memory_order_relaxed) >> bit % 64 & 1) != 0;
}

/* --- whose ------------------------------------------------------------------------------------------------------------- */

static size_t owner_now(void)
{
    const struct log_context *context = log_context_top();

    if (is_trial)
        return OWNER_TRIAL;
    if (context == NULL)
        return OWNER_WORKER;
    return OWNER_CONNECTORS +
           hash_bytes(context->connector, strlen(context->connector), atomic_load(&base)) % (OWNERS - OWNER_CONNECTORS);
}

/* Whoever has the most makes room first, and before all others what was only tried. */
static uint32_t weight_of(size_t owner)
{
    return owner_counts[owner] + (owner == OWNER_TRIAL ? SECRETS_MAX : 0u);
}

/* locks: held. Known, and noted by one more: it goes with whoever is the last to make room. */
static void change_owner(struct piece *piece, size_t owner)
{
    if (weight_of(owner) >= weight_of(piece->owner))
        return;
    owner_counts[piece->owner]--;
    owner_counts[owner]++;
    piece->owner = (uint16_t)owner;
}

/* locks: held. The bucket is full. WAYS: all in it stay before one of this owner. */
static size_t victim_of(size_t bucket, size_t owner)
{
    size_t victim = WAYS;

    for (size_t i = 0; i < WAYS; i++) {
        size_t way = (next_way[bucket] + i) % WAYS;
        uint32_t weight = weight_of(pieces[bucket][way].owner);
        if (weight >= weight_of(owner) && (victim == WAYS || weight > weight_of(pieces[bucket][victim].owner)))
            victim = way;
    }
    return victim;
}

/* --- places ------------------------------------------------------------------------------------------------------------ */

/* locks: held. */
static void count(const struct piece *piece)
{
    owner_counts[piece->owner]++;
    if (start_counts[piece->start]++ == 0)
        atomic_fetch_or(&starts[piece->start / 64], UINT64_C(1) << piece->start % 64);
    if (length_counts[piece->length]++ == 0)
        atomic_fetch_or(&lengths, UINT64_C(1) << piece->length);
}

/* locks: held. */
static void uncount(const struct piece *piece)
{
    owner_counts[piece->owner]--;
    if (--start_counts[piece->start] == 0)
        atomic_fetch_and(&starts[piece->start / 64], ~(UINT64_C(1) << piece->start % 64));
    if (--length_counts[piece->length] == 0)
        atomic_fetch_and(&lengths, ~(UINT64_C(1) << piece->length));
}

/* locks: held. */
static void note_piece(const char *text, size_t length)
{
    uint64_t print = print_of(text, length), place = place_of(print, length);
    size_t bucket = print % BUCKETS, way = way_of(print, place), owner = owner_now();

    if (is_known(print, length)) {
        change_owner(&pieces[bucket][way], owner);
        return;
    }
    if (way == WAYS) {
        way = victim_of(bucket, owner);
        if (way == WAYS)
            return;
        uncount(&pieces[bucket][way]);
        next_way[bucket] = (uint8_t)((way + 1) % WAYS);
    }
    pieces[bucket][way] = (struct piece){.start = (uint16_t)(print_of(text, SECRETS_LEAST) % STARTS),
                                         .owner = (uint16_t)owner,
                                         .length = (uint8_t)(length - SECRETS_LEAST)};
    count(&pieces[bucket][way]);
    atomic_store_explicit(&places[bucket][way], place, memory_order_relaxed);
}

void secrets_note(const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text);

    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    if (length < SECRETS_LEAST)
        return;
    mutex_lock(&lock);
    draw_base();
    for (size_t at = 0; at + SECRETS_PIECE < length; at += SECRETS_PIECE) {
        if (at < SECRETS_ENDS || at + SECRETS_ENDS >= length)
            note_piece(text + at, SECRETS_PIECE);
    }
    size_t last = length < SECRETS_PIECE ? length : SECRETS_PIECE;
    note_piece(text + length - last, last);
    mutex_unlock(&lock);
}

bool secrets_trial(bool on)
{
    bool before = is_trial;

    is_trial = on;
    return before;
}

size_t secrets_beginnings(void)
{
    size_t known = 0;

    for (size_t i = 0; i < STARTS / 64; i++)
        known += (size_t)__builtin_popcountll(atomic_load(&starts[i]));
    return known;
}

void secrets_forget(void)
{
    mutex_lock(&lock);
    for (size_t i = 0; i < BUCKETS; i++) {
        next_way[i] = 0;
        for (size_t way = 0; way < WAYS; way++)
            atomic_store(&places[i][way], 0);
    }
    for (size_t i = 0; i < STARTS / 64; i++)
        atomic_store(&starts[i], 0);
    atomic_store(&lengths, 0);
    memset(start_counts, 0, sizeof(start_counts));
    memset(length_counts, 0, sizeof(length_counts));
    memset(owner_counts, 0, sizeof(owner_counts));
    mutex_unlock(&lock);
}

/* --- hiding ------------------------------------------------------------------------------------------------------------ */

/* A secret may begin here: which of them do? */
static void mark_here(const char *text, size_t length, uint64_t known, char *mask)
{
    for (size_t piece = SECRETS_LEAST; piece <= length && piece <= SECRETS_PIECE; piece++) {
        if ((known >> (piece - SECRETS_LEAST) & 1) != 0 && is_known(print_of(text, piece), piece))
            memset(mask, 1, piece);
    }
}

/* The mask says which bytes are a secret's. */
static void mark(const char *text, size_t length, uint64_t known, char *mask)
{
    uint64_t weight = weight_of_first(), print = length < SECRETS_LEAST ? 0 : print_of(text, SECRETS_LEAST);

    memset(mask, 0, length);
    for (size_t at = 0; at + SECRETS_LEAST <= length; at++) {
        if (may_start(print))
            mark_here(text + at, length - at, known, mask + at);
        if (at + SECRETS_LEAST < length)
            print = follow(without_first(print, text[at], weight), text[at + SECRETS_LEAST]);
    }
}

/* Each run of marked bytes becomes one SECRETS_HIDDEN. */
static size_t squeeze(char *text, size_t length, const char *mask)
{
    size_t out = 0;

    for (size_t i = 0; i < length; i++) {
        if (!mask[i])
            text[out++] = text[i];
        else if (i == 0 || !mask[i - 1]) {
            memcpy(text + out, SECRETS_HIDDEN, sizeof(SECRETS_HIDDEN) - 1); /* a run is no shorter */
            out += sizeof(SECRETS_HIDDEN) - 1;
        }
    }
    return out;
}

#define WINDOW 4096 /* bytes looked at in one go; two windows share what a secret may take */

/* No longer than a window. */
static size_t hide_window(char *text, size_t length, uint64_t known)
{
    char mask[WINDOW];

    mark(text, length, known, mask);
    return memchr(mask, 1, length) == NULL ? length : squeeze(text, length, mask);
}

size_t secrets_hide(char *text, size_t length)
{
    uint64_t known = atomic_load(&lengths);
    size_t done = 0, all = length;

    if (known == 0)
        return length;
    for (;;) { /* all before `done` is fine; what follows it is not looked at yet */
        size_t window = length - done < WINDOW ? length - done : WINDOW;
        size_t kept = hide_window(text + done, window, known);
        memmove(text + done + kept, text + done + window, length - done - window);
        length -= window - kept;
        if (done + kept >= length) {
            explicit_bzero(text + length, all - length);
            return length;
        }
        done += kept > SECRETS_PIECE ? kept - SECRETS_PIECE : 0; /* one may begin at its end */
    }
}

void secrets_hide_text(char *text)
{
    if (text != NULL)
        text[secrets_hide(text, strlen(text))] = '\0';
}
