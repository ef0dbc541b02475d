/* Names of properties that somebody misspelt: which were meant? */
#include "config/worker_config_internal.h"

#include <millrace/override_policy.h>
#include <stdio.h>
#include <string.h>

#include "base/text_distance.h"
#include "config/connector_internal.h"

#include "base/bans.h"

#define OWN "millrace"
#define OWN_LETTERS_OFF 2 /* "milrace.", "millrcae." */
#define LETTERS_OFF 3
#define STEM_LEAST 8      /* bytes that one name has before the other goes on: ssl.client.auth(entication) */

static const char *const strange_prefixes[] = {"ssl.", "admin.", "listeners."};
static const char *const ssl_prefixes[] = {"", "listeners.https.", "admin.listeners.https.", "admin."};
#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

#define OWN_DOTTED OWN "."

struct search {
    const char *name;
    size_t length, distance; /* 0: it is known */
    char nearest[WORKER_NAME_MAX];
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* One goes on where the other ends, in the midst of a word. */
static bool goes_on(const char *one, const char *other)
{
    size_t length = strlen(one);
    return length >= STEM_LEAST && begins_with(other, one) && strchr(other + length, '.') == NULL;
}

static void try(struct search *search, const char *prefix, const char *name)
{
    char full[WORKER_NAME_MAX];
    size_t length = (size_t)snprintf(full, sizeof(full), "%s%s", prefix, name);
    size_t distance = text_distance(search->name, search->length, full, length);
    if (distance > LETTERS_OFF && (goes_on(full, search->name) || goes_on(search->name, full)))
        distance = LETTERS_OFF;
    if (distance == 0 && strcmp(search->name, full) != 0)
        distance = 1; /* case */
    if (distance >= search->distance)
        return;
    search->distance = distance;
    memcpy(search->nearest, full, length + 1);
}

static void try_own(struct search *search, enum worker_mode mode)
{
    const struct mr_config_def *defs[WORKER_DEFS];
    worker_option_defs(mode, defs);
    for (size_t d = 0; d < WORKER_DEFS; d++) {
        const struct worker_option *options = (const struct worker_option *)(const void *)defs[d]->rows;
        for (size_t i = 0; i < defs[d]->count; i++)
            try(search, "", options[i].row.name);
    }
}

static void try_tls(struct search *search, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(ssl_prefixes); i++)
        try(search, ssl_prefixes[i], name);
}

static void try_clients(struct search *search)
{
    const struct mr_config_def *defs[CLIENT_DEFS];
    client_defs(MR_CLIENT_ADMIN, defs);
    for (size_t d = 0; d < CLIENT_DEFS; d++) {
        for (size_t i = 0; i < defs[d]->count; i++) {
            const char *name = defs[d]->rows[i].name;
            try(search, "admin.", name);
            if (begins_with(name, "ssl."))
                try_tls(search, name);
        }
    }
    try_tls(search, "ssl.client.auth");
}

static struct search find(const char *name)
{
    struct search search = {.name = name, .length = strlen(name), .distance = LETTERS_OFF + 1};
    try_own(&search, WORKER_DISTRIBUTED);
    try_own(&search, WORKER_STANDALONE);
    try_clients(&search);
    return search;
}

bool worker_name_is_meant_for_us(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL && text_distance(name, (size_t)(dot - name), OWN, sizeof(OWN) - 1) <= OWN_LETTERS_OFF;
}

bool worker_name_is_strange(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(strange_prefixes); i++)
        if (begins_with(name, strange_prefixes[i]))
            return find(name).distance != 0;
    return false;
}

/* A word of a name, between dots. */
static bool has_word(const char *name, const char *word, size_t length)
{
    for (const char *at = name;; at++) {
        size_t end = strcspn(at, ".");
        if (end == length && strncmp(at, word, length) == 0)
            return true;
        at += end;
        if (*at == '\0')
            return false;
    }
}

/* How many words has `name` beside those of `wanted`? SIZE_MAX: it lacks some of them. */
static size_t words_beside(const char *name, const char *wanted)
{
    size_t count = 1;
    for (const char *at = name; (at = strchr(at, '.')) != NULL; at++)
        count++;
    for (const char *at = wanted;; at++) {
        size_t end = strcspn(at, ".");
        if (!has_word(name, at, end))
            return SIZE_MAX;
        count -= count > 0;
        at += end;
        if (*at == '\0')
            return count;
    }
}

/* One word too many, or too few, is no matter of letters: millrace.rest.auth.bindings.file. Of ours only, and only where one name fits. */
static bool guess_by_words(const char *name, char guess[WORKER_NAME_MAX])
{
    const struct mr_config_def *defs[WORKER_DEFS];
    size_t found = 0;
    worker_option_defs(WORKER_DISTRIBUTED, defs);
    for (size_t d = 0; d < WORKER_DEFS; d++) {
        const struct worker_option *options = (const struct worker_option *)(const void *)defs[d]->rows;
        for (size_t i = 0; i < defs[d]->count; i++) {
            const char *known = options[i].row.name;
            if (!begins_with(known, OWN_DOTTED) || (words_beside(name, known) != 1 && words_beside(known, name) != 1))
                continue;
            found++;
            snprintf(guess, WORKER_NAME_MAX, "%s", known);
        }
    }
    return found == 1;
}

bool worker_name_guess(const char *name, char guess[WORKER_NAME_MAX])
{
    struct search search = find(name);
    if (search.distance > LETTERS_OFF)
        return begins_with(name, OWN_DOTTED) && guess_by_words(name, guess);
    memcpy(guess, search.nearest, WORKER_NAME_MAX);
    return true;
}
