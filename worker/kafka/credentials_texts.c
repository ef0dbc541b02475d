/* credentials_texts.c: which text counts for a property of credentials. */
#include "kafka/credentials_internal.h"

#include <string.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"

#include "base/bans.h"

#define REPLACEMENTS_MAX 1000 /* texts that were in force once; the oldest is forgotten for a further one */

static const char *const names[] = {
    "sasl.jaas.config",       "ssl.keystore.password",   "ssl.keystore.key",
    "ssl.key.password",       "ssl.truststore.password", "ssl.keystore.certificate.chain",
    "ssl.truststore.certificates",
    "ssl.keystore.location",  "ssl.truststore.location",
    "sasl.oauthbearer.client.credentials.client.secret",
};
#define NAMES (sizeof names / sizeof *names)

struct replacement {
    struct replacement *next; /* an older one */
    size_t name;
    char *former, *present;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct replacement *replacements; /* lock */
static uint64_t generation;              /* lock */

static size_t find_name(const char *property)
{
    size_t i = 0;
    while (i < NAMES && strcmp(names[i], property) != 0)
        i++;
    return i;
}

bool credentials_is_property(const char *property)
{
    return find_name(property) < NAMES;
}

uint64_t credentials_generation(void)
{
    mutex_lock(&lock);
    uint64_t now = generation;
    mutex_unlock(&lock);
    return now;
}

static void replacement_destroy(struct replacement *replacement)
{
    if (replacement == NULL)
        return;
    if (replacement->former != NULL)
        explicit_bzero(replacement->former, strlen(replacement->former));
    if (replacement->present != NULL)
        explicit_bzero(replacement->present, strlen(replacement->present));
    mem_free(replacement->former);
    mem_free(replacement->present);
    mem_free(replacement);
}

/* Those that would be older than REPLACEMENTS_MAX, those of the same former text, and what has come to its old text again. locks: lock. */
static void tidy_up(const struct replacement *latest)
{
    size_t kept = 0;
    for (struct replacement **at = &replacements; *at != NULL;) {
        struct replacement *one = *at;
        bool is_void = one != latest && ((one->name == latest->name && strcmp(one->former, latest->former) == 0) ||
                                         strcmp(one->former, one->present) == 0 || kept >= REPLACEMENTS_MAX);
        kept += !is_void;
        if (!is_void) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        replacement_destroy(one);
    }
}

/* Whatever led to `former` leads to `present`. locks: lock. */
static bool redirect(size_t name, const char *former, const char *present)
{
    for (struct replacement *at = replacements; at != NULL; at = at->next) {
        if (at->name != name || strcmp(at->present, former) != 0)
            continue;
        char *copy = mem_strdup(present);
        if (copy == NULL)
            return false;
        explicit_bzero(at->present, strlen(at->present));
        mem_free(at->present);
        at->present = copy;
    }
    return true;
}

int credentials_replace(const char *property, const char *former, const char *present, struct mr_error **error)
{
    size_t name = find_name(property);
    if (name >= NAMES || strcmp(former, present) == 0)
        return 0;
    struct replacement *fresh = mem_calloc(1, sizeof *fresh);
    if (fresh != NULL)
        *fresh = (struct replacement){.name = name, .former = mem_strdup(former), .present = mem_strdup(present)};
    mutex_lock(&lock);
    bool ok = fresh != NULL && fresh->former != NULL && fresh->present != NULL && redirect(name, former, present);
    if (ok) {
        fresh->next = replacements;
        replacements = fresh;
        generation++;
        tidy_up(fresh);
    }
    mutex_unlock(&lock);
    if (ok)
        return 0;
    replacement_destroy(fresh);
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the present text of %s", property);
}

/* locks: lock. */
static const char *present_of(size_t name, const char *text)
{
    for (const struct replacement *at = replacements; at != NULL; at = at->next) {
        if (at->name == name && strcmp(at->former, text) == 0)
            return at->present;
    }
    return NULL;
}

bool credentials_update(struct string_map *properties)
{
    bool ok = true;
    mutex_lock(&lock);
    for (size_t i = 0; ok && i < NAMES && replacements != NULL; i++) {
        const char *text = string_map_get(properties, names[i]);
        const char *present = text != NULL ? present_of(i, text) : NULL;
        if (present != NULL)
            ok = string_map_put(properties, names[i], present);
    }
    mutex_unlock(&lock);
    return ok;
}

void credentials_forget_all(void)
{
    mutex_lock(&lock);
    while (replacements != NULL) {
        struct replacement *next = replacements->next;
        replacement_destroy(replacements);
        replacements = next;
    }
    generation++;
    mutex_unlock(&lock);
}
